"""What setup does on a machine that lacks things: apt and its packages are stand-ins."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ukrom.errors import MissingTool, SettingsError
from ukrom.host import Choices, PackageManager, find_kernel, steps, store_kernel

if TYPE_CHECKING:
    from pathlib import Path

APT_GET = """\
echo "$@" >> {log}
case "$*" in
    *update) /usr/bin/touch {root}/lists;;
    *install*)
        for tool in qemu-system-x86_64 mkfs.erofs setpriv; do
            /bin/cp {root}/shelf/$tool {root}/bin/$tool
        done;;
    *download*)
        [ -e {root}/stale ] && [ ! -e {root}/lists ] && exit 100
        for word in "$@"; do
            if [ -e "{root}/shelf/$word.deb" ]; then /bin/cp "{root}/shelf/$word.deb" .; fi
        done;;
esac
"""
APT_CACHE = """\
[ -e {root}/lists ] || [ -e {root}/stale ] || exit 100
case "$*" in
    "depends linux-image-virtual") echo "  Depends: linux-image-6.1.0-9-cloud-amd64";;
    "depends linux-image-6.1.0-9-cloud-amd64")
        echo "  Depends: kmod"; echo " |Depends: linux-modules-6.1.0-9-cloud-amd64"
        echo "  Conflicts: linux-modules-6.0.0-1-cloud-amd64";;
    show*linux-image*) echo "Size: 12000000"; echo "Size: 15000000";;
    show*linux-modules-extra*) [ -e {root}/shelf/linux-modules-extra-*.deb ] && echo "Size: 1";;
esac
"""


@dataclass
class Machine:
    """A machine with apt, whose programs and packages are scripts and tar files."""

    root: Path

    def script(self, folder, name, text):
        path = self.root / folder / name
        path.write_text(
            "#!/bin/sh\n" + text.replace("{root}", str(self.root)).replace("{log}", str(self.log))
        )
        path.chmod(0o755)

    def package(self, name, tree, pattern):
        with tarfile.open(self.root / "shelf" / f"{name}.deb", "w") as archive:
            for path in sorted(tree.rglob(pattern)):
                if path.is_file():
                    archive.add(path, f"./{path.relative_to(tree)}")

    @property
    def log(self):
        return self.root / "log"

    @property
    def calls(self):
        """What apt-get was told, without its constant options."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.partition("Timeout=300 ")[2] for line in lines]

    def carry_out(self, cache, chosen=None):
        todo = steps(cache, chosen or Choices())
        for step in todo:
            step.do()
        return [step.what for step in todo]


@pytest.fixture
def machine(tmp_path, monkeypatch, fake_qemu, tree):
    machine = Machine(tmp_path)
    for folder in ("bin", "shelf"):
        (tmp_path / folder).mkdir()
    (tmp_path / "lists").touch()
    (tmp_path / "bin" / "env").symlink_to("/usr/bin/env")
    fake_qemu().rename(tmp_path / "shelf" / "qemu-system-x86_64")
    machine.script("shelf", "mkfs.erofs", "echo mkfs.erofs 1.5")
    machine.script("shelf", "setpriv", "echo setpriv 2.38")
    machine.script("bin", "apt-get", APT_GET)
    machine.script("bin", "apt-cache", APT_CACHE)
    machine.script("bin", "dpkg-deb", '/bin/cat "$2"\n')
    machine.package("linux-image-6.1.0-9-cloud-amd64", tree.root, "vmlinuz-*")
    machine.package("linux-modules-6.1.0-9-cloud-amd64", tree.root, "*.ko")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("ukrom.host.tools._ALSO", ())
    monkeypatch.setattr("ukrom.host.provision.package_manager", lambda: PackageManager.APT)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return machine


def install_programs(machine):
    for path in (machine.root / "shelf").iterdir():
        if path.suffix != ".deb":
            path.rename(machine.root / "bin" / path.name)


def test_bare_machine_gets_programs_and_a_kernel(machine, cache, tmp_path):
    assert machine.carry_out(cache) == [
        (
            "install qemu-system-x86, erofs-utils, util-linux"
            " (apt-get install --no-install-recommends qemu-system-x86 erofs-utils util-linux)"
        ),
        (
            "download linux-image-6.1.0-9-cloud-amd64 and linux-modules-6.1.0-9-cloud-amd64 (27 MB)"
            f" and unpack the guest kernel into {cache.root / 'kernel'}; nothing of it is installed"
        ),
    ]
    assert machine.calls == [
        "install --no-install-recommends qemu-system-x86 erofs-utils util-linux",
        (
            "-o APT::Sandbox::User=root download"
            " linux-image-6.1.0-9-cloud-amd64 linux-modules-6.1.0-9-cloud-amd64"
        ),
    ]
    assert find_kernel(cache).release == "6.1.0-9-cloud-amd64"
    assert [path.name for path in (cache.root / "kernel").iterdir()] == ["6.1.0-9-cloud-amd64"]


