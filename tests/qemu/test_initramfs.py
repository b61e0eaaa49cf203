from pathlib import Path

from ukrom.host import Cache, GuestKernel, Module
from ukrom.qemu import initramfs


def made(tmp_path, agent=b"agent"):
    binary, module = tmp_path / "agent", tmp_path / "erofs.ko"
    binary.write_bytes(agent)
    module.write_bytes(b"module")
    kernel = GuestKernel(Path("/vmlinuz"), "6.1", (Module("erofs", module),))
    return initramfs(Cache(tmp_path / "cache"), kernel, binary)


def test_the_agent_is_init_and_the_modules_are_named_in_order(tmp_path):
    content = made(tmp_path).read_bytes()

    assert all(
        name in content for name in (b"./init", b"./modules/order", b"./modules/erofs.ko", b"./dev/console")
    )
    assert b"erofs\n" in content


def test_the_same_content_is_made_once(tmp_path):
    first = made(tmp_path)
    written = first.stat().st_mtime_ns

    assert made(tmp_path) == first
    assert first.stat().st_mtime_ns == written


def test_another_agent_gives_another_file(tmp_path):
    assert made(tmp_path) != made(tmp_path, agent=b"new agent")
