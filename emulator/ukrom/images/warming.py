"""What a Python image runs before its snapshot layer is saved, so that its modules are in memory."""

from __future__ import annotations

__all__ = ["python_warming"]

# The script is read, not run: only what it imports is, and of that only what the interpreter and its packages
# bring along. Its own modules stay out, as they may be about this one start.
_IMPORT_ALL = """
import os, sys
own = os.path.dirname(sys.argv[1])
sys.path[:] = [folder for folder in sys.path if folder and os.path.abspath(folder) != own]
import ast, importlib
aside = {"__main__", "antigravity", "this", "turtle"}
with open(sys.argv[1], "rb") as script:
    tree = ast.parse(script.read())
for node in ast.walk(tree):
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    else:
        continue
    for name in names:
        if name.partition(".")[0] not in aside:
            try:
                importlib.import_module(name)
            except BaseException:
                pass
"""


def python_warming(interpreter: str, script: str) -> tuple[str, ...]:
    """The command that brings an interpreter and all that a script imports into the guest's memory.

    Args:
        interpreter: Its path in the guest.
        script: The path of the script in the guest.
    """
    return (interpreter, "-c", _IMPORT_ALL, script)
