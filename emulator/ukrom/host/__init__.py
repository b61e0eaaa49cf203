"""What this machine offers: programs, a guest kernel, a cache folder, an accelerator, the guest agent.

Nothing here installs anything; `ukrom setup` does, with `ukrom.host.provision`.
"""

from __future__ import annotations

from ukrom.host.agent import agent_binary
from ukrom.host.cache import Cache, find_cache
from ukrom.host.kernel import GuestKernel, find_kernel, kernel_release, store_kernel
from ukrom.host.modules import Module
from ukrom.host.settings import Choices, choices, remember, remembered

__all__ = [
    "Cache",
    "Choices",
    "GuestKernel",
    "Module",
    "agent_binary",
    "choices",
    "find_cache",
    "find_kernel",
    "kernel_release",
    "remember",
    "remembered",
    "store_kernel",
]
