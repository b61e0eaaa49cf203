"""The Python interpreter that a base image is made from, and whether a guest can run it at all."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ukrom.errors import HostNotSupported, ImageError
from ukrom.images import probe
from ukrom.images.architectures import host_architecture
from ukrom.images.elf import read_elf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.images.architectures import Architecture

__all__ = ["Interpreter", "inspect_interpreter"]

_TIMEOUT_S = 60.0
_INSTEAD = (
    "Make a root file system for Linux elsewhere (for example by `docker export` of a python image) and "
    "give it to ukrom.image_from_dir."
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter of this machine; virtual environments are looked through to their base."""

    executable: Path
    """As it was named; a virtual environment's own."""
    binary: Path
    """The program file of the base installation."""
    build: str
    """`sys.version`, which names compiler and time of the build."""
    version: str
    """`3.<minor>`."""
    stdlib: Path
    extensions: Path | None
    """The folder of the standard library's C extensions, if there is one."""
    library_folder: str
    """`lib` or `lib64`: where below a prefix this build looks for its standard library."""
    sites: tuple[Path, ...]
    """Folders of installed distributions, first found first."""
    markers: Mapping[str, str]
    """Environment markers (PEP 508)."""
    architecture: Architecture

    @property
    def guest_stdlib(self) -> str:
        """Where the guest has the standard library: below the program's prefix, so that it is found."""
        return f"/usr/{self.library_folder}/{self.stdlib.name}"

    @property
    def guest_site(self) -> str:
        """Where this build looks for distributions; Debian's Python looks elsewhere than all others."""
        if "dist-packages" in (self.stdlib / "site.py").read_text(errors="replace"):
            return "/usr/lib/python3/dist-packages"
        return f"{self.guest_stdlib}/site-packages"


def inspect_interpreter(executable: str | Path) -> Interpreter:
    """Ask an interpreter about itself.

    Raises:
        ImageError: It cannot be run.
        HostNotSupported: A Linux guest of this machine's architecture cannot run it.
    """
    is_own = str(executable) == sys.executable
    said = probe.describe() if is_own else _ask(executable)
    architecture = _supported(said)
    return Interpreter(
        executable=Path(executable),
        binary=Path(said["binary"]),
        build=said["build"],
        version=said["version"],
        stdlib=Path(said["stdlib"]),
        extensions=Path(said["extensions"]) if said["extensions"] else None,
        library_folder=said["library_folder"],
        sites=tuple(Path(folder) for folder in said["sites"]),
        markers=said["markers"],
        architecture=architecture,
    )


def _ask(executable: str | Path) -> dict[str, Any]:
    command = [str(executable), "-I", probe.__file__]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
        said = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        raise ImageError(
            f"The interpreter {str(executable)!r} cannot tell about itself: {error.stderr.strip()}.",
            remedy="Name a CPython 3.11 or newer.",
        ) from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ImageError(
            f"{str(executable)!r} is no Python interpreter: {error}.", remedy="Name a CPython 3.11 or newer."
        ) from error
    return dict(said)


def _supported(said: Mapping[str, Any]) -> Architecture:
    if said["platform"] != "linux":
        raise HostNotSupported(
            f"The guest runs Linux and cannot run the Python of this machine ({said['platform']}).",
            remedy=_INSTEAD,
        )
    if said["implementation"] != "cpython":
        raise HostNotSupported(
            f"Base images are made from CPython, but {said['executable']!r} is {said['implementation']}.",
            remedy=f"Run the tests under CPython. Or: {_INSTEAD}",
        )
    architecture = host_architecture()
    elf = read_elf(Path(said["binary"]))
    if elf is None or elf.architecture != architecture:
        kind = "no ELF program" if elf is None else elf.architecture or "of another architecture"
        raise HostNotSupported(
            f"The guest is {architecture} and cannot run {said['binary']!r}, which is {kind}.",
            remedy=_INSTEAD,
        )
    return architecture
