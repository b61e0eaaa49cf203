"""What `ukrom doctor` finds out: everything that a VM needs, looked at one by one."""

from __future__ import annotations

import contextlib
import os
import shlex
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ukrom.errors import UkromError
from ukrom.host import (
    QEMU,
    TOOLS,
    accelerator,
    agent_binary,
    agent_sources,
    find_compiler,
    find_kernel,
    find_qemu,
    find_tool,
    package_manager,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.host import Cache, Tool

__all__ = ["Diagnosis", "Finding", "examine"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        ok: Whether it is there and works.
        needed: Whether no VM can be booted without it.
        found: Version and place, or why it cannot be used.
        remedy: What to do about it.
    """

    name: str
    ok: bool
    needed: bool
    found: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings about this machine."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether VMs can be booted."""
        return all(finding.ok for finding in self.findings if finding.needed)

    @property
    def next_step(self) -> str:
        """What to do first, in a sentence."""
        lacking = (finding for finding in self.findings if finding.needed and not finding.ok)
        return next((finding.remedy or finding.found for finding in lacking), "Run `pytest --ukrom`.")


def examine(cache: Cache) -> Diagnosis:
    """Look at everything; what is missing is a finding too, never an error."""
    manager = package_manager()
    tools = [tool for tool in TOOLS if manager is None or manager in tool.packages]
    findings = [_look(tool.program, partial(_tool, cache, tool)) for tool in tools]
    findings += [_look("guest kernel", partial(_kernel, cache))]
    findings += [_look("guest agent", _agent), *_compiler()]
    findings += [*_accelerators(cache), _cache(cache)]
    return Diagnosis(tuple(findings))


def _look(name: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(name, ok=True, needed=True, found=find())
    except UkromError as error:
        return Finding(name, ok=False, needed=True, found=error.message, remedy=error.remedy)


def _tool(cache: Cache, tool: Tool) -> str:
    found = find_qemu(cache) if tool is QEMU else find_tool(tool)
    return f"{found.version}, {found.path}"


def _kernel(cache: Cache) -> str:
    kernel = find_kernel(cache)
    return f"{kernel.release}, {len(kernel.modules)} modules, {kernel.image}"


def _agent() -> str:
    return str(agent_binary())


def _compiler() -> list[Finding]:
    """Only a checkout can compile the agent, and only after its sources were changed."""
    if agent_sources() is None:
        return []
    command = find_compiler()
    found = shlex.join(command) if command else "none links statically: a changed agent cannot be compiled"
    remedy = None if command else "Install gcc and libc6-dev, or `pip install ziglang`."
    return [Finding("C compiler", ok=bool(command), needed=False, found=found, remedy=remedy)]


def _accelerators(cache: Cache) -> list[Finding]:
    try:
        qemu, kernel = find_qemu(cache), None
    except UkromError:
        return []  # told already
    with contextlib.suppress(UkromError):
        kernel = find_kernel(cache)
    try:
        chosen = accelerator(qemu, cache, kernel)
    except UkromError as error:
        return [Finding("accelerator", ok=False, needed=True, found=error.message, remedy=error.remedy)]
    if not chosen.measured:
        return [Finding(f"accelerator {chosen.name}", ok=True, needed=True, found=chosen.why)]
    return [
        Finding(
            f"accelerator {trial.name}",
            ok=trial.passed,
            needed=False,
            found=trial.verdict + (" (chosen)" if trial.name == chosen.name else ""),
        )
        for trial in chosen.measured
    ]


def _cache(cache: Cache) -> Finding:
    try:
        folder = cache.folder("")
    except UkromError as error:
        return Finding("cache", ok=False, needed=True, found=error.message, remedy=error.remedy)
    writable = os.access(folder, os.W_OK)
    size = f"{cache.size() / 2**20:.0f} MiB" if writable else "it cannot be written"
    remedy = None if writable else "Give the right to write, or set UKROM_CACHE to another folder."
    return Finding("cache", ok=writable, needed=True, found=f"{size}, {folder}", remedy=remedy)
