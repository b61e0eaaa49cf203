"""uvicorn's HTTP/1.1, silent, and with an end to requests that stop half-way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["Protocol"]


def _silent_logger() -> logging.Logger:
    # uvicorn's own loggers belong to the user's uvicorn, and a broken-off answer is no error of ours.
    logger = logging.getLogger("ukrom.ingress.http")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


class Protocol(H11Protocol):
    """One connection of a listener.

    Args:
        head: Seconds that a client has for the head of a request, and for its first one to begin.
        pause: Seconds that it may take for the next piece of a body.
        rest: What uvicorn's protocol takes.
    """

    def __init__(self, *, head: float, pause: float, **rest: Any) -> None:
        super().__init__(**rest)
        self.logger = _silent_logger()
        self.access_log = False
        self._head = head
        self._pause = pause
        self._patience: asyncio.TimerHandle | None = None
        self._for_head = False

    # uvicorn narrows the type of a transport.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request, and wait for the next one if there must be one."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """End an answer; a next request may have begun already."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End it, timers included."""
        self.disarm()
        super().connection_lost(exc)

    def disarm(self) -> None:
        """Call off the timers, which would outlive the loop."""
        self._unset_keepalive_if_required()
        self._forget_patience()

    def _watch(self) -> None:
        state = self.conn.their_state
        if state is h11.IDLE and (self.cycle is None or self.conn.trailing_data[0]):
            # All of a head within one time: a byte now and then shall not hold a connection for ever.
            if not self._for_head:
                self._be_patient(self._head)
                self._for_head = True
            return
        self._forget_patience()
        if state is h11.SEND_BODY and not self.transport.is_closing():
            self._be_patient(self._pause)

    def _be_patient(self, seconds: float) -> None:
        self._forget_patience()
        self._patience = self.loop.call_later(seconds, self._lose_patience)

    def _forget_patience(self) -> None:
        self._for_head = False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._forget_patience()
        if self.conn.their_state is h11.SEND_BODY and self.flow.read_paused:
            # It is the application that takes its time.
            self._be_patient(self._pause)
        else:
            # No polite closing: a TLS client that reads no more would hold it up for half a minute.
            self.transport.abort()
