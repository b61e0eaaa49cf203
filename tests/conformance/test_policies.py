"""What the platform does by itself: restarts, standby, autokill (specification, D.2, D.6, D.15, D.16).

The clock is the emulator's, so none of this waits.
"""

from __future__ import annotations

import pytest
from unikraft_cloud import NotFoundError

from .conftest import IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GROUP = {"services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]}


@pytest.fixture
def clock(emulator):
    """The emulator's clock, standing still."""
    with emulator.cloud.clock.freeze():
        yield emulator.cloud.clock


async def running(ukc, **fields):
    return await ukc.instances.create(image=IMAGE, autostart=True, timeout_s=30, **fields)


@pytest.mark.parametrize(("policy", "crash"), [("always", False), ("always", True), ("on-failure", True)])
async def test_instance_is_restarted_at_once_and_then_ever_later(ukc, clock, machine, policy, crash):
    made = await running(ukc, restart_policy=policy)

    def end():
        machine(made).crash(0x0C7F04) if crash else machine(made).exit(1)

    end()
    clock.advance(0)
    first = await ukc.instances.get(uuid=made.uuid)
    end()
    waiting = await ukc.instances.get(uuid=made.uuid)
    clock.advance(4.9)
    early = await ukc.instances.get(uuid=made.uuid)
    clock.advance(0.2)
    second = await ukc.instances.get(uuid=made.uuid)

    assert (first.state, first.restart_count) == ("running", 1)
    assert waiting.state == early.state == "stopped"
    assert waiting.restart.next_at is not None
    assert (second.state, second.restart_count) == ("running", 2)


@pytest.mark.parametrize(("policy", "code"), [("never", 1), ("on-failure", 0)])
async def test_instance_that_may_stay_down_does(ukc, clock, machine, policy, code):
    made = await running(ukc, restart_policy=policy)
    machine(made).exit(code)
    clock.advance(600)

    assert (await ukc.instances.get(uuid=made.uuid)).state == "stopped"


async def test_stop_by_the_user_is_no_reason_to_restart(ukc, clock):
    made = await running(ukc, restart_policy="always")
    await ukc.instances.get(uuid=made.uuid).stop()
    clock.advance(600)

    assert (await ukc.instances.get(uuid=made.uuid)).state == "stopped"


async def test_idle_instance_goes_to_standby_after_its_cooldown(ukc, clock):
    made = await running(
        ukc, service_group=GROUP, scale_to_zero={"policy": "on", "cooldown_time_ms": 5000, "stateful": False}
    )
    clock.advance(4.9)
    awake = await ukc.instances.get(uuid=made.uuid)
    clock.advance(0.2)
    asleep = await ukc.instances.get(uuid=made.uuid)

    assert awake.state == "running"
    assert (asleep.state, asleep.stop_reason) == ("standby", 39)


async def test_stopped_instance_is_deleted_when_its_time_is_over(ukc, clock):
    made = await running(ukc, autokill={"time_ms": 60000})
    await ukc.instances.get(uuid=made.uuid).stop()
    clock.advance(59)
    still = await ukc.instances.get(uuid=made.uuid)
    clock.advance(2)

    assert still.state == "stopped"
    with pytest.raises(NotFoundError):
        await ukc.instances.get(uuid=made.uuid)


async def test_instance_that_is_deleted_on_stop_is_gone(ukc, clock, machine):
    made = await running(ukc, features=["delete-on-stop"])
    machine(made).exit(0)
    clock.advance(0)

    with pytest.raises(NotFoundError):
        await ukc.instances.get(uuid=made.uuid)


@pytest.mark.parametrize(
    "fields",
    [
        {"features": ["delete-on-stop"], "restart_policy": "always"},
        {"features": ["delete-on-stop"], "service_group": GROUP, "scale_to_zero": {"policy": "on"}},
        {"service_group": GROUP, "scale_to_zero": {"policy": "on", "notify_time_ms": 2000}},
    ],
)
async def test_policies_that_exclude_each_other_are_refused(platform, fields):
    assert await refused(platform.instances.create_instance(body={"image": IMAGE, **fields}))


async def test_branch_is_a_copy_that_leaves_its_source_alone(ukc, fresh):
    source = await running(ukc, name=fresh("source"), memory_mb=256, env={"A": "1"})
    branch = await ukc.instances.create(name=fresh("copy"), branch_from={"name": source.name})
    after = await ukc.instances.get(uuid=source.uuid)

    assert branch.uuid != source.uuid
    assert (branch.memory_mb, branch.env) == (256, source.env)
    assert after.state == "running"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"image": IMAGE}, "Cannot specify 'image' when 'branch_from' is set"),
        (
            {"template": {"name": "t"}},
            "Cannot specify 'branch_from' when creating an instance from a template",
        ),
        ({"env": {"A": "1"}}, "Cannot specify 'env' when branching from an existing instance"),
        ({"memory_mb": 256}, "Cannot specify 'memory_mb' when branching from an existing instance"),
    ],
)
async def test_branch_takes_what_its_source_has(platform, ukc, fresh, fields, text):
    source = await running(ukc, name=fresh("source"))

    assert text in await refused(
        platform.instances.create_instance(body={"branch_from": {"uuid": source.uuid}, **fields})
    )
