"""How long the gateway waits for what."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Deadlines"]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Deadlines of the gateway, in seconds.

    [choice] The specification knows one only, 60 s for a plugin call (A.4). The emulator multiplies
    these by the runner's speed.
    """

    lease: float = 120.0
    """For an instance to be there and to listen; the cloud's own deadline should come first."""
    connect: float = 5.0
    """For a connection to a machine that is there."""
    answer: float = 60.0
    """For the first byte of an answer, from the end of the request."""
    idle: float = 60.0
    """Between two pieces of a body, in either direction."""
    stop: float = 1.0
    """For answers that are under way when the ingress stops."""
    head: float = 30.0
    """For a client to send the head of a request."""
    pause: float = 90.0
    """Between two pieces of a request's body, before the connection is dropped. Longer than `idle`: where
    an instance waits for them, the gateway answers first."""

    def scaled(self, factor: float) -> Deadlines:
        """The same for machines that are `factor` times slower; clients and stopping are not slowed."""
        return Deadlines(
            lease=self.lease * factor,
            connect=self.connect * factor,
            answer=self.answer * factor,
            idle=self.idle * factor,
            head=self.head,
            pause=self.pause + self.idle * (factor - 1),
            stop=self.stop,
        )
