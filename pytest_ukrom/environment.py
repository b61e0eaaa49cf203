"""The environment variables that lead a program's clients to the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_ukrom.facade import Ukrom

__all__ = ["variables"]

_FOREIGN = (
    *(
        f"{prefix}_{name}"
        for prefix in ("UNIKRAFT_CLOUD", "UNIKRAFTCLOUD", "KRAFTCLOUD", "KC")
        for name in ("TOKEN", "METRO", "USER")
    ),
    "UKC_BUILD_SERVER",
)
"""Where else tools look for tokens and places (images and clients, section 4.1): nothing real may leak."""

_LOOPBACK = ("127.0.0.1", "localhost")


def variables(view: Ukrom, environ: Mapping[str, str]) -> dict[str, str | None]:
    """What the environment holds while a fixture is active.

    Args:
        view: The fixture's.
        environ: What it holds otherwise.

    Returns:
        Values by name; None for what must not be there.
    """
    no_proxy = _no_proxy(environ.get("no_proxy") or environ.get("NO_PROXY") or "")
    return {
        **dict.fromkeys(_FOREIGN),
        "UKC_TOKEN": view.token,
        "UKC_METRO": view.url,
        "UKC_USER": view.user,
        # Programs differ in which spelling they read, and some let one hide the other.
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def _no_proxy(given: str) -> str:
    """Without loopback in it, clients would ask a proxy of the environment for the emulator."""
    hosts = [host for part in given.split(",") if (host := part.strip())]
    if "*" in hosts:
        return "*"
    return ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])
