"""The programs that pip cannot install, and how to get them on this system."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.errors import MissingTool
from ukrom.host.packages import PackageManager, package_manager

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MKFS_EROFS", "QEMU", "SETPRIV", "TOOLS", "FoundTool", "Tool", "find_tool", "locate"]

_TIMEOUT_S = 20.0
# Where administrators' programs lie; the PATH of a plain user often leaves them out.
_ALSO = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/opt/homebrew/bin")


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that is needed.

    Attributes:
        program: The name of its file.
        purpose: What it is needed for, as it reads after "needed to".
        packages: The package that has it, by package manager; absent where it does not exist.
        version_option: What makes it print its version.
    """

    program: str
    purpose: str
    packages: Mapping[PackageManager, str]
    version_option: str = "--version"

    def remedy(self, manager: PackageManager | None) -> str:
        """How to get it on a system, in a sentence."""
        if manager is None:
            return f"Install the program {self.program} with the means of this system, then `ukrom doctor`."
        if manager not in self.packages:
            return f"There is no {self.program} for this system; VMs need a Linux machine."
        command = f"{manager.value} {self.packages[manager]}"
        return f"Run `ukrom setup`, or `{command}`." if manager is PackageManager.APT else f"Run `{command}`."


@dataclass(frozen=True, slots=True)
class FoundTool:
    """A program that is there and runs."""

    path: Path
    version: str


QEMU = Tool(
    "qemu-system-x86_64",
    "boot virtual machines",
    {
        PackageManager.APT: "qemu-system-x86",
        PackageManager.DNF: "qemu-system-x86-core",
        PackageManager.PACMAN: "qemu-system-x86",
        PackageManager.APK: "qemu-system-x86_64",
        PackageManager.BREW: "qemu",
    },
)
MKFS_EROFS = Tool(
    "mkfs.erofs",
    "make ROMs and base images",
    dict.fromkeys(PackageManager, "erofs-utils"),
    version_option="-V",
)
SETPRIV = Tool(
    "setpriv",
    "end QEMU when its parent ends",
    {
        PackageManager.APT: "util-linux",
        PackageManager.DNF: "util-linux",
        PackageManager.PACMAN: "util-linux",
        PackageManager.APK: "setpriv",
    },
)
TOOLS = (QEMU, MKFS_EROFS, SETPRIV)


def find_tool(tool: Tool, chosen: Path | None = None) -> FoundTool:
    """Find a program and ask it for its version.

    Args:
        tool: Which one.
        chosen: Where the user says it is; then nothing else is looked at.

    Raises:
        MissingTool: It is not there, or does not run.
    """
    path = locate(tool, chosen)
    return FoundTool(path, _version(tool, path))


def locate(tool: Tool, chosen: Path | None = None) -> Path:
    """Find a program without running it.

    Raises:
        MissingTool: It is not there.
    """
    if chosen is not None:
        if chosen.is_file():
            return chosen
        remedy = f"Give the path of {tool.program}, or forget it with `ukrom setup --forget`."
        raise MissingTool(tool.program, f"{chosen}, given as {tool.program}, is no file.", remedy=remedy)
    path = shutil.which(tool.program) or shutil.which(tool.program, path=":".join(_ALSO))
    if path is None:
        message = f"{tool.program} (needed to {tool.purpose}) is neither on PATH nor in {', '.join(_ALSO)}."
        raise MissingTool(tool.program, message, remedy=tool.remedy(package_manager()))
    return Path(path)


def _version(tool: Tool, path: Path) -> str:
    """Whoever says its version runs; the exit status says less: mkfs.erofs 1.5 says it and fails."""
    command = [str(path), tool.version_option]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_running(tool, path, str(error)) from error
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    if found is None:
        raise _not_running(tool, path, done.stderr.strip() or f"status {done.returncode}")
    return found.group()


def _not_running(tool: Tool, path: Path, words: str) -> MissingTool:
    message = f"{path} (needed to {tool.purpose}) does not run: {words.partition(chr(10))[0]}"
    return MissingTool(tool.program, message, remedy=tool.remedy(package_manager()))
