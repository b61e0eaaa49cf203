"""What must be so before an instance can boot: room for it, and the instances it depends on.

Specification, Parts C.2 (`dependencies`) and F.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.orders import Ref
from ukrom.cloud.refusals import Refusal
from ukrom.cloud.waits import Wait

from .booting import StartFailed
from .states import LIVE, PlatformCode, State

if TYPE_CHECKING:
    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.waits import Steps

    from .instance import Instance, Run

__all__ = ["check_live", "dependencies_up"]


def check_live(cloud: Cloud, instance: Instance) -> None:
    """Check that an instance which starts, and is counted already, is within the live quotas.

    Raises:
        StartFailed: It is not.
    """
    limits = cloud.settings.limits
    everyone = cloud.space(instance.account, instance.metro).instances
    count = len(everyone)
    if (
        count * limits.max_vcpus <= limits.live_vcpus
        and count * limits.max_memory_mb <= limits.live_memory_mb
    ):
        return  # not even all of them could exceed it: thousands need not be counted at every start
    live = [one for one in everyone if one.state in LIVE]
    for name, used, most in (
        ("live_vcpus", sum(one.vcpus for one in live), limits.live_vcpus),
        ("live_memory_mb", sum(one.memory_mb for one in live), limits.live_memory_mb),
    ):
        if used > most:
            message = f"quota exceeded: {name} would be {used}, and {most} are allowed"
            raise StartFailed(PlatformCode.UNKNOWN, message)


def dependencies_up(cloud: Cloud, instance: Instance, run: Run) -> Steps[None]:
    """Start what an instance depends on, and wait until all of it runs. [choice].

    Raises:
        StartFailed: One of them is gone, or does not come up.
    """
    space = cloud.space(instance.account, instance.metro)
    for uuid in instance.dependencies:
        needed = space.instances.get(Ref(uuid))
        if needed is None:
            raise StartFailed(PlatformCode.UNKNOWN, f"it depends on instance {uuid}, which is gone")
        if needed.state not in {State.STARTING, State.RUNNING}:
            _started(cloud, needed)
    for uuid in instance.dependencies:
        needed = space.instances.get(Ref(uuid))
        # The wait is over before `needed` is another one.
        yield Wait(lambda: run.over or instance.run is not run or _decided(needed))  # noqa: B023
        if instance.run is run and (needed is None or needed.state is not State.RUNNING):
            name = uuid if needed is None else f"'{needed.name}'"
            message = f"it depends on {name}, which did not come up"
            raise StartFailed(PlatformCode.UNKNOWN, message)


def _started(cloud: Cloud, needed: Instance) -> None:
    try:
        cloud.lifecycle.begin(needed)
    except Refusal as refusal:
        message = f"it depends on '{needed.name}', which cannot start: {refusal.message}"
        raise StartFailed(PlatformCode.UNKNOWN, message) from refusal


def _decided(needed: Instance | None) -> bool:
    return needed is None or needed.state is not State.STARTING
