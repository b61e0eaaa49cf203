"""Puts installed distributions into a tree, where the guest's Python looks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.images.bytecode import compile_modules
from ukrom.images.libraries import Binary, host_search
from ukrom.roms import file_mode

if TYPE_CHECKING:
    from ukrom.images.distributions import Installed
    from ukrom.images.interpreter import Interpreter
    from ukrom.images.rootfs import RootTree

__all__ = ["add_package"]

_SCRIPT = """#!/usr/bin/python3
import sys
from {module} import {name}
sys.exit({function}())
"""


def add_package(tree: RootTree, interpreter: Interpreter, package: Installed) -> None:
    """Add a distribution: its files, compiled, the shared libraries they need, its console scripts.

    Raises:
        ImageError: A file cannot be read.
    """
    site = interpreter.guest_site
    program = Binary.read(interpreter.binary, f"/usr/bin/python{interpreter.version}")
    users = () if program is None else (program,)
    for file in package.files:
        host = package.site / file
        mode = file_mode(host.stat().st_mode)
        tree.binary(host, f"{site}/{file}", mode, users=users)
    for name, target in package.scripts:
        module, _, function = target.partition("[")[0].strip().partition(":")
        text = _SCRIPT.format(module=module, name=function.partition(".")[0], function=function)
        tree.write(f"/usr/bin/{name}", text.encode(), 0o755)
    tree.add_libraries(host_search(interpreter.architecture))
    compile_modules(interpreter, tree.folder, [tree.at(site)])
