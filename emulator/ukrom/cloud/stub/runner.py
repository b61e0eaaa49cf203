"""The stub runner: instances "run" at once, with no VM; a test may say what answers for an image."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ukrom.cloud.ports import Ability

from .answers import answering
from .machine import BOOT_TIME_US, RESUME_TIME_US, StubMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ukrom.cloud.ports import MachineEvent, MachineSpec, Snapshot

    from .machine import App

__all__ = ["StubRunner"]


@dataclass
class StubRunner:
    """Boots stub machines.

    Args:
        name: As reports show it.
        speed: A stub is as fast as anything.
    """

    name: str = "stub"
    speed: float = 1.0
    abilities: frozenset[Ability] = frozenset(Ability)
    machines: list[StubMachine] = field(default_factory=list)
    """Every machine ever booted, oldest first."""
    _apps: dict[str, App] = field(default_factory=dict, repr=False)
    _unwilling: frozenset[str] = field(default=frozenset(), repr=False)

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

    def never_template(self, image: str) -> None:
        """Let machines of an image not write the template file by themselves (specification, D.10).

        A template on demand then has to be written by the test (`StubMachine.write_template`), or is
        waited for in vain.

        Args:
            image: The beginning of a reference, as for `answer`.
        """
        self._unwilling |= {image}

    def mark(self) -> Callable[[], None]:
        """Give a call that forgets every answer, image and machine since."""
        apps, unwilling, count = dict(self._apps), self._unwilling, len(self.machines)

        def forget() -> None:
            self._apps, self._unwilling = apps, unwilling
            del self.machines[count:]

        return forget

    def boot(
        self,
        spec: MachineSpec,
        report: Callable[[MachineEvent], None],
        *,
        snapshot: Snapshot | None = None,
    ) -> StubMachine:
        """Boot a machine, which is up before this returns."""
        machine = self.adopt(spec, report)
        machine.boot(BOOT_TIME_US if snapshot is None else RESUME_TIME_US)
        if spec.preparing and _longest(self._unwilling, spec.image.reference) is None:
            machine.write_template()
        return machine

    def adopt(self, spec: MachineSpec, report: Callable[[MachineEvent], None]) -> StubMachine:
        """Take up a machine as if it had been running all along."""
        reference = spec.image.reference

        async def app(*call: Any) -> None:
            # Found anew for each request, so that an answer may be registered for what runs already.
            await (self._app(reference) or _unanswered(reference))(*call)

        machine = StubMachine(spec, report, app)
        self.machines.append(machine)
        return machine

    def drop(self, snapshot: Snapshot) -> None:
        """Forget a snapshot; there is nothing to it."""

    def _app(self, reference: str) -> App | None:
        prefix = _longest(self._apps, reference)
        return None if prefix is None else self._apps[prefix]


def _longest(prefixes: Iterable[str], reference: str) -> str | None:
    path = reference.split("://", 1)[-1]
    spellings = [reference, path]
    while "/" in path:
        path = path.split("/", 1)[1]
        spellings.append(path)
    fitting = [prefix for prefix in prefixes if any(spelling.startswith(prefix) for spelling in spellings)]
    return max(fitting, key=len) if fitting else None


def _unanswered(reference: str) -> App:
    text = (
        f"This is only a stub, and no answer is registered for {reference}.\n"
        "Register one by `stub.answer(image, app)`, or run it in a VM.\n"
    )
    return answering(lambda _: (501, text, {"content-type": "text/plain"}))


def _is_asgi(app: App) -> bool:
    call = app if inspect.isfunction(app) or inspect.ismethod(app) else cast("Any", app).__call__
    return inspect.iscoroutinefunction(call) and len(inspect.signature(call).parameters) == 3
