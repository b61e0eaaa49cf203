"""Health of a metro's node (specification, Parts B.7 and C.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.operation import Form, Operation
from ukrom.api.shapes import Health

if TYPE_CHECKING:
    from ukrom.api.call import Call

__all__ = ["OPERATIONS"]


def healthz(call: Call) -> dict[str, Any]:  # noqa: ARG001 - it is always well.
    """Say that all is well. [choice]: the names of the versions."""
    return {"checks": {"images": "healthy"}, "versions": {"platform": "ukrom"}}


OPERATIONS = (
    Operation(
        "check health",
        "GET",
        ("/healthz",),
        Form.DATA,
        healthz,
        answer=Health,
        simplified="There is no node that could be ill.",
    ),
)
