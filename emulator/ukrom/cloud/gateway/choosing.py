"""Which instance of a service gets a request or connection, if one does.

Balancing is least-connection over running instances below the group's `soft_limit`; beyond it the next
one in standby is woken, and without such the others get more, up to `hard_limit`. Beyond that
everywhere it is refused, not queued (specification, Part F.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ukrom.cloud.instances.instance import Asked
from ukrom.cloud.instances.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.instances.instance import Instance, Run
    from ukrom.cloud.ports import Endpoint

    from .routes import Route

__all__ = ["Choice", "Give", "Hold", "NoAnswer", "Wake", "choose"]


class NoAnswer(Exception):
    """No instance can answer a request.

    Args:
        reason: What kind of reason.
        message: The reason in a sentence.
    """

    def __init__(
        self, reason: Literal["no-instance", "stopped", "wrong-port", "timeout", "hard-limit"], message: str
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Give:
    """An instance that can answer now."""

    instance: Instance
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Wake:
    """An instance in standby that is to be started first."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class Hold:
    """An instance to wait for: on its way up, or to a standby out of which it can be woken."""

    instance: Instance
    until: float | None
    """When this has to be looked at again even if nothing happens, by the clock's `monotonic`."""


Choice: TypeAlias = Give | Wake | Hold | NoAnswer


def choose(cloud: Cloud, route: Route, group: ServiceGroup | None, mine: Instance | None = None) -> Choice:
    """Decide who answers; changes nothing.

    Args:
        cloud: The cloud.
        route: What is asked for.
        group: The route's group, if it is still there.
        mine: The instance in whose queue the request stands already.
    """
    members = () if group is None else tuple(group.instances.values())
    ready, coming, deaf, again = _sorted(cloud, route, members)
    if group is None or not (ready or coming or deaf or any(map(_wakeable, members))):
        return _nobody(route, members)
    least = min(ready, key=lambda give: give.instance.traffic.in_flight, default=None)
    shortest = min(coming, key=lambda one: _load(one, mine), default=None)
    queue = None if shortest is None else Hold(shortest, again)
    return (
        _within(group.soft_limit, least, queue, mine)
        or _woken(members, mine, again)
        or _within(group.hard_limit, least, queue, mine)
        or _refused(route, group, deaf, full=bool(ready or coming))
    )


def _within(limit: int, least: Give | None, queue: Hold | None, mine: Instance | None) -> Choice | None:
    if least is not None and least.instance.traffic.in_flight < limit:
        return least
    return queue if queue is not None and _load(queue.instance, mine) < limit else None


def _sorted(
    cloud: Cloud, route: Route, members: Iterable[Instance]
) -> tuple[list[Give], list[Instance], list[Instance], float | None]:
    """Tell those that can answer, may soon, and listen elsewhere; and when the next may turn out to."""
    ready: list[Give] = []
    coming: list[Instance] = []
    deaf: list[Instance] = []
    again: float | None = None
    now = cloud.clock.monotonic()
    for instance in members:
        if instance.state not in {State.STARTING, State.RUNNING}:
            continue
        endpoint = _endpoint(instance, route.destination_port)
        if endpoint is not None:
            ready.append(Give(instance, endpoint))
            continue
        verdict_at = _wrong_port_at(cloud, instance, route)
        if verdict_at is not None and verdict_at <= now:
            deaf.append(instance)
            continue
        coming.append(instance)
        if verdict_at is not None:
            again = verdict_at if again is None else min(again, verdict_at)
    return ready, coming, deaf, again


def _woken(members: Sequence[Instance], mine: Instance | None, again: float | None) -> Choice | None:
    """Choose one that can be woken, now or as soon as it sleeps."""
    falling: Instance | None = None
    for instance in members:
        if instance.state is State.STANDBY:
            return Wake(instance)
        if _wakeable(instance) and (falling is None or _load(instance, mine) < _load(falling, mine)):
            falling = instance
    return None if falling is None else Hold(falling, again)


def _wakeable(instance: Instance) -> bool:
    if instance.state is State.STANDBY:
        return True
    run = instance.run
    if instance.state is not State.STOPPING or run is None or instance.policy == "off":
        return False
    return run.asked in {Asked.SLEEP, Asked.SUSPEND}


def _load(instance: Instance, mine: Instance | None) -> int:
    return instance.traffic.in_flight + instance.traffic.queued - (instance is mine)


def _endpoint(instance: Instance, port: int) -> Endpoint | None:
    run = instance.run
    if instance.state is not State.RUNNING or run is None or run.machine is None:
        return None
    if port not in run.published:
        run.published.add(port)
        run.machine.publish(port)
    endpoint = run.machine.endpoint(port)
    # A forwarded port accepts connections before the guest listens; an ASGI app always answers.
    if endpoint is None or endpoint.app is not None or port in _listening(run):
        return endpoint
    return None


def _wrong_port_at(cloud: Cloud, instance: Instance, route: Route) -> float | None:
    run = instance.run
    if run is None or run.listening_since is None or route.destination_port in _listening(run):
        return None
    return run.listening_since + cloud.settings.wrong_port_grace_s * cloud.speed(instance)


def _listening(run: Run) -> frozenset[int]:
    return frozenset(run.listening) | frozenset(() if run.machine is None else run.machine.listening())


def _nobody(route: Route, members: Sequence[Instance]) -> NoAnswer:
    if not members:
        return NoAnswer("no-instance", f"The service {route.fqdn} has no instance")
    if all(instance.state in {State.DRAINING, State.STOPPING} for instance in members):
        run = members[0].run
        code = None if run is None else run.exit_code
        # Whether its machine is gone yet makes no difference to whoever asks.
        state = members[0].state.value if code is None else State.STOPPED.value
        why = "" if code is None else f": the application exited with code {code}"
        return NoAnswer("stopped", f"The instance '{members[0].name}' is {state}{why}")
    instance = next((one for one in members if one.failure), members[0])
    why = f": {instance.failure}" if instance.failure else ""
    return NoAnswer("stopped", f"The instance '{instance.name}' is {instance.state.value}{why}")


def _refused(route: Route, group: ServiceGroup, deaf: Sequence[Instance], *, full: bool) -> NoAnswer:
    if full:
        message = f"Every instance of '{group.name}' has {group.hard_limit} requests already"
        return NoAnswer("hard-limit", message)
    return _wrong_port(route, deaf)


def _wrong_port(route: Route, deaf: Sequence[Instance]) -> NoAnswer:
    instance = deaf[0]
    run = instance.run
    ports = [] if run is None else [str(port) for port in sorted(_listening(run))]
    loopback = [] if run is None else [f"127.0.0.1:{port}" for port in sorted(run.loopback_only)]
    hint = "; bind 0.0.0.0 to be reached from outside" if loopback else ""
    return NoAnswer(
        "wrong-port",
        f"The application in '{instance.name}' does not listen on port {route.destination_port}, "
        f"but on {', '.join(ports + loopback)}{hint}",
    )
