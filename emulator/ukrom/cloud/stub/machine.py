"""A machine that is nothing but its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ukrom.cloud.ports import (
    AppExited,
    Console,
    Ended,
    Endpoint,
    Listening,
    Running,
    Saved,
    ScaleToZeroDisabled,
    Snapshot,
    TemplateWritten,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ukrom.cloud.ports import MachineEvent, MachineSpec

__all__ = ["BOOT_TIME_US", "RESUME_TIME_US", "App", "StubMachine"]

App: TypeAlias = "Callable[..., Any]"

BOOT_TIME_US = 75_698
"""As a documented sample shows (specification, Part C.1)."""
RESUME_TIME_US = 7_000
_NET_TIME_US = 79_067
_SAVE_TIME_US = 50_000


class StubMachine:
    """A machine that is nothing but its state. What happens in it is provoked by the test."""

    def __init__(self, spec: MachineSpec, report: Callable[[MachineEvent], None], app: App | None) -> None:
        self.spec = spec
        self.app = app
        self.alive = True
        self._report = report
        self._ports: list[int] = []

    def stop(self, *, grace_s: float) -> None:  # noqa: ARG002 - it always ends at once.
        """End it; its application exits with code 0."""
        self.exit(0)

    def kill(self) -> None:
        """End it, with nothing to be heard of its application."""
        self._end(Ended(started=True))

    def save(self, uuid: UUID) -> None:
        """Save a memory of no size at once."""
        self._tell(Saved(Snapshot(uuid), _SAVE_TIME_US))

    def suspend(self, uuid: UUID) -> None:
        """Save a memory of no size at once, and end."""
        self.save(uuid)
        self._end(Ended(started=True))

    def usage(self) -> Usage:
        """Use nothing."""
        return Usage()

    def publish(self, port: int) -> None:
        """Have it listen on a port."""
        if port not in self._ports:
            self._ports.append(port)
            self._tell(Listening(port, _NET_TIME_US))

    def endpoint(self, port: int) -> Endpoint | None:
        """Give the registered application, as an ASGI app, for every port."""
        return Endpoint(app=self.app) if self.alive and self.app is not None and port in self._ports else None

    def listening(self) -> tuple[int, ...]:
        """Give the published ports, if there is an application."""
        return tuple(self._ports) if self.app is not None else ()

    def boot(self, boot_time_us: int = BOOT_TIME_US) -> None:
        """Reach the application's entry point."""
        self._tell(Running(boot_time_us))
        if self.app is not None:
            for port in self.spec.ports:
                self.publish(port)

    def write_template(self) -> None:
        """Have the guest write `1` to `/uk/libukp/template_instance` (specification, Part D.9)."""
        self._tell(TemplateWritten())

    def disable_scale_to_zero(self, count: int = 1) -> None:
        """Have the guest write `=<count>` to `/uk/libukp/scale_to_zero_disable` (Part D.15)."""
        self._tell(ScaleToZeroDisabled(count))

    def print(self, text: str | bytes) -> None:
        """Print to the console."""
        self._tell(Console(text.encode() if isinstance(text, str) else text))

    def exit(self, code: int) -> None:
        """End the application with an exit code, and the machine with it."""
        self._tell(AppExited(code))
        self._end(Ended(started=True))

    def crash(self, stop_code: int) -> None:
        """End the machine by a crash of its kernel (specification, Part D.5)."""
        self._end(Ended(started=True, kernel_code=stop_code))

    def _end(self, event: Ended) -> None:
        self._tell(event)
        self.alive = False

    def _tell(self, event: MachineEvent) -> None:
        if self.alive:
            self._report(event)
