"""Metrics of instances, and the checkpoints in their history (specification, Parts B.1, C.12 and C.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.operation import Form, Operation
from ukrom.api.shapes.instances import InstanceHistory
from ukrom.api.shapes.metrics import InstanceMetrics
from ukrom.api.views.metrics import metrics_view
from ukrom.api.views.prometheus import MEDIA, prometheus_text
from ukrom.api.views.references import reference_view
from ukrom.cloud import FROZEN

from .finding import find_instance

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.cloud import Instance

__all__ = ["OPERATIONS"]


def listed(call: Call) -> list[Instance]:
    """Give all instances, oldest first; templates are none. [choice]."""
    return [one for one in call.space.instances if one.state not in FROZEN]


def metrics(call: Call, instance: Instance) -> dict[str, Any]:
    """Show what was measured of an instance."""
    return metrics_view(instance, call.cloud.clock.monotonic())


def history(call: Call, instance: Instance) -> dict[str, Any]:  # noqa: ARG001 - every handler gets the call.
    """Show the checkpoints that an instance comes from: none, as checkpoints are not emulated yet."""
    return {**reference_view(instance), "history": []}


def _metrics(method: str, name: str) -> Operation:
    return Operation(
        name,
        method,
        ("/instances/metrics", "/instances/{uuid}/metrics"),
        Form.SHOW,
        metrics,
        key="instances",
        find=find_instance,
        listed=listed,
        answer=InstanceMetrics,
        media=MEDIA,
        written=prometheus_text,
        simplified="network and processor figures are as far as the runner can tell: a stub has none",
    )


OPERATIONS = (
    _metrics("GET", "read instance metrics"),
    # An alias that the documentation names.
    _metrics("POST", "read instance metrics by POST"),
    Operation(
        "read instance history",
        "GET",
        ("/instances/history", "/instances/{uuid}/history"),
        Form.SHOW,
        history,
        key="instances",
        find=find_instance,
        listed=listed,
        answer=InstanceHistory,
        simplified="always empty, as there are no checkpoints yet",
    ),
)
