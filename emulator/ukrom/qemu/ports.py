"""The TCP ports of one guest: which are published, where they lead, who listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.ports import Endpoint, Listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["GuestPorts"]


class GuestPorts:
    """Keeps what QEMU and the agent tell of ports, and reports who begins to listen.

    Args:
        published: Guest ports to which services send.
        report: Takes the events.
        elapsed: Seconds since the machine was asked for.
    """

    def __init__(
        self,
        published: Iterable[int],
        report: Callable[[Listening], None],
        elapsed: Callable[[], float],
    ) -> None:
        self.published = dict.fromkeys(published)
        self.listening: tuple[int, ...] = ()
        """As last seen; reachable from outside."""
        self.unreachable: tuple[str, ...] = ()
        """Bound to the guest's own loopback, such as `127.0.0.1:8080`."""
        self.first: float | None = None
        """When a published port was first listened on."""
        self._report = report
        self._elapsed = elapsed
        self._forwards: Mapping[int, int] = {}
        self._early: list[int] | None = []

    def endpoint(self, port: int) -> Endpoint | None:
        """The loopback address that leads to a guest port; None while there is none."""
        local = self._forwards.get(port)
        return None if local is None else Endpoint(address=("127.0.0.1", local))

    def forward(self, forwards: Mapping[int, int]) -> None:
        """Take in where guest ports lead to, as QEMU bound them."""
        self._forwards = forwards
        early, self._early = self._early, None
        for port in early or ():
            self.heard(port)

    def heard(self, port: int) -> None:
        """Take in that a published port is listened on; not told before it leads somewhere."""
        if self._early is not None:
            self._early.append(port)
            return
        self.first = self.first or self._elapsed()
        self._tell(port)

    def seen(self, addresses: Sequence[str]) -> None:
        """Take in all that is listened on; a plain number is reachable from outside."""
        before = {*self.listening, *self.unreachable}
        self.listening = tuple(int(address) for address in addresses if address.isdigit())
        self.unreachable = tuple(address for address in addresses if not address.isdigit())
        for port in self.listening:
            if port not in before and port not in self.published:
                self._tell(port)
        for address in self.unreachable:
            if address not in before:
                self._tell(int(address.rpartition(":")[2]), reachable=False)

    def _tell(self, port: int, *, reachable: bool = True) -> None:
        self._report(Listening(port, round(self._elapsed() * 1e6), reachable=reachable))
