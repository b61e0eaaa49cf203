"""What this machine offers: programs, a guest kernel, a cache folder, an accelerator, the guest agent.

What is missing is got by `ukrom setup`, with `ukrom.host.provision`; nothing else here installs anything.
"""

from __future__ import annotations

from ukrom.host.acceleration import Accelerator, accelerator
from ukrom.host.agent import agent_binary, agent_sources
from ukrom.host.budget import Budget, Claim
from ukrom.host.cache import Cache, CacheUse, find_cache
from ukrom.host.capacity import capacity
from ukrom.host.compile import find_compiler
from ukrom.host.holdings import PURPOSES, Fate, Holding, Purpose, Tally, find_holdings
from ukrom.host.kernel import GuestKernel, find_kernel, kernel_release, store_kernel
from ukrom.host.modules import Module
from ukrom.host.packages import PackageManager, package_manager
from ukrom.host.provision import Step, steps
from ukrom.host.pruning import Pruned, PruneWish, plan_pruning, prune_cache
from ukrom.host.qemu import Qemu, find_qemu
from ukrom.host.runs import RunFolder
from ukrom.host.settings import Choices, choices, layers_limit, named_by_environment, remember, remembered
from ukrom.host.tools import MKFS_EROFS, QEMU, SETPRIV, TOOLS, FoundTool, Tool, find_tool
from ukrom.host.trial import Trial

__all__ = [
    "MKFS_EROFS",
    "PURPOSES",
    "QEMU",
    "SETPRIV",
    "TOOLS",
    "Accelerator",
    "Budget",
    "Cache",
    "CacheUse",
    "Choices",
    "Claim",
    "Fate",
    "FoundTool",
    "GuestKernel",
    "Holding",
    "Module",
    "PackageManager",
    "PruneWish",
    "Pruned",
    "Purpose",
    "Qemu",
    "RunFolder",
    "Step",
    "Tally",
    "Tool",
    "Trial",
    "accelerator",
    "agent_binary",
    "agent_sources",
    "capacity",
    "choices",
    "find_cache",
    "find_compiler",
    "find_holdings",
    "find_kernel",
    "find_qemu",
    "find_tool",
    "kernel_release",
    "layers_limit",
    "named_by_environment",
    "package_manager",
    "plan_pruning",
    "prune_cache",
    "remember",
    "remembered",
    "steps",
    "store_kernel",
]
