"""Faults on request: an operation fails, or answers late, because a test wants to see that."""

from __future__ import annotations

import math
from difflib import get_close_matches
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from ukrom.cloud import ErrorCode
from ukrom.errors import SettingsError

from .envelope import NoOperation, RequestRefused
from .operations import CONTROL_PLANE, PLATFORM
from .routing import Routes

if TYPE_CHECKING:
    from types import TracebackType

    from ukrom.cloud import Account, Cloud

    from .operation import Operation

__all__ = ["ANY", "Fault", "Faults"]

ANY = "*"
"""Means every operation."""

_MESSAGE = "Failed on request of the test"
_TABLES = (PLATFORM, CONTROL_PLANE)


class Fault:
    """A fault that strikes calls of one account; made by `Faults.add`.

    As a context manager it ends with the block.
    """

    def __init__(
        self, faults: Faults, operation: str, *, effect: Effect, times: int | None, rate: float
    ) -> None:
        self.operation = operation
        """The name of the operation that it strikes; `*` for all."""
        self.effect = effect
        self.times = times
        """How often it strikes at most; None is without end."""
        self.rate = rate
        self.struck = 0
        """How often it struck."""
        self.cancelled = False
        self._faults = faults

    @property
    def over(self) -> bool:
        """Whether it strikes no more."""
        return self.cancelled or (self.times is not None and self.struck >= self.times)

    def cancel(self) -> None:
        """End it; answers that it holds back are given at once."""
        self._faults.cancel(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def __str__(self) -> str:
        return f"fault on request: {self.effect}"

    def __repr__(self) -> str:
        return f"<Fault {self.operation!r}: {self.effect}, struck {self.struck}>"


class Effect:
    """What a fault does to a call.

    Args:
        code: Every item fails with this code, and nothing is done.
        status: The request is refused with this HTTP status, and nothing is done.
        message: What the answer says.
        delay: Seconds of the cloud's clock until the answer is given.

    Raises:
        SettingsError: They make no sense, or not together.
    """

    def __init__(self, code: int | None, status: int | None, message: str | None, delay: float) -> None:
        if code is not None and status is not None:
            raise SettingsError("A fault has either a `code`, for items, or a `status`, for the request.")
        if not (math.isfinite(delay) and delay >= 0):
            raise SettingsError(f"A fault's delay is a number of seconds, not {delay}.")
        if code is None and status is None and not delay:
            # [choice] Who says no more than that it shall fail gets the plainest failure.
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        if status is not None and not 400 <= status <= 599:
            raise SettingsError(f"A fault's HTTP status is between 400 and 599, not {status}.")
        self.code = None if code is None else _error_code(code)
        self.status = status
        self.message = message or _MESSAGE
        self.delay = delay

    def refusal(self) -> RequestRefused:
        """Make the refusal of a request; one for too many requests says when to come back."""
        assert self.status is not None
        # [choice] (specification, Part G 12) A second, in whatever time that is.
        headers = {"retry-after": "1"} if self.status == HTTPStatus.TOO_MANY_REQUESTS else None
        return RequestRefused(self.status, self.message, headers=headers)

    def __str__(self) -> str:
        parts = [] if self.code is None else [f"code {int(self.code)}"]
        parts += [] if self.status is None else [f"HTTP {int(self.status)}"]
        parts += [f"{self.delay:g} s late"] if self.delay else []
        return ", ".join(parts)


class Faults:
    """The faults of one API. Made and struck under the cloud's lock.

    Args:
        cloud: Whose accounts have them.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._of: dict[Account, list[Fault]] = {}
        self._routes = [Routes(table) for table in _TABLES]

    def add(
        self,
        account: Account,
        operation: str,
        *,
        effect: Effect,
        times: int | None = 1,
        rate: float = 1.0,
    ) -> Fault:
        """Have calls of an account struck. The oldest fault that fits a call and is not over strikes.

        Args:
            account: Whose calls.
            operation: A name from the table of operations (`start instances`), a request
                (`PUT /v1/instances/start`; it stands for all requests of its operation), or `*`.
            effect: What happens to them.
            times: How many calls at most; None is all.
            rate: The share of the calls that are struck, by the account's own chance.

        Raises:
            SettingsError: There is no such operation, or a number makes no sense.
        """
        if times is not None and times < 1:
            raise SettingsError(f"A fault strikes at least once, not {times} times.")
        if not 0 < rate <= 1:
            raise SettingsError(f"A fault's rate is more than 0 and at most 1, not {rate}.")
        fault = Fault(self, self._named(operation), effect=effect, times=times, rate=rate)
        with self._cloud.guard:
            self._of.setdefault(account, []).append(fault)
        return fault

    def due(self, account: Account, operation: Operation) -> Fault | None:
        """Give the fault that a call is to be struck by, if any; under the lock."""
        faults = self._of.get(account)
        if faults is None:
            return None
        for fault in faults:
            if (
                not fault.over
                and fault.operation in {ANY, operation.name}
                and _by_chance(account, fault.rate)
            ):
                return fault
        return None

    def cancel(self, fault: Fault) -> None:
        """End a fault."""
        with self._cloud.guard:
            fault.cancelled = True
            self._of = {
                account: left
                for account, faults in self._of.items()
                if (left := [other for other in faults if other is not fault])
            }
            self._cloud.waits.changed()

    def clear(self, account: Account) -> None:
        """End all faults of an account."""
        with self._cloud.guard:
            for fault in self._of.pop(account, ()):
                fault.cancelled = True
            self._cloud.waits.changed()

    def close(self) -> None:
        """End all faults, so that nobody waits for an answer that a fault holds back."""
        for account in self._cloud.accounts():
            self.clear(account)

    def _named(self, text: str) -> str:
        names = [operation.name for table in _TABLES for operation in table]
        if text in {ANY, *names}:
            return text
        method, _, path = text.strip().partition(" ")
        for routes in self._routes if path else ():
            try:
                return routes.match(method.upper(), path.strip()).operation.name
            except NoOperation:
                continue
        close = get_close_matches(text, [*names, *_requests()], 3, 0.4)
        raise SettingsError(
            f"There is no operation {text!r} that could fail.",
            remedy=f"Take one of these: {', '.join(map(repr, close))}." if close else None,
        )


def _requests() -> list[str]:
    rows = [operation for table in _TABLES for operation in table]
    return [f"{row.method} /v1{path}" for row in rows for path in row.paths]


def _by_chance(account: Account, rate: float) -> bool:
    return rate == 1 or account.names.chance(rate)


def _error_code(code: int) -> ErrorCode:
    try:
        return ErrorCode(code)
    except ValueError:
        raise SettingsError(
            f"The platform has no error code {code}.", remedy=f"It has 0 to {max(ErrorCode).value}."
        ) from None
