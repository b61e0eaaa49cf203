"""What other rooms may use of this one."""

from __future__ import annotations

from ukrom import host


def test_public_names_are_these():
    assert host.__all__ == [
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
        "RunFolder",
        "Step",
        "Tool",
        "Trial",
        "accelerator",
        "agent_binary",
        "agent_sources",
        "choices",
        "find_cache",
        "find_compiler",
        "find_kernel",
        "find_qemu",
        "find_tool",
        "kernel_release",
        "named_by_environment",
        "package_manager",
        "remember",
        "remembered",
        "steps",
        "store_kernel",
    ]
    assert all(hasattr(host, name) for name in host.__all__)
