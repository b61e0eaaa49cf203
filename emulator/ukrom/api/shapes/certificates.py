"""Certificates, as far as domains of a service group show them (specification, Part C.10)."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from .references import Reference
from .scalars import Amount, Moment, Uuid, closed

__all__ = ["Certificate", "CertificateValidation"]


@closed
class CertificateValidation(TypedDict, total=False):
    """How far a certificate's validation is."""

    attempt: Required[Amount]
    next: Moment


@closed
class Certificate(TypedDict, total=False):
    """A certificate; where it is part of another resource it may bring an outcome of its own."""

    status: Literal["success", "error", "partial_success"]
    message: str
    error: Amount
    uuid: Required[Uuid]
    name: Required[str]
    created_at: Moment
    common_name: str
    subject: str
    issuer: str
    serial_number: Annotated[str, Field(pattern=r"^[0-9A-Fa-f:]+$")]
    """Hexadecimal."""
    not_before: Moment
    not_after: Moment
    state: Literal["pending", "valid", "error"]
    validation: CertificateValidation
    service_groups: list[Reference]
