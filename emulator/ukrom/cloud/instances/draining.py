"""Letting what is in flight to an instance come to its end before it stops (specification, Part D.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.waits import Wait

from .states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.waits import Steps

    from .instance import Instance

__all__ = ["drained"]


def drained(cloud: Cloud, instance: Instance, timeout_ms: int, then: Callable[[], object]) -> None:
    """Do something once an instance that drains has nothing in flight, or has had its time.

    Args:
        cloud: The cloud.
        instance: In state `draining`; if it leaves that otherwise, nothing is done.
        timeout_ms: How long it has, in ms; -1 as long as the platform lets it.
        then: What to do.
    """
    cloud.waits.spawn(_drained(cloud, instance, timeout_ms, then), lambda _: None)


def _drained(cloud: Cloud, instance: Instance, timeout_ms: int, then: Callable[[], object]) -> Steps[None]:
    run = instance.run
    seconds = cloud.settings.longest_wait_s if timeout_ms < 0 else timeout_ms / 1000
    yield Wait(
        lambda: (
            not instance.traffic.in_flight or instance.state is not State.DRAINING or instance.run is not run
        ),
        cloud.clock.monotonic() + seconds,
    )
    if instance.run is run and instance.state is State.DRAINING:
        then()
        cloud.waits.changed()
