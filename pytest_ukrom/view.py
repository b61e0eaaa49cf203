"""An account of the emulated cloud, seen from a test: where it is, its time, its faults, its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api import Effect

if TYPE_CHECKING:
    from pathlib import Path

    from ukrom.api import Fault
    from ukrom.clock import VirtualClock
    from ukrom.cloud import Account, StubRunner
    from ukrom.emulator import Emulator

__all__ = ["View"]


class View:
    """One account of an emulator.

    Args:
        emulator: A started emulator.
        account: Whose resources it makes and sees.
    """

    def __init__(self, emulator: Emulator, account: Account) -> None:
        self.emulator = emulator
        self.account = account

    @property
    def url(self) -> str:
        """The base URL of the first metro's API; ends in `/v1`."""
        return self.emulator.url

    def url_of(self, metro: str) -> str:
        """The base URL of a metro's API; ends in `/v1`.

        Raises:
            SettingsError: There is no such metro.
        """
        return self.emulator.url_of(metro)

    @property
    def token(self) -> str:
        """The account's bearer token."""
        return self.account.token

    @property
    def user(self) -> str:
        """The account's name, and its namespace among the images."""
        return self.account.user

    @property
    def metro(self) -> str:
        """The code of the first metro, where instances are unless another one is asked."""
        return self.emulator.settings.metro

    @property
    def metros(self) -> tuple[str, ...]:
        """The codes of all emulated metros."""
        return self.emulator.settings.metros

    @property
    def clock(self) -> VirtualClock:
        """The cloud's time: `ukrom.clock.advance(5)` is five seconds later; real again after the test."""
        return self.emulator.clock

    @property
    def ca_file(self) -> Path:
        """A PEM file with the system's CAs and the emulator's own, for clients outside of Python."""
        return self.emulator.ca_file

    @property
    def http_port(self) -> int:
        """The loopback port that stands for public port 80 of every instance, and serves the API."""
        return self.emulator.ingress.http_port

    @property
    def https_port(self) -> int:
        """The loopback port that stands for public port 443: TLS by server name, with `ca_file`."""
        return self.emulator.ingress.https_port

    @property
    def stub(self) -> StubRunner:
        """Says what answers for an image where no VM runs: `ukrom_api.stub.answer("web", app)`."""
        return self.emulator.stub

    def fail(
        self,
        operation: str,
        *,
        code: int | None = None,
        status: int | None = None,
        message: str | None = None,
        times: int | None = 1,
        delay: float = 0.0,
        rate: float = 1.0,
    ) -> Fault:
        """Have calls of an operation fail, or answered late, until the end of the test.

        With neither `code` nor `status` nor `delay`, requests are refused with HTTP status 500. Faults
        of one operation strike one after the other.

        Args:
            operation: A name (`start instances`), a request (`PUT /v1/instances/start`, which stands
                for the `{uuid}` form too), or `*` for all.
            code: Every item fails with this error code of the platform; nothing is done to them.
            status: The request is refused with this HTTP status; nothing is done.
            message: What the answer says.
            times: How many calls are struck; None means all.
            delay: Seconds of `clock` until the answer is given. Alone, the call is done properly, and
                at once: only its answer is late.
            rate: The share of calls that are struck, by chance; the same for the same seed.

        Returns:
            The fault: `struck` counts, `cancel()` ends it, and so does the end of a `with` block.

        Raises:
            SettingsError: There is no such operation, or a value makes no sense.
        """
        effect = Effect(code, status, message, delay)
        return self.emulator.api.faults.add(self.account, operation, effect=effect, times=times, rate=rate)

    def dump(self) -> dict[str, Any]:
        """The whole state of the account, as plain JSON."""
        return self.emulator.cloud.dump(self.account)

    def load(self, document: dict[str, Any]) -> None:
        """Give the account the state of a dump, in the place of its own.

        Raises:
            StateError: It is no state of an account, or does not fit into this emulator.
        """
        self.emulator.cloud.load(self.account, document)
