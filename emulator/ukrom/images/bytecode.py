"""Compiles Python files of a tree for a guest.

Under emulation every file that must be compiled at import costs, so images carry `unchecked-hash`
bytecode: the guest's Python takes it without a look at the source, whose times an image loses.
Sources stay beside it, for tracebacks.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from ukrom.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ukrom.images.interpreter import Interpreter

__all__ = ["compile_modules"]

_TIMEOUT_S = 300.0
_OPTIONS = ("-qq", "-f", "-j", "0", "--invalidation-mode", "unchecked-hash", "-p", "/", "-i", "-")


def compile_modules(interpreter: Interpreter, root: Path, paths: Iterable[Path]) -> None:
    """Compile modules, and all modules below folders, in a tree that will be the guest's root.

    Files that do not compile (templates, the syntax of other Pythons) are left as they are.

    Args:
        interpreter: Whose bytecode it shall be.
        root: The folder that will be the guest's root.
        paths: Modules and folders below it.

    Raises:
        ImageError: The interpreter could not be run.
    """
    listed = "\n".join(str(path) for path in paths)
    if not listed:
        return
    command = [str(interpreter.binary), "-I", "-S", "-m", "compileall", *_OPTIONS, "-s", str(root)]
    try:
        done = subprocess.run(
            command,
            input=listed,
            capture_output=True,
            text=True,
            check=False,
            umask=0o022,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"Compiling for the guest did not end within {_TIMEOUT_S:.0f} s.") from error
    if done.returncode not in {0, 1}:  # 1: some file did not compile
        raise ImageError(f"Compiling for the guest failed ({done.returncode}): {done.stderr.strip()}")
