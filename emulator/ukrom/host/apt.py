"""Packages on Debian, Ubuntu and their kin: install programs, download and unpack a kernel."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

from ukrom.errors import MissingTool

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["become_root", "download", "download_size", "install", "kernel_packages", "unpack", "update"]

_TIMEOUT_S = 120.0
_KERNELS = ("linux-image-cloud-amd64", "linux-image-virtual", "linux-image-generic", "linux-image-amd64")
"""Packages that depend on the newest kernel, small ones first: Debian's, Ubuntu's, Ubuntu's, Debian's."""

_KERNEL_PART = re.compile(r"^[ |]*Depends: (linux-(?:image|modules|binary)-\d\S*)$", re.MULTILINE)
_KERNEL_FILE = re.compile(r"(boot/vmlinuz-[^/]+|(usr/)?lib/modules/[^/]+/(modules\.builtin|.+\.ko(\.\w+)?))")
# A machine that has just come up is often busy with its own updates.
_APT_GET = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300")


def become_root() -> tuple[str, ...]:
    """What to put before a command that only root may run.

    Raises:
        MissingTool: The user is not root, and there is no sudo.
    """
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo"):
        return ("sudo",)
    message = "Packages can be installed by root only, and there is no sudo."
    raise MissingTool(
        "sudo", message, remedy="Run `ukrom setup` as root, with UKROM_CACHE set to your cache."
    )


def update() -> None:
    """Refresh the package lists.

    Raises:
        MissingTool: It failed.
    """
    _run(*become_root(), *_APT_GET, "update")


def install(packages: list[str]) -> None:
    """Install packages; with fresh lists if the ones that are there turn out to be old.

    Raises:
        MissingTool: It failed.
    """
    # sudo passes no variables on; env sets them behind it. dpkg insists on the administrators' folders.
    path = f"PATH={os.environ.get('PATH', '/usr/bin:/bin')}:/usr/local/sbin:/usr/sbin:/sbin"
    words = [*become_root(), "env", "DEBIAN_FRONTEND=noninteractive", path, *_APT_GET]
    words += ["install", "--no-install-recommends", *packages]
    try:
        _run(*words)
    except MissingTool:
        update()
        _run(*words)


def kernel_packages() -> list[str]:
    """The packages of the newest stock kernel for virtual machines; empty if the lists name none."""
    for name in _KERNELS:
        found = _parts(name)
        for package in found:
            found += [part for part in _parts(package) if part not in found]
        if found:
            return found
    return []


def download_size(packages: list[str]) -> int:
    """What has to be downloaded of these packages, in bytes."""
    shown = _ask("show", "--no-all-versions", *packages)
    return sum(int(size) for size in re.findall(r"^Size: (\d+)$", shown, re.MULTILINE))


def download(packages: list[str], folder: Path) -> list[Path]:
    """Download packages into a folder, without installing them.

    Raises:
        MissingTool: It failed.
    """
    # The folder is this user's alone; apt's own user could not write there, and would only warn.
    words = [*_APT_GET, "-o", "APT::Sandbox::User=root", "download", *packages]
    try:
        _run(*words, folder=folder)
    except MissingTool:
        update()
        _run(*words, folder=folder)
    return sorted(folder.glob("*.deb"))


def unpack(package: Path, folder: Path) -> None:
    """Unpack the kernel and its modules out of a package, and nothing else.

    Raises:
        MissingTool: The package cannot be read.
    """
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    _extract(archive, member, folder)
    except (OSError, tarfile.TarError) as error:
        remedy = "Run `ukrom setup` again."
        raise MissingTool(
            "guest kernel", f"{package.name} cannot be unpacked: {error}.", remedy=remedy
        ) from error


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = member.name.removeprefix("./")
    if not member.isreg() or not _KERNEL_FILE.fullmatch(name) or ".." in name.split("/"):
        return
    content = archive.extractfile(member)
    assert content is not None
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("wb") as file:
        shutil.copyfileobj(content, file)


def _parts(package: str) -> list[str]:
    return list(dict.fromkeys(_KERNEL_PART.findall(_ask("depends", package))))


def _ask(*words: str) -> str:
    """What apt-cache says, in English; nothing if it knows nothing."""
    environ = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        ["apt-cache", *words], capture_output=True, text=True, env=environ, check=False, timeout=_TIMEOUT_S
    )
    return done.stdout


def _run(*words: str, folder: Path | None = None) -> None:
    """Run with the user's terminal: apt tells its progress, sudo asks for a password."""
    done = subprocess.run(words, cwd=folder, check=False)
    if done.returncode:
        message = f"`{shlex.join(words)}` failed with status {done.returncode}."
        remedy = "Its reason stands above; when it is removed, run `ukrom setup` again."
        raise MissingTool("apt-get", message, remedy=remedy)
