"""The envelope, and items that failed (specification, Parts A.1, A.2 and A.4)."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from .instances import InstanceState
from .scalars import Amount, Uuid, closed

__all__ = ["EnvelopeStatus", "EnvelopeWarning", "Failure", "Refused", "RequestError"]

EnvelopeStatus = Literal["success", "error", "partial_success"]
"""`error` when every item failed, `partial_success` when some did."""


@closed
class RequestError(TypedDict, total=False):
    """Why a request was refused as a whole."""

    status: Required[Annotated[int, Field(ge=400, le=599)]]
    """An HTTP status, not an error code."""
    message: Required[str]


@closed
class EnvelopeWarning(TypedDict, total=False):
    """A warning in its longer form."""

    message: Required[str]


@closed
class Failure(TypedDict, total=False):
    """An item that failed.

    It has only those identifiers that the caller used. An item whose wait lapsed, and one that
    stopped while it was waited for, have no error code.
    """

    status: Required[Literal["error", "partial_success"]]
    """Always `error`: the platform's description gives items the words of the envelope."""
    message: str
    error: Amount
    """The platform's error code (Part A.6), not an HTTP status."""
    uuid: Uuid
    name: str
    id: str
    """Of the PATCH triple, if the caller tagged it."""
    state: InstanceState
    """Of an instance, as it was last seen."""


@closed
class Refused(TypedDict, total=False):
    """The answer to a request that is refused as a whole."""

    status: Required[Literal["error"]]
    message: Required[str]
    errors: Required[Annotated[list[RequestError], Field(min_length=1)]]
    warnings: list[str | EnvelopeWarning]
    op_time_us: Required[Amount]