def test_second_time_there_is_nothing_to_do(machine, cache):
    machine.carry_out(cache)
    before = machine.calls
    assert steps(cache, Choices()) == []
    assert machine.calls == before


def test_only_what_is_missing_is_got(machine, cache, tree):
    install_programs(machine)
    assert len(machine.carry_out(cache)) == 1
    assert not any("install" in call.split() for call in machine.calls)


def test_empty_package_lists_are_refreshed_first(machine, cache):
    (machine.root / "lists").unlink()
    what = machine.carry_out(cache)
    assert what[0] == "refresh the package lists (apt-get update)"
    assert what[2].startswith("download the newest kernel package and unpack")
    assert machine.calls[0] == "update"
    assert find_kernel(cache).modules


def test_stale_package_lists_are_refreshed_after_a_failure(machine, cache, capfd):
    install_programs(machine)
    (machine.root / "lists").rename(machine.root / "stale")
    machine.carry_out(cache)
    assert [call.split()[0] for call in machine.calls] == ["-o", "update", "-o"]
    assert find_kernel(cache).modules


def test_modules_kept_in_a_package_apart_are_fetched(machine, cache, tree):
    install_programs(machine)
    machine.package("linux-modules-extra-6.1.0-9-cloud-amd64", tree.root, "*.ko")
    machine.package("linux-modules-6.1.0-9-cloud-amd64", tree.root, "virtio*.ko")
    machine.carry_out(cache)
    assert machine.calls[-1].endswith("download linux-modules-extra-6.1.0-9-cloud-amd64")
    assert "erofs" in [module.name for module in find_kernel(cache).modules]


def test_kernel_that_lacks_a_module_for_good_is_told(machine, cache, tree):
    install_programs(machine)
    machine.package("linux-modules-6.1.0-9-cloud-amd64", tree.root, "virtio*.ko")
    with pytest.raises(MissingTool, match="has no module"):
        machine.carry_out(cache)
    assert list((cache.root / "kernel").iterdir()) == []


def test_damaged_package_is_told(machine, cache):
    install_programs(machine)
    (machine.root / "shelf" / "linux-image-6.1.0-9-cloud-amd64.deb").write_bytes(b"!<arch>")
    with pytest.raises(MissingTool, match=r"linux-image-.*\.deb cannot be unpacked"):
        machine.carry_out(cache)


def test_no_kernel_in_any_source_is_told(machine, cache):
    machine.script("bin", "apt-cache", "exit 100")
    with pytest.raises(MissingTool, match="No package source of this system has a kernel"):
        machine.carry_out(cache)


def test_failing_install_is_told_with_its_command(machine, cache):
    machine.script("bin", "apt-get", "exit 100")
    with pytest.raises(MissingTool, match=r"`apt-get .*update` failed with status 100"):
        machine.carry_out(cache)


def test_plain_user_needs_sudo(machine, cache, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(MissingTool, match="root only, and there is no sudo"):
        steps(cache, Choices())


def test_plain_user_is_told_of_sudo(machine, cache, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    machine.script("bin", "sudo", 'echo sudo >> {root}/asked; exec "$@"')
    what = machine.carry_out(cache)
    assert "(sudo apt-get install" in what[0]
    assert (machine.root / "asked").read_text() == "sudo\n"


def test_other_systems_get_a_list_of_what_to_do(machine, cache, monkeypatch):
    monkeypatch.setattr("ukrom.host.provision.package_manager", lambda: PackageManager.DNF)
    with pytest.raises(MissingTool) as caught:
        steps(cache, Choices())
    text = str(caught.value)
    assert "qemu-system-x86_64: Run `sudo dnf install qemu-system-x86-core`." in text
    assert "mkfs.erofs: Run `sudo dnf install erofs-utils`." in text
    assert "guest kernel: Use an x86_64 Linux kernel" in text
    assert text.endswith("Then run `ukrom setup` again.")
    assert machine.calls == []


def test_machine_of_another_architecture_is_told_to_name_a_kernel(machine, cache, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(MissingTool, match=r"no kernel for x86_64\.(.|\n)*--kernel"):
        steps(cache, Choices())


def test_named_kernel_needs_no_download(machine, cache, tree):
    install_programs(machine)
    assert steps(cache, Choices(kernel=tree.image, modules=tree.modules)) == []


def test_named_kernel_is_checked_not_replaced(machine, cache, tree):
    install_programs(machine)
    (tree.modules / "kernel" / "erofs.ko").unlink()
    with pytest.raises(MissingTool, match="has no module erofs"):
        steps(cache, Choices(kernel=tree.image, modules=tree.modules))
    tree.image.write_bytes(b"text")
    with pytest.raises(SettingsError, match="no Linux kernel image"):
        steps(cache, Choices(kernel=tree.image))


def test_named_qemu_is_checked_not_replaced(machine, cache, tree, fake_qemu):
    install_programs(machine)
    store_kernel(cache, tree.root)
    with pytest.raises(MissingTool, match="built without the machine microvm"):
        steps(cache, Choices(qemu=fake_qemu(machine="pc")))
