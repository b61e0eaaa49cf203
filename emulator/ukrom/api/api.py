"""The API as a plain call: a request in, an answer or a wait out. No sockets, no event loop."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from .batch import Batch
from .call import Call
from .envelope import Outcome, RequestRefused, data_answer, items_answer, refused_answer
from .forms import FILL
from .messages import MAX_BODY, Answer, Request, Waiting
from .operation import Form
from .operations import CONTROL_PLANE, PLATFORM
from .places import Realm, place_of
from .routing import Routes, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.cloud import Cloud

    from .operation import Operation
    from .routing import Match

__all__ = ["Api", "LoggedCall"]

_LOGGED_CALLS = 200
_log = logging.getLogger("ukrom.api")


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call that was answered, for failure reports."""

    method: str
    path: str
    status: int
    milliseconds: float
    error: str | None
    """What was refused or went wrong, in the words of the answer."""


class Api:
    """The HTTP API of a cloud.

    Args:
        cloud: Whose API it is.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.log: deque[LoggedCall] = deque(maxlen=_LOGGED_CALLS)
        """The latest calls, oldest first."""
        self._platform = Routes(PLATFORM)
        self._control_plane = Routes(CONTROL_PLANE)

    def handle(self, request: Request) -> Answer | Waiting:
        """Answer a request, on any thread; never blocks.

        Returns:
            The answer, or a wait for it if the request has to wait for something.
        """
        began = perf_counter()
        try:
            answer = self._handle(request, began)
        except RequestRefused as refusal:
            return self._refuse(request, refusal, began)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must become an answer.
            # A client must get an answer even from a broken emulator; the traceback is for us.
            _log.exception("%s %s failed inside the emulator", request.method, request.path)
            message = f"internal error of the emulator: {type(error).__name__}: {error}"
            return self._refuse(request, RequestRefused(500, message), began)
        if isinstance(answer, Waiting) and answer.future.done():
            return answer.future.result()
        return answer

    def _handle(self, request: Request, began: float) -> Answer | Waiting:
        if len(request.body) > MAX_BODY:
            raise RequestRefused(413, f"The request body is larger than {MAX_BODY} bytes")
        place = place_of(request.host, self.cloud)
        match = self._match(request, place.realm)
        account = self.cloud.account(_token(request))
        with self.cloud.guard:
            space = self.cloud.space(account, place.metro)
            call = Call(self.cloud, account, space, request, match.uuid, local=place.realm is Realm.LOCAL)
            return self._perform(match.operation, call, began)

    def _match(self, request: Request, realm: Realm) -> Match:
        control_plane = realm is Realm.CONTROL_PLANE or (realm is Realm.LOCAL and _is_control_plane(request))
        routes = self._control_plane if control_plane else self._platform
        return routes.match(request.method, request.path)

    def _perform(self, operation: Operation, call: Call, began: float) -> Answer | Waiting:
        if operation.form is Form.DATA:
            answer = data_answer(operation.handler(call), call.warnings, _microseconds(began))
            self._note(call.request, answer, None, began)
            return answer

        def finish(outcomes: Sequence[Outcome]) -> Answer:
            answer, problem = items_answer(operation.key, outcomes, call.warnings, _microseconds(began))
            self._note(call.request, answer, problem, began)
            return answer

        batch = Batch(self.cloud, finish)
        FILL[operation.form](operation, call, batch)
        return batch.answer()

    def _refuse(self, request: Request, refusal: RequestRefused, began: float) -> Answer:
        answer = refused_answer(refusal, _microseconds(began))
        self._note(request, answer, "; ".join(refusal.messages), began)
        return answer

    def _note(self, request: Request, answer: Answer, error: str | None, began: float) -> None:
        milliseconds = (perf_counter() - began) * 1000
        self.log.append(LoggedCall(request.method, request.path, answer.status, milliseconds, error))


def _token(request: Request) -> str:
    scheme, _, token = (request.authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise RequestRefused(401, "Missing or malformed token: send 'Authorization: Bearer <token>'")
    return token


def _is_control_plane(request: Request) -> bool:
    parts = segments(request.path)
    if parts == ("images",):
        # Both APIs have this path; only the control plane's takes namespaces.
        return "namespace=" in request.query
    return parts[:1] in {("metros",), ("auth",), ("nodes",)}


def _microseconds(began: float) -> int:
    return max(1, int((perf_counter() - began) * 1_000_000))
