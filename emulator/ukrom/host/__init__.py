"""What this machine offers: programs, a guest kernel, a cache folder, an accelerator, the guest agent.

Nothing here installs programs; `ukrom setup` does.
"""

from __future__ import annotations

from ukrom.host.acceleration import Accelerator, accelerator
from ukrom.host.agent import agent_binary
from ukrom.host.cache import Cache, find_cache
from ukrom.host.kernel import GuestKernel, find_kernel, kernel_release, store_kernel
from ukrom.host.modules import Module
from ukrom.host.packages import PackageManager, package_manager
from ukrom.host.qemu import Qemu, find_qemu
from ukrom.host.settings import Choices, choices, remember, remembered
from ukrom.host.tools import MKFS_EROFS, QEMU, SETPRIV, TOOLS, FoundTool, Tool, find_tool
from ukrom.host.trial import Trial

__all__ = [
    "MKFS_EROFS",
    "QEMU",
    "SETPRIV",
    "TOOLS",
    "Accelerator",
    "Cache",
    "Choices",
    "FoundTool",
    "GuestKernel",
    "Module",
    "PackageManager",
    "Qemu",
    "Tool",
    "Trial",
    "accelerator",
    "agent_binary",
    "choices",
    "find_cache",
    "find_kernel",
    "find_qemu",
    "find_tool",
    "kernel_release",
    "package_manager",
    "remember",
    "remembered",
    "store_kernel",
]
