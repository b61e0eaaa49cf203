"""The gateway's knowledge: which service a host name means, and which instance gets a request.

The bytes are the ingress's business. Balancing is least-connection over running instances; beyond
`hard_limit` everywhere a request is refused, not queued (specification, Part F.6).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from .instances.states import State
from .waits import Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from uuid import UUID

    from .cloud import Cloud
    from .groups.group import ServiceGroup
    from .groups.services import Service
    from .instances.instance import Instance, Run
    from .ports import Endpoint
    from .waits import Steps

__all__ = ["Gateway", "Lease", "NoAnswer", "Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """A published port of a service group, under one host name."""

    fqdn: str
    """The host name as reads report it."""
    port: int
    """The public port."""
    destination_port: int
    """The port in the guest."""
    handlers: frozenset[str]
    group_uuid: UUID


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


class Lease:
    """An instance that answers one request or connection; counts as in flight until released."""

    def __init__(self, cloud: Cloud, instance: Instance, endpoint: Endpoint) -> None:
        self._cloud = cloud
        self._instance: Instance | None = instance
        self.instance_uuid = instance.uuid
        self.instance_name = instance.name
        self.endpoint = endpoint
        instance.traffic.requests += 1

    def release(self) -> None:
        """Give it back; does nothing the second time."""
        with self._cloud.guard:
            instance, self._instance = self._instance, None
            if instance is not None:
                instance.traffic.requests -= 1
                self._cloud.waits.changed()


class Gateway:
    """Finds services and instances for the ingress; made by `Cloud`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._uses: Counter[int] = Counter()
        self._ports: frozenset[int] = frozenset()
        self._watchers: list[Callable[[frozenset[int]], None]] = []

    def route(self, host: str, port: int) -> Route | None:
        """Find the service of a host name and public port.

        Args:
            host: In any case, under any suffix, without a port.
            port: The public port.

        Returns:
            The service, or None if there is none there.
        """
        with self._cloud.guard:
            domain = self._cloud.domains.parse(host)
            group = self._cloud.domains.owners.get(domain)
            if group is None:
                return None
            fqdn = domain.fqdn(self._cloud.settings.suffix)
            for service in group.services:
                if service.port == port:
                    return Route(
                        fqdn, port, service.destination_port, frozenset(service.handlers), group.uuid
                    )
        return None

    def public_ports(self) -> frozenset[int]:
        """Give all public ports that any service has."""
        return self._ports

    def on_ports_changed(self, call: Callable[[frozenset[int]], None]) -> None:
        """Have `call` called with all public ports whenever they changed, on any thread, unlocked."""
        with self._cloud.guard:
            self._watchers.append(call)

    def opened(self, services: Iterable[Service]) -> None:
        """Count the ports of a new service group; under the cloud's lock."""
        self._uses.update(service.port for service in services)
        self._tell()

    def closed(self, services: Iterable[Service]) -> None:
        """Discount the ports of a service group that is gone; under the cloud's lock."""
        self._uses.subtract(service.port for service in services)
        self._tell()

    def _tell(self) -> None:
        ports = frozenset(port for port, uses in self._uses.items() if uses)
        if ports != self._ports:
            self._ports = ports
            for call in self._watchers:
                self._cloud.guard.later(partial(call, ports))

    def lease(self, route: Route) -> Future[Lease]:
        """Get an instance for one request or connection.

        The future is done when the application listens; cancelling it gives up. It fails with
        `NoAnswer` at once when no instance is on its way up, and after the settings'
        `answer_timeout_s` or `wrong_port_grace_s`, times the runner's `speed`.
        """
        return self._cloud.waits.future(self._leased(route), Lease.release)

    def _leased(self, route: Route) -> Steps[Lease]:
        clock, settings = self._cloud.clock, self._cloud.settings
        began = clock.monotonic()
        while True:
            outcome = self._choose(route)
            if isinstance(outcome, NoAnswer):
                raise outcome
            if outcome is not None:
                return Lease(self._cloud, *outcome)
            waiting = self._candidates(route)
            speed = max(self._cloud.speed(instance) for instance in waiting)
            deadline = began + settings.answer_timeout_s * speed
            if clock.monotonic() >= deadline:
                raise _too_late(route, waiting, settings.answer_timeout_s * speed)
            verdict = self._next_verdict(route)
            yield Wait(
                lambda: self._choose(route) is not None or self._next_verdict(route) != verdict,  # noqa: B023
                deadline if verdict is None else min(deadline, verdict),
            )

    def _next_verdict(self, route: Route) -> float | None:
        """Give when the next candidate's grace to open the right port ends, if one is running."""
        now = self._cloud.clock.monotonic()
        ends = (self._wrong_port_at(instance, route) for instance in self._candidates(route))
        return min((end for end in ends if end is not None and end > now), default=None)

    def _candidates(self, route: Route) -> list[Instance]:
        group = self._group(route)
        members = () if group is None else group.instances.values()
        return [instance for instance in members if instance.state in {State.STARTING, State.RUNNING}]

    def _group(self, route: Route) -> ServiceGroup | None:
        domain = self._cloud.domains.parse(route.fqdn)
        group = self._cloud.domains.owners.get(domain)
        return group if group is not None and group.uuid == route.group_uuid else None

    def _choose(self, route: Route) -> tuple[Instance, Endpoint] | NoAnswer | None:
        """Decide who answers: an instance, nobody (and why), or None while that is open."""
        group = self._group(route)
        candidates = self._candidates(route)
        if group is None or not candidates:
            return _nobody(route, group)
        ready = [
            (instance, endpoint)
            for instance in candidates
            if (endpoint := self._endpoint(instance, route.destination_port)) is not None
        ]
        if ready:
            instance, endpoint = min(ready, key=lambda pair: pair[0].traffic.in_flight)
            if instance.traffic.in_flight >= group.hard_limit:
                return NoAnswer(
                    "hard-limit", f"Every instance of '{group.name}' has {group.hard_limit} requests already"
                )
            return instance, endpoint
        now = self._cloud.clock.monotonic()
        verdicts = [self._wrong_port_at(instance, route) for instance in candidates]
        if all(at is not None and at <= now for at in verdicts):
            return _wrong_port(route, candidates)
        return None

    def _endpoint(self, instance: Instance, port: int) -> Endpoint | None:
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

    def _wrong_port_at(self, instance: Instance, route: Route) -> float | None:
        run = instance.run
        if run is None or run.listening_since is None or route.destination_port in _listening(run):
            return None
        grace_s = self._cloud.settings.wrong_port_grace_s * self._cloud.speed(instance)
        return run.listening_since + grace_s


