"""How this system gets programs: its package manager, found by `/etc/os-release`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path

__all__ = ["PackageManager", "package_manager"]


class PackageManager(Enum):
    """The package managers that are known by name; the value is the command that installs packages."""

    APT = "sudo apt-get install --no-install-recommends"
    DNF = "sudo dnf install"
    PACMAN = "sudo pacman -S"
    APK = "sudo apk add"
    BREW = "brew install"


# The names that os-release gives as ID or ID_LIKE.
_BY_SYSTEM = {
    "debian": PackageManager.APT,
    "ubuntu": PackageManager.APT,
    "fedora": PackageManager.DNF,
    "rhel": PackageManager.DNF,
    "arch": PackageManager.PACMAN,
    "alpine": PackageManager.APK,
}


def package_manager(
    os_release: Path = Path("/etc/os-release"), platform: str = sys.platform
) -> PackageManager | None:
    """The package manager of this system, None if it is none of the known ones."""
    if platform == "darwin":
        return PackageManager.BREW
    try:
        lines = os_release.read_text(errors="replace").splitlines()
    except OSError:
        return None
    facts = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines)}
    names = [facts.get("ID", ""), *facts.get("ID_LIKE", "").split()]
    return next((_BY_SYSTEM[name] for name in names if name in _BY_SYSTEM), None)
