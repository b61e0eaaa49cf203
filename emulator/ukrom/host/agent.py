"""Where the guest agent is: the program that runs as PID 1 in every guest."""

from __future__ import annotations

from pathlib import Path

from ukrom.errors import MissingTool
from ukrom.host.compile import CompileError, compile_agent, is_current

__all__ = ["agent_binary", "agent_sources"]

_PACKAGE = Path(__file__).resolve().parent.parent


def agent_binary(package: Path = _PACKAGE) -> Path:
    """The agent's binary, for x86_64; in a source checkout it is compiled anew when its sources changed.

    Args:
        package: The folder of the package `ukrom`; its sources lie beside it in a checkout.

    Raises:
        MissingTool: It was never built, or cannot be built anew.
    """
    binary = package / "qemu" / "guest" / "agent-x86_64"
    sources = agent_sources(package)
    if sources is None:
        if binary.is_file():
            return binary
        message = f"The installed package has no guest agent: {binary} is missing."
        raise MissingTool("guest agent", message, remedy="Install pytest-ukrom again.")
    try:
        if not is_current(sources, binary):
            compile_agent(sources, binary)
    except (CompileError, OSError) as error:
        message = f"The guest agent must be compiled from its sources, and cannot be: {error}"
        remedy = "Install a C compiler with its static library (gcc, libc6-dev), or `pip install ziglang`."
        raise MissingTool("guest agent", message, remedy=remedy) from error
    return binary


def agent_sources(package: Path = _PACKAGE) -> Path | None:
    """The folder of the agent's sources in a checkout; None where only the package is installed."""
    sources = package.parent / "guest"
    return sources if (sources / "agent.c").is_file() else None
