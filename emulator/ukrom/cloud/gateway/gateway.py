"""Finding the service of a host name, and for each request an instance of it that answers."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from ukrom.cloud.happenings import Happening
from ukrom.cloud.waits import Wait

from .choosing import Give, Hold, NoAnswer, Wake, choose
from .leases import Kind, Lease
from .routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.groups.services import Service
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.waits import Steps

    from .choosing import Choice

__all__ = ["Gateway"]


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

    def lease(self, route: Route, kind: Kind = Kind.REQUEST) -> Future[Lease]:
        """Get an instance for one request or connection, woken if it sleeps.

        The future is done when the application listens; cancelling it gives up. It fails with
        `NoAnswer` at once when no instance is on its way up, and after the settings'
        `answer_timeout_s` or `wrong_port_grace_s`, times the runner's `speed`.
        """
        return self._cloud.waits.future(self._leased(route, kind), Lease.release)

    def _leased(self, route: Route, kind: Kind) -> Steps[Lease]:
        began = self._cloud.clock.monotonic()
        woken: Instance | None = None
        while True:
            choice = self._choose(route)
            if isinstance(choice, NoAnswer):
                raise choice
            if isinstance(choice, Give):
                if choice.instance is woken:
                    waited_s = self._cloud.clock.monotonic() - began
                    woken.traffic.wakeups_ms.append(waited_s * 1000)
                return Lease(self._cloud, choice.instance, choice.endpoint, kind)
            if isinstance(choice, Wake):
                woken = choice.instance
                self._cloud.lifecycle.begin(woken)
            else:
                yield from self._held(route, choice, began)

    def _held(self, route: Route, hold: Hold, began: float) -> Steps[None]:
        """Stand in the queue of an instance until the choice is another one."""
        instance, cloud = hold.instance, self._cloud
        seconds = cloud.settings.answer_timeout_s * cloud.speed(instance)
        deadline = began + seconds
        if cloud.clock.monotonic() >= deadline:
            raise _too_late(route, instance, seconds)
        instance.traffic.queued += 1
        try:
            yield Wait(
                lambda: not self._still(route, hold),
                deadline if hold.until is None else min(deadline, hold.until),
            )
        finally:
            instance.traffic.queued -= 1
            cloud.happenings.tell(Happening.TRAFFIC, instance)

    def _still(self, route: Route, hold: Hold) -> bool:
        return self._choose(route, hold.instance) == hold

    def _choose(self, route: Route, mine: Instance | None = None) -> Choice:
        domain = self._cloud.domains.parse(route.fqdn)
        group: ServiceGroup | None = self._cloud.domains.owners.get(domain)
        if group is not None and group.uuid != route.group_uuid:
            group = None
        return choose(self._cloud, route, group, mine)


def _too_late(route: Route, instance: Instance, seconds: float) -> NoAnswer:
    message = (
        f"Nothing listened on port {route.destination_port} within {seconds:g} s "
        f"in '{instance.name}' ({instance.state.value})"
    )
    return NoAnswer("timeout", message)
