"""The API as a plain call: a request in, an answer or a wait out. No sockets, no event loop."""

from __future__ import annotations

import json
import logging
from time import perf_counter
from typing import TYPE_CHECKING

from ukrom.cloud import Refusal

from .batch import Batch
from .call import Call
from .described import Described
from .envelope import (
    NoBuildService,
    NoOperation,
    NoUuidInPath,
    Outcome,
    RequestRefused,
    data_answer,
    items_answer,
    refused,
    refused_answer,
)
from .faults import Faults
from .forms import FILL, meant
from .late import held_back
from .log import CallLog, LoggedCall
from .messages import MAX_BODY, Answer, Request, Waiting
from .operation import Form
from .operations import CONTROL_PLANE, PLATFORM
from .places import Place, Realm, place_of
from .routing import Routes, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.cloud import Cloud

    from .faults import Fault
    from .operation import Operation
    from .routing import Match

__all__ = ["Api"]

_log = logging.getLogger("ukrom.api")


class Api:
    """The HTTP API of a cloud.

    Args:
        cloud: Whose API it is.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.log = CallLog()
        self.faults = Faults(cloud)
        """Faults on request."""
        self._platform = Routes(PLATFORM)
        self._control_plane = Routes(CONTROL_PLANE)
        self._described = Described()

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

    def note_stranger(self, method: str, url: str, error: str) -> None:
        """Put into the log that a host of the cloud was called that is not emulated."""
        number = self.log.next_number()
        self.log.add(LoggedCall(method, url, 0, 0.0, error, missed=True, number=number))

    def _handle(self, request: Request, began: float) -> Answer | Waiting:
        if len(request.body) > MAX_BODY:
            raise RequestRefused(413, f"The request body is larger than {MAX_BODY} bytes")
        place = place_of(request.host, request.path, self.cloud)
        if (described := self._described.answer(request.method, place)) is not None:
            return described
        match = self._match(request, place)
        token = _token(request)
        with self.cloud.guard:
            # In here: an account that is closed meanwhile must get nothing any more.
            account = self.cloud.account(token)
            space = self.cloud.space(account, place.metro)
            local = place.realm is Realm.LOCAL
            call = Call(self.cloud, account, space, request, match.uuid, local=local, path_rest=match.rest)
            fault = self.faults.due(account, match.operation)
            if fault is not None:
                return self._struck(fault, match.operation, call, began)
            return self._perform(match.operation, call, began)

    def _match(self, request: Request, place: Place) -> Match:
        local = place.realm is Realm.LOCAL
        if place.realm is Realm.BUILDS or (local and segments(place.path)[:1] == ("builds",)):
            raise NoBuildService(request.method, request.path)
        control_plane = place.realm is Realm.CONTROL_PLANE or (local and _is_control_plane(request, place))
        routes = self._control_plane if control_plane else self._platform
        return routes.match(request.method, place.path)

    def _perform(
        self, operation: Operation, call: Call, began: float, fault: Fault | None = None
    ) -> Answer | Waiting:
        if operation.form is Form.DATA:
            answer = data_answer(operation.handler(call), call.warnings, _microseconds(began))
            self._note(call.request, answer, None, began, fault)
            return answer

        def finish(outcomes: Sequence[Outcome]) -> Answer:
            answer, problem = items_answer(operation.key, outcomes, call.warnings, _microseconds(began))
            self._note(call.request, answer, problem, began, fault)
            return answer if problem else _written(operation, call.request, outcomes) or answer

        batch = Batch(self.cloud, finish)
        FILL[operation.form](operation, call, batch)
        return batch.answer()

    def _struck(self, fault: Fault, operation: Operation, call: Call, began: float) -> Answer | Waiting:
        """Answer a call as a fault on request wants it."""
        effect = fault.effect
        answer: Answer | Waiting
        if effect.status is not None:
            answer = self._refuse(call.request, effect.refusal(), began, fault)
        elif effect.code is not None:
            answer = self._failed(fault, operation, call, began)
        else:
            answer = self._perform(operation, call, began, fault)
        fault.struck += 1
        return (
            held_back(self.cloud, answer, effect.delay, lambda: fault.cancelled) if effect.delay else answer
        )

    def _failed(self, fault: Fault, operation: Operation, call: Call, began: float) -> Answer:
        """Let all items of a call fail, and leave what they mean alone."""
        code, message = fault.effect.code, fault.effect.message
        assert code is not None
        if operation.form is Form.DATA:
            # [choice] There are no items that could fail, so the request does.
            return self._refuse(call.request, RequestRefused(400, message), began, fault)
        # A listing of nothing has no items; the failure is told all the same.
        items = meant(operation, call) or [{}]
        outcomes = [refused(Refusal(code, message), **identifiers) for identifiers in items]
        answer, problem = items_answer(operation.key, outcomes, call.warnings, _microseconds(began))
        self._note(call.request, answer, problem, began, fault)
        return answer

    def _refuse(
        self, request: Request, refusal: RequestRefused, began: float, fault: Fault | None = None
    ) -> Answer:
        answer = refused_answer(refusal, _microseconds(began))
        missed = isinstance(refusal, (NoOperation, NoUuidInPath))
        self._note(request, answer, "; ".join(refusal.messages), began, fault, missed=missed)
        return answer

    def _note(
        self,
        request: Request,
        answer: Answer,
        error: str | None,
        began: float,
        fault: Fault | None = None,
        *,
        missed: bool = False,
    ) -> None:
        self.log.add(
            LoggedCall(
                method=request.method,
                path=request.path,
                status=answer.status,
                milliseconds=(perf_counter() - began) * 1000,
                error=error,
                fault=None if fault is None else str(fault),
                missed=missed,
                number=self.log.next_number(),
            )
        )


def _written(operation: Operation, request: Request, outcomes: Sequence[Outcome]) -> Answer | None:
    """Write items in the operation's own media type, unless it has none or JSON is asked for (Part C.12)."""
    if operation.written is None or "application/json" in request.accept.lower():
        return None
    text = operation.written([json.loads(outcome.written) for outcome in outcomes])
    return Answer(200, text.encode(), {"content-type": operation.media})


def _token(request: Request) -> str:
    scheme, _, token = (request.authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise RequestRefused(401, "Missing or malformed token: send 'Authorization: Bearer <token>'")
    return token


def _is_control_plane(request: Request, place: Place) -> bool:
    parts = segments(place.path)
    if parts == ("images",):
        # Both APIs have this path; only the control plane's takes namespaces.
        return "namespace=" in request.query
    return parts[:1] in {("metros",), ("auth",), ("nodes",)}


def _microseconds(began: float) -> int:
    return max(1, int((perf_counter() - began) * 1_000_000))
