"""What a Python base image is made of, how that is named, and how it is put together."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom import roms
from ukrom.errors import ImageError, RomError
from ukrom.images.bytecode import compile_modules
from ukrom.images.commands import check_command
from ukrom.images.elf import read_elf
from ukrom.images.libraries import host_libraries_key, host_search
from ukrom.images.packages import add_package
from ukrom.images.programs import add_programs, programs_key
from ukrom.images.runtime import add_runtime, runtime_key
from ukrom.images.warming import python_warming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ukrom.images.distributions import Installed
    from ukrom.images.interpreter import Interpreter
    from ukrom.images.rootfs import RootTree
    from ukrom.images.trees import TreeCache

__all__ = ["GUEST_PYTHON", "Parts", "guest_script", "user_entries"]

GUEST_PYTHON = "/usr/bin/python3"
"""Where in the guest the interpreter is."""

_LAYOUT = "python-3"
"""Names how parts are joined; a new way gets a new name, so that old images are not reused."""


@dataclass(frozen=True)
class Parts:
    """All that an image is made of, and nothing else: the same parts are the same image."""

    interpreter: Interpreter
    packages: tuple[Installed, ...]
    programs: dict[str, Path]
    """Path in the guest to path on this machine."""
    entries: tuple[roms.Entry, ...]
    """The user's files, the script among them."""
    script: str
    """Where in the guest; a program that is started by its path needs no bytecode."""
    args: tuple[str, ...]
    env: dict[str, str]

    @property
    def warm(self) -> tuple[tuple[str, ...], ...]:
        """What to run before a snapshot layer of the image is saved."""
        return (python_warming(GUEST_PYTHON, self.script),)

    def key(self) -> str:
        """Name the image: changes with everything that goes into it."""
        hashed = hashlib.sha256(json.dumps([_LAYOUT, self.args, list(self.env.items()), self.warm]).encode())
        for name in self._fillers():
            hashed.update(f"\0{name}".encode())
        for entry in self.entries:
            hashed.update(_entry_key(entry))
        return hashed.hexdigest()

    def join(self, tree: RootTree, trees: TreeCache) -> None:
        """Put everything into a tree; what comes from this machine is made once and kept in `trees`.

        Raises:
            ImageError: Something cannot be read or has no place, or the command cannot start.
        """
        tree.furnish()
        for name, fill in self._fillers().items():
            tree.merge(trees.tree(name, fill))
        for entry in self.entries:
            _place(tree, entry)
        self._add_user_libraries(tree)
        self._compile_user_modules(tree)
        check_command(tree, self.args, self.env, self.interpreter.architecture)

    def _fillers(self) -> dict[str, Callable[[RootTree], None]]:
        """What comes from this machine, by a name that changes with its content."""
        python = self.interpreter
        libraries = host_libraries_key(python.architecture)

        def named(kind: str, *contents: str) -> str:
            return f"{kind}-{hashlib.sha256(chr(0).join((libraries, *contents)).encode()).hexdigest()}"

        fillers: dict[str, Callable[[RootTree], None]] = {
            # Programs first: where two trees have the same path, the earlier one stays.
            named("programs", programs_key(self.programs)): partial(
                add_programs, programs=self.programs, architecture=python.architecture
            ),
            named("python", runtime_key(python)): partial(add_runtime, interpreter=python),
        }
        for package in self.packages:
            name = named(f"package-{package.name}", python.build, python.guest_site, package.key())
            fillers[name] = partial(add_package, interpreter=python, package=package)
        return fillers

    def _add_user_libraries(self, tree: RootTree) -> None:
        """A program or extension module among the user's files needs its libraries as any other does."""
        architecture = self.interpreter.architecture
        for entry in self.entries:
            if isinstance(entry, roms.File) and isinstance(entry.content, Path):
                elf = read_elf(entry.content)
                # Machine code for others is just data.
                if elf is not None and elf.architecture == architecture:
                    tree.binary(entry.content, f"/{entry.path}", entry.mode)
        tree.add_libraries(host_search(architecture))

    def _compile_user_modules(self, tree: RootTree) -> None:
        files = [f"/{entry.path}" for entry in self.entries if isinstance(entry, roms.File)]
        modules = [tree.at(file) for file in files if file.endswith(".py") and file != self.script]
        compile_modules(self.interpreter, tree.folder, modules)


def guest_script(script: Path) -> str:
    """Where in the guest a script goes."""
    return f"/src/{script.name}"


def user_entries(script: Path, files: Mapping[str, str | bytes | Path]) -> tuple[roms.Entry, ...]:
    """List the user's own files of an image, the script under `/src` among them.

    Raises:
        ImageError: One is not there, or has a path that no file of an image can have.
    """
    if not script.is_file():
        what = "is no file" if script.exists() else "does not exist"
        raise ImageError(
            f"The script {str(script)!r} {what}.", remedy=f"Relative paths start at {str(Path.cwd())!r}."
        )
    relative = [path for path in files if not path.startswith("/")]
    if relative:
        raise ImageError(
            f"{relative[0]!r} in files is no absolute path of the guest.",
            remedy=f"Write '/{relative[0]}', or wherever it shall be.",
        )
    guest = guest_script(script)
    if guest in files:
        raise ImageError(
            f"{guest!r} is in files, and is where the script goes.", remedy="Rename one of them."
        )
    try:
        listed = roms.collect({**files, guest: script})
    except RomError as error:
        raise ImageError(error.message, remedy=error.remedy) from error
    return tuple(entry for entry in listed if "__pycache__" not in entry.path.split("/"))


def _place(tree: RootTree, entry: roms.Entry) -> None:
    guest = f"/{entry.path}"
    match entry:
        case roms.Directory():
            if not tree.follow(guest).is_dir():
                tree.directory(guest, entry.mode)
        case roms.File(content=bytes() as data):
            tree.write(guest, data, entry.mode)
        case roms.File(content=Path() as host):
            tree.copy(host, guest, entry.mode)
        case roms.Symlink():
            tree.link(guest, entry.target)
        case _:
            raise ImageError(f"{guest!r} is a device node, which an image does not carry.")


def _entry_key(entry: roms.Entry) -> bytes:
    """Name one of the user's files: where it is, what it is, what is in it."""
    hashed = hashlib.sha256()
    if isinstance(entry, roms.File):
        content = entry.content
        hashed.update(content if isinstance(content, bytes) else _read(content))
        what = f"{entry.mode:o}"
    else:
        what = repr(entry)
    hashed.update(f"\0{entry.path}\0{what}".encode(errors="surrogateescape"))
    return hashed.digest()


def _read(host: Path) -> bytes:
    try:
        return host.read_bytes()
    except OSError as error:
        raise ImageError(f"{str(host)!r} cannot be read: {error.strerror}.") from error
