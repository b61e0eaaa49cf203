"""Metrics of instances in their JSON form (specification, Part C.12)."""

from typing import Required

from typing_extensions import TypedDict

from .instances import InstanceState
from .scalars import Amount, Moment, Uuid, closed

__all__ = ["InstanceMetrics", "LatencyBucket"]


@closed
class LatencyBucket(TypedDict, total=False):
    """How many wake-ups took no longer than the bucket says."""

    bucket_ms: Required[Amount | None]
    """Null for the last one, which has no bound."""
    count: Required[Amount]


@closed
class InstanceMetrics(TypedDict, total=False):
    """What was measured of an instance.

    The state is a word as in every JSON answer; only Prometheus has it as a number. [choice]
    """

    uuid: Required[Uuid]
    name: Required[str]
    state: InstanceState
    start_count: Amount
    restart_count: Amount
    started_at: Moment
    stopped_at: Moment
    uptime_ms: Amount
    boot_time_us: Amount
    net_time_us: Amount
    template_time_us: Amount
    rss_bytes: Required[Amount]
    cpu_time_ms: Required[Amount]
    rx_bytes: Required[Amount]
    rx_packets: Required[Amount]
    tx_bytes: Required[Amount]
    tx_packets: Required[Amount]
    nconns: Required[Amount]
    nreqs: Required[Amount]
    nqueued: Required[Amount]
    ntotal: Required[Amount]
    wakeup_latency: list[LatencyBucket]
    wakeup_latency_sum: Amount
