"""Parts of requests that the emulator reads, and then says that it does not emulate them yet.

A client whose types are wrong is told so all the same (specification, Parts C.2, C.6, C.7 and D.14).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from ukrom.api.wire import Flag, Text, Texts, Wire, given

from .references import ImageField

__all__ = ["CreatePlugin", "CreateSchedule", "Relay"]


class PluginAuthorization(Wire):
    """Who may call a plugin (Part D.14)."""

    called: ClassVar[str] = "plugin authorization"
    type: Literal["userdb", "bearer"]
    token: Text = None


class CreatePlugin(Wire):
    """A plugin (Part D.14)."""

    called: ClassVar[str] = "plugin"
    name: str
    image: ImageField = None
    rom: ImageField = None
    config: Any = None
    authorization: Annotated[PluginAuthorization | None, given("object")] = None


class CreateSchedule(Wire):
    """Something to be done by the calendar (Part C.7)."""

    called: ClassVar[str] = "schedule"
    name: str
    when: str
    action: Literal["start", "stop", "delete", "exec"]
    args: Texts = None


class Relay(Wire):
    """The network that an interface is relayed to (Part C.6)."""

    called: ClassVar[str] = "relay"
    uuid: Text = None
    name: Text = None
    relay_dns: Flag = None
