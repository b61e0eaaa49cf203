"""What other rooms may use of this one."""

from __future__ import annotations

from ukrom import host


def test_public_names_are_these():
    assert host.__all__ == [
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
    assert all(hasattr(host, name) for name in host.__all__)
