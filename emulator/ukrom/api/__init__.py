"""The HTTP face of the cloud: one table of operations, one plain call, thin doors around it.

`Api(cloud).handle(Request(...))` is all of it; `ApiApp` carries it over ASGI, the transports carry
it over nothing.
"""

from __future__ import annotations

from .api import Api
from .asgi import ApiApp
from .faults import Effect, Fault, Faults
from .log import CallLog, LoggedCall
from .messages import MAX_BODY, Answer, Request, Waiting
from .nearest import nearest
from .operations import BUILDS_NOT_EMULATED, CONTROL_PLANE, NOT_EMULATED, PLATFORM, Form, Operation
from .places import local_path
from .transport import AsyncInProcessTransport, InProcessTransport

__all__ = [
    "BUILDS_NOT_EMULATED",
    "CONTROL_PLANE",
    "MAX_BODY",
    "NOT_EMULATED",
    "PLATFORM",
    "Answer",
    "Api",
    "ApiApp",
    "AsyncInProcessTransport",
    "CallLog",
    "Effect",
    "Fault",
    "Faults",
    "Form",
    "InProcessTransport",
    "LoggedCall",
    "Operation",
    "Request",
    "Waiting",
    "local_path",
    "nearest",
]
