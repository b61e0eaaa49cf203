"""The HTTP face of the cloud: one table of operations, one plain call, thin doors around it.

`Api(cloud).handle(Request(...))` is all of it; `ApiApp` carries it over ASGI, the transports carry
it over nothing.
"""

from __future__ import annotations

from .api import Api, LoggedCall
from .asgi import ApiApp
from .messages import MAX_BODY, Answer, Request, Waiting
from .operations import CONTROL_PLANE, NOT_EMULATED, PLATFORM, Form, Operation
from .transport import AsyncInProcessTransport, InProcessTransport

__all__ = [
    "CONTROL_PLANE",
    "MAX_BODY",
    "NOT_EMULATED",
    "PLATFORM",
    "Answer",
    "Api",
    "ApiApp",
    "AsyncInProcessTransport",
    "Form",
    "InProcessTransport",
    "LoggedCall",
    "Operation",
    "Request",
    "Waiting",
]
