"""The stub runner: instances "run" at once, with no VM; a test may say what answers for an image."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ukrom.cloud.ports import AppExited, Console, Ended, Endpoint, Listening, Running

from .answers import answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.cloud.ports import MachineEvent, MachineSpec

__all__ = ["StubMachine", "StubRunner"]

App: TypeAlias = "Callable[..., Any]"

_BOOT_TIME_US = 75_698
_NET_TIME_US = 79_067


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

    def boot(self) -> None:
        """Reach the application's entry point."""
        self._tell(Running(_BOOT_TIME_US))
        if self.app is not None:
            for port in self.spec.ports:
                self.publish(port)

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


@dataclass
class StubRunner:
    """Boots stub machines.

    Args:
        name: As reports show it.
        speed: A stub is as fast as anything.
    """

    name: str = "stub"
    speed: float = 1.0
    machines: list[StubMachine] = field(default_factory=list)
    """Every machine ever booted, oldest first."""
    _apps: dict[str, App] = field(default_factory=dict, repr=False)

    def answer(self, image: str, app: App) -> None:
        """Register what answers for an image.

        Args:
            image: The beginning of a reference: of the name (`org/web`, `org/web:1`), of the
                pinned form, or of the last part alone (`web`). The longest one registered counts.
            app: An ASGI app (an async callable of three arguments), or a callable that gets a
                request (`method`, `path`, `query`, `headers`, `body`, `host`) and returns text,
                bytes, or a tuple of status, content and optionally headers.
        """
        self._apps[image] = app if _is_asgi(app) else answering(app)

    def mark(self) -> Callable[[], None]:
        """Give a call that forgets every answer and machine since."""
        apps, count = dict(self._apps), len(self.machines)

        def forget() -> None:
            self._apps = apps
            del self.machines[count:]

        return forget

    def boot(self, spec: MachineSpec, report: Callable[[MachineEvent], None]) -> StubMachine:
        """Boot a machine, which is up before this returns."""
        reference = spec.image.reference

        async def app(*call: Any) -> None:
            # Found anew for each request, so that an answer may be registered for what runs already.
            await (self._app(reference) or _unanswered(reference))(*call)

        machine = StubMachine(spec, report, app)
        self.machines.append(machine)
        machine.boot()
        return machine

    def _app(self, reference: str) -> App | None:
        path = reference.split("://", 1)[-1]
        spellings = [reference, path]
        while "/" in path:
            path = path.split("/", 1)[1]
            spellings.append(path)
        fitting = [
            prefix for prefix in self._apps if any(spelling.startswith(prefix) for spelling in spellings)
        ]
        return self._apps[max(fitting, key=len)] if fitting else None


def _unanswered(reference: str) -> App:
    text = (
        f"This is only a stub, and no answer is registered for {reference}.\n"
        "Register one by `stub.answer(image, app)`, or run it in a VM.\n"
    )
    return answering(lambda _: (501, text, {"content-type": "text/plain"}))


def _is_asgi(app: App) -> bool:
    call = app if inspect.isfunction(app) or inspect.ismethod(app) else cast("Any", app).__call__
    return inspect.iscoroutinefunction(call) and len(inspect.signature(call).parameters) == 3
