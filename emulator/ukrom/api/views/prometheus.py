"""Metrics of instances in the text format of Prometheus (specification, Part C.12).

The names are the platform's, which a Prometheus library would extend by `_total`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["MEDIA", "prometheus_text"]

MEDIA = "text/plain; version=0.0.4; charset=utf-8"

_STATES = ("stopped", "starting", "running", "draining", "stopping", "standby", "template", "deleted")
"""By their numbers."""


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    field: str
    """In the JSON form."""
    kind: Literal["gauge", "counter"]
    said: str
    number: Callable[[Any], float] = lambda value: value


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _from_ms(value: float) -> float:
    return value / 1000


def _from_us(value: float) -> float:
    return value / 1_000_000


_FAMILIES = (
    _Family("instance_state", "state", "gauge", "State of the instance", _STATES.index),
    _Family("instance_start_count", "start_count", "counter", "Starts of the instance"),
    _Family("instance_restart_count", "restart_count", "counter", "Restarts by its restart policy"),
    _Family("instance_started_at", "started_at", "gauge", "Last start, in seconds since 1970", _moment),
    _Family("instance_stopped_at", "stopped_at", "gauge", "Last stop, in seconds since 1970", _moment),
    _Family("instance_uptime_s", "uptime_ms", "counter", "Time it ran over all starts", _from_ms),
    _Family("instance_boot_time_s", "boot_time_us", "gauge", "Time of the last boot", _from_us),
    _Family("instance_net_time_s", "net_time_us", "gauge", "Time until it listened", _from_us),
    _Family("instance_template_time_s", "template_time_us", "gauge", "Time to make the template", _from_us),
    _Family("instance_rss_bytes", "rss_bytes", "gauge", "Resident memory"),
    _Family("instance_cpu_time_s", "cpu_time_ms", "counter", "Processor time", _from_ms),
    _Family("instance_rx_bytes", "rx_bytes", "counter", "Bytes received"),
    _Family("instance_rx_packets", "rx_packets", "counter", "Packets received"),
    _Family("instance_tx_bytes", "tx_bytes", "counter", "Bytes sent"),
    _Family("instance_tx_packets", "tx_packets", "counter", "Packets sent"),
    _Family("instance_nconns", "nconns", "gauge", "Open connections"),
    _Family("instance_nreqs", "nreqs", "gauge", "HTTP requests in flight"),
    _Family("instance_nqueued", "nqueued", "gauge", "Requests and connections that wait"),
    _Family("instance_ntotal", "ntotal", "counter", "Requests and connections that were handled"),
)
_LATENCY = "instance_wakeup_latency_seconds"


def prometheus_text(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Write metrics of instances, given in their JSON form."""
    lines: list[str] = []
    for family in _FAMILIES:
        there = [one for one in metrics if family.field in one]
        if there:
            lines += [f"# HELP {family.name} {family.said}", f"# TYPE {family.name} {family.kind}"]
            lines += [f"{family.name}{_labels(one)} {family.number(one[family.field])}" for one in there]
    if metrics:
        lines += [
            f"# HELP {_LATENCY} Time that requests waited for a wake-up",
            f"# TYPE {_LATENCY} histogram",
        ]
        lines += [line for one in metrics for line in _histogram(one)]
    return "".join(f"{line}\n" for line in lines)


def _histogram(one: Mapping[str, Any]) -> Iterator[str]:
    count = 0
    for bucket in one["wakeup_latency"]:
        bound, count = bucket["bucket_ms"], bucket["count"]
        yield f"{_LATENCY}_bucket{_labels(one, le='+Inf' if bound is None else str(bound / 1000))} {count}"
    yield f"{_LATENCY}_sum{_labels(one)} {one['wakeup_latency_sum'] / 1000}"
    yield f"{_LATENCY}_count{_labels(one)} {count}"


def _labels(one: Mapping[str, Any], **more: str) -> str:
    # A UUID has no letters that would need to be escaped.
    pairs = {"instance_uuid": one["uuid"], **more}
    return "{" + ",".join(f'{name}="{value}"' for name, value in pairs.items()) + "}"
