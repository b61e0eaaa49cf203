"""The health of a node (specification, Parts B.7 and C.16)."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from .scalars import closed

__all__ = ["Health", "License"]


@closed
class License(TypedDict, total=False):
    """The node's licence; administrators alone see it."""

    serial: Required[Annotated[str, Field(pattern=r"^[0-9A-Fa-f:]+$")]]
    """Hexadecimal."""
    valid: Required[bool]
    features: list[str]


@closed
class Health(TypedDict, total=False):
    """The data of a health check: what each checker found."""

    checks: Required[dict[str, Literal["unknown", "healthy", "degraded"]]]
    versions: Required[dict[str, str]]
    license: License