def _listening(run: Run) -> frozenset[int]:
    return frozenset(run.listening) | frozenset(() if run.machine is None else run.machine.listening())


def _nobody(route: Route, group: ServiceGroup | None) -> NoAnswer:
    if group is None or not group.instances:
        return NoAnswer("no-instance", f"The service {route.fqdn} has no instance")
    members = tuple(group.instances.values())
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


def _wrong_port(route: Route, candidates: list[Instance]) -> NoAnswer:
    instance = candidates[0]
    run = instance.run
    ports = [] if run is None else [str(port) for port in sorted(_listening(run))]
    loopback = [] if run is None else [f"127.0.0.1:{port}" for port in sorted(run.loopback_only)]
    hint = "; bind 0.0.0.0 to be reached from outside" if loopback else ""
    return NoAnswer(
        "wrong-port",
        f"The application in '{instance.name}' does not listen on port {route.destination_port}, "
        f"but on {', '.join(ports + loopback)}{hint}",
    )


def _too_late(route: Route, candidates: list[Instance], seconds: float) -> NoAnswer:
    names = ", ".join(f"'{instance.name}' ({instance.state.value})" for instance in candidates)
    message = f"Nothing listened on port {route.destination_port} within {seconds:g} s in {names}"
    return NoAnswer("timeout", message)
