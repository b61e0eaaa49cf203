"""Metrics of instances as JSON answers show them (specification, Part C.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.cloud import Usage

from .moments import rfc3339
from .references import reference_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.cloud import Instance

__all__ = ["BUCKETS_MS", "metrics_view"]

BUCKETS_MS = tuple(1 << power for power in range(13))
"""1 to 4096 ms; a last bucket has no bound."""


def metrics_view(instance: Instance, now: float) -> dict[str, Any]:
    """Show what was measured of an instance; `now` by the clock's `monotonic`."""
    traffic = instance.traffic
    moments = {"started_at": instance.started_at, "stopped_at": instance.stopped_at}
    times = {
        "boot_time_us": instance.boot_time_us,
        "net_time_us": instance.net_time_us,
        "template_time_us": instance.template_time_us,
        "restart_count": instance.restart_count or None,
    }
    return {
        **reference_view(instance),
        "state": instance.state.value,
        "start_count": instance.start_count,
        **{name: rfc3339(moment) for name, moment in moments.items() if moment is not None},
        "uptime_ms": instance.uptime_ms(now),
        **{name: time for name, time in times.items() if time is not None},
        **_usage(instance),
        "nconns": traffic.connections,
        "nreqs": traffic.requests,
        "nqueued": traffic.queued,
        "ntotal": traffic.total,
        "wakeup_latency": _buckets(traffic.wakeups_ms),
        "wakeup_latency_sum": round(sum(traffic.wakeups_ms)),
    }


def _usage(instance: Instance) -> dict[str, int]:
    run = instance.run
    usage = Usage() if run is None or run.machine is None else run.machine.usage()
    return {
        "rss_bytes": usage.rss_bytes,
        "cpu_time_ms": usage.cpu_time_ms,
        "rx_bytes": usage.rx_bytes,
        "rx_packets": usage.rx_packets,
        "tx_bytes": usage.tx_bytes,
        "tx_packets": usage.tx_packets,
    }


def _buckets(wakeups_ms: Sequence[float]) -> list[dict[str, int | None]]:
    # [choice]: each bucket counts all that it bounds, as Prometheus' do.
    bounded: list[dict[str, int | None]] = [
        {"bucket_ms": bound, "count": sum(one <= bound for one in wakeups_ms)} for bound in BUCKETS_MS
    ]
    return [*bounded, {"bucket_ms": None, "count": len(wakeups_ms)}]
