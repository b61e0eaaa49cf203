"""Compiles the guest agent: a static Linux program for x86_64, out of `emulator/guest/*.c`.

The build hook of the distribution loads this file by its path, before anything is installed: it
imports the standard library only.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["CompileError", "compile_agent", "find_compiler", "is_current"]

# clang, and zig with it, warns of GNU's extensions although -std=gnu11 asks for them; gcc ignores -Wno-gnu.
FLAGS = ("-std=gnu11", "-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror", "-Wno-gnu")
_TRIAL = '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n'
_TIMEOUT_S = 300.0  # zig builds its C library the first time: 20 s on two cores.


class CompileError(Exception):
    """The agent could not be compiled; the text holds the compiler's words."""


def find_compiler() -> list[str] | None:
    """A C compiler for x86_64 Linux that can link statically, as the words of its command.

    `$CC` if set, else `cc`, `gcc` or `clang` on an x86_64 Linux machine, else the `zig cc` of the
    package ziglang, for any machine. Each is tried, since a compiler is often there without the
    static C library.
    """
    return next((command for command in _candidates() if _works(command)), None)


def is_current(sources: Path, output: Path) -> bool:
    """Whether the agent was compiled from just these sources.

    The binary carries the time of its newest source: any other time, older or newer, says that the
    sources are not those that it was compiled from.
    """
    return output.is_file() and output.stat().st_mtime_ns == _newest(sources)


def compile_agent(sources: Path, output: Path, compiler: list[str] | None = None) -> None:
    """Compile all `*.c` in a folder into one program; it appears at `output` whole or not at all.

    Args:
        sources: The folder with the sources and their headers.
        output: Where the program goes; its folder is made.
        compiler: The words of the compiler's command; by default one is found.

    Raises:
        CompileError: There is no compiler, or it refuses the sources.
        OSError: The folder of `output` cannot be written.
    """
    compiler = compiler or find_compiler()
    if compiler is None:
        raise CompileError("no C compiler links statically (tried $CC, cc, gcc, clang, ziglang)")
    newest = _newest(sources)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".agent-", dir=output.parent) as scratch:
        program = Path(scratch, output.name)
        files = sorted(str(path) for path in sources.glob("*.c"))
        _run([*compiler, *FLAGS, "-o", str(program), *files])
        program.chmod(0o755)
        os.utime(program, ns=(newest, newest))
        program.replace(output)


def _candidates() -> list[list[str]]:
    found = [shlex.split(os.environ["CC"])] if os.environ.get("CC") else []
    if sys.platform == "linux" and platform.machine() == "x86_64":
        found += [[name] for name in ("cc", "gcc", "clang") if shutil.which(name)]
    if importlib.util.find_spec("ziglang"):
        found.append([sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl"])
    return found


def _works(compiler: list[str]) -> bool:
    """Try it; the target is checked too: `$CC` may be a compiler for this, other machine."""
    with tempfile.TemporaryDirectory(prefix="ukrom-cc-") as scratch:
        source, program = Path(scratch, "trial.c"), Path(scratch, "trial")
        source.write_text(_TRIAL)
        try:
            _run([*compiler, *FLAGS, "-o", str(program), str(source)])
            header = program.read_bytes()[:20]
        except (CompileError, OSError):
            return False
    return header[:5] == b"\x7fELF\x02" and header[18:20] == b"\x3e\x00"  # ELF64, EM_X86_64


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompileError(f"{shlex.join(command)}: {error}") from error
    if done.returncode:
        raise CompileError(f"{shlex.join(command)} failed:\n{done.stderr or done.stdout}")


def _newest(sources: Path) -> int:
    files = [*sources.glob("*.c"), *sources.glob("*.h")]
    if not files:
        raise CompileError(f"there are no C sources in {sources}")
    return max(path.stat().st_mtime_ns for path in files)
