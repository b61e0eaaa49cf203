"""Kernels and modules made by hand, with just what the host room reads of them, and who shares a budget."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ukrom.host import Cache

from .sharers import Peer

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = "6.1.0-9-cloud-amd64"


def elf_module(name: str, *, release: str = RELEASE, depends: str = "", softdep: str = "") -> bytes:
    """An ELF64 file with nothing but a `.modinfo` section and the section names."""
    facts = [f"name={name}", f"depends={depends}", f"vermagic={release} SMP preempt mod_unload "]
    facts += [f"softdep={softdep}"] if softdep else []
    modinfo = b"\0".join(fact.encode() for fact in facts) + b"\0"
    names = b"\0.modinfo\0.shstrtab\0"
    start = 64 + len(modinfo) + len(names)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, start, 0, 64, 0, 0, 64, 3, 2)
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 0, 0, 64, len(modinfo), 0, 0, 1, 0)
    sections += struct.pack("<IIQQQQIIQQ", 10, 3, 0, 0, 64 + len(modinfo), len(names), 0, 0, 1, 0)
    return header + modinfo + names + sections


def bz_image(release: str = RELEASE) -> bytes:
    """The first kilobyte of a bzImage, which says its release."""
    setup = bytearray(1024)
    setup[0x202:0x206] = b"HdrS"
    setup[0x20E:0x210] = (0x300 - 0x200).to_bytes(2, "little")
    text = f"{release} (someone@somewhere) #1 SMP\0".encode()
    setup[0x300 : 0x300 + len(text)] = text
    return bytes(setup)


@dataclass
class KernelTree:
    """An unpacked kernel package."""

    root: Path
    release: str = RELEASE

    @property
    def image(self) -> Path:
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        return self.root / "lib" / "modules" / self.release

    def add(self, name: str, suffix: str = ".ko", **facts: str) -> Path:
        path = self.modules / "kernel" / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(elf_module(name, **({"release": self.release} | facts)))
        return path

    def build_in(self, *names: str) -> None:
        lines = [f"kernel/drivers/{name}.ko\n" for name in names]
        (self.modules / "modules.builtin").write_text("".join(lines))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for name in ("UKROM_QEMU", "UKROM_KERNEL", "UKROM_MODULES", "UKROM_ACCELERATOR"):
        monkeypatch.delenv(name, raising=False)
    return Cache(tmp_path / "cache")


@pytest.fixture
def make_tree(tmp_path):
    """Unpacked kernel packages by release, as Debian's: all is a module, no `modules.dep`."""

    def make(release: str = RELEASE) -> KernelTree:
        tree = KernelTree(tmp_path / f"tree-{release}", release)
        tree.image.parent.mkdir(parents=True)
        tree.image.write_bytes(bz_image(release))
        tree.add("virtio_ring")
        tree.add("virtio", depends="virtio_ring")
        for name in ("virtio_mmio", "virtio_blk", "virtio_console"):
            tree.add(name, depends="virtio,virtio_ring")
        tree.add("virtio_net", depends="virtio,net-failover")
        tree.add("net_failover")
        tree.add("libcrc32c", softdep="pre: crc32c")
        tree.add("erofs", depends="libcrc32c")
        tree.add("overlay")
        return tree

    return make


@pytest.fixture
def tree(make_tree):
    return make_tree()


@dataclass
class FakeQemu:
    """Writes a script in the place of QEMU; a call gives its path."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "qemu-system-x86_64"

    def __call__(
        self,
        *,
        version: str = "7.2.22",
        machine: str = "microvm",
        netdev: str = "user",
        device: str = "'name \"virtio-blk-device\", bus virtio-bus' virtio-net-device virtio-rng-device"
        " virtio-serial-device virtserialport",
        kvm: str = "exit 1",
        tcg: str = "exit 1",
        boot: str = "exit 1",
    ) -> Path:
        self.path.write_text(
            f"""#!/bin/sh
echo run >> {self.folder}/runs
case "$*" in
    --version) echo QEMU emulator version {version};;
    "-machine help") echo {machine};;
    "-netdev help") echo {netdev};;
    "-device help") echo {device};;
    *-kernel*) {boot};;
    *"-accel kvm"*) {kvm};;
    *"-accel tcg"*) {tcg};;
esac
"""
        )
        self.path.chmod(0o755)
        return self.path

    def runs(self) -> int:
        """How often it was run."""
        log = self.folder / "runs"
        return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture
def fake_qemu(tmp_path):
    folder = tmp_path / "qemu"
    folder.mkdir()
    return FakeQemu(folder)


@pytest.fixture
def folder(tmp_path):
    """Where those who share a budget keep their claims."""
    return tmp_path / "cache" / "budget"


@pytest.fixture
def peer(folder):
    """Processes that share the budget."""
    with contextlib.ExitStack() as stack:

        def make(capacity):
            made = Peer(folder, capacity)
            stack.callback(made.close)
            return made

        yield make
