"""A Python runtime for guests: program, pruned and compiled standard library, shared libraries."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.images.bytecode import compile_modules
from ukrom.images.libraries import host_search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ukrom.images.interpreter import Interpreter
    from ukrom.images.libraries import Binary
    from ukrom.images.rootfs import RootTree

__all__ = ["add_runtime", "runtime_key"]

_PRUNING = "runtime-1"
"""Names the rules below; new rules get a new name, so that old trees are not reused."""

_PRUNED_FOLDERS = frozenset(
    {
        "__pycache__",
        "dist-packages",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "site-packages",
        "test",
        "tests",
        "tkinter",
        "turtledemo",
    }
)
_PRUNED_FOLDER_PREFIX = "config-"
"""Makefile and static library of the build."""
_PRUNED_FILES = frozenset({"EXTERNALLY-MANAGED", "turtle.py"})
_PRUNED_SUFFIXES = (".a", ".o", ".pyc", ".pyo")
_PRUNED_EXTENSIONS = ("_test", "_ctypes_test", "_tkinter", "_xxtestfuzz", "xxlimited", "xxsubtype")


def runtime_key(interpreter: Interpreter) -> str:
    """Name the runtime that `add_runtime` would make: changes with every file it would take."""
    hashed = hashlib.sha256(f"{_PRUNING}\0{interpreter.build}\0{interpreter.guest_stdlib}".encode())
    for source, relative in ((str(interpreter.binary), "program"), *_library_files(interpreter)):
        status = os.stat(source)  # noqa: PTH116  a thousand of them are on the way of every test run
        hashed.update(
            f"\0{relative}\0{status.st_size}\0{status.st_mtime_ns}".encode(errors="surrogateescape")
        )
    return hashed.hexdigest()


def add_runtime(tree: RootTree, interpreter: Interpreter) -> None:
    """Put the runtime into a tree: `/usr/bin/python3` and all it needs.

    Raises:
        ImageError: A file cannot be read, or the interpreter cannot compile.
    """
    name = f"python{interpreter.version}"
    program = tree.binary(interpreter.binary, f"/usr/bin/{name}")
    tree.link("/usr/bin/python3", name)
    tree.link("/usr/bin/python", name)
    users: tuple[Binary, ...] = () if program is None else (program,)
    for source, relative in _library_files(interpreter):
        guest = f"{interpreter.guest_stdlib}/{relative}"
        if relative.endswith(".so"):
            tree.binary(Path(source), guest, users=users)
        else:
            tree.copy(Path(source), guest)
    tree.directory(interpreter.guest_site)
    tree.add_libraries(host_search(interpreter.architecture))
    compile_modules(interpreter, tree.folder, [tree.at(interpreter.guest_stdlib)])


def _library_files(interpreter: Interpreter) -> Iterator[tuple[str, str]]:
    """Files of the standard library that a guest gets: where each is, and its path in the library."""
    yield from _walk(str(interpreter.stdlib), "")
    if interpreter.extensions is not None and interpreter.extensions.parent != interpreter.stdlib:
        yield from _walk(str(interpreter.extensions), "lib-dynload/")


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as found:
        children = sorted(found, key=lambda child: child.name)
    for child in children:
        if child.is_dir():
            if child.name not in _PRUNED_FOLDERS and not child.name.startswith(_PRUNED_FOLDER_PREFIX):
                yield from _walk(child.path, f"{prefix}{child.name}/")
        elif _is_wanted(child.name) and child.is_file():
            yield child.path, prefix + child.name


def _is_wanted(name: str) -> bool:
    if name in _PRUNED_FILES or name.endswith(_PRUNED_SUFFIXES):
        return False
    return not (name.endswith(".so") and name.startswith(_PRUNED_EXTENSIONS))
