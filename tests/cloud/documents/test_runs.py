"""Runs that were under way when their account was dumped."""

from __future__ import annotations

import pytest

from ukrom.cloud import AppExited, ScaleToZero, State, StopOrder


@pytest.fixture
def reloaded(cloud, space):
    """Load an account from its own dump, and give its only instance."""

    def do():
        account = space.account
        cloud.load(account, cloud.dump(account))
        (instance,) = cloud.space(account).instances
        return instance

    return do


def test_start_that_was_under_way_begins_once_more(create, start, runner, reloaded):
    start(create())
    instance = reloaded()
    assert (instance.state, instance.start_count, len(runner.machines)) == (State.STARTING, 1, 2)

    runner.last.up()

    assert instance.state is State.RUNNING


def test_suspension_that_was_under_way_is_asked_for_again(cloud, running, runner, reloaded):
    with cloud.guard:
        cloud.lifecycle.suspend(running, 0)
    instance = reloaded()
    assert instance.state is State.STOPPING
    runner.last.saved(runner.last.suspends[0])
    runner.last.end()

    assert (instance.state, instance.stop_reason) == (State.STOPPED, 44)
    assert instance.snapshot is not None


def test_sleep_that_was_under_way_ends_in_standby(create, start, clock, runner, reloaded):
    start(create(scale_to_zero=ScaleToZero("on", cooldown_time_ms=1000)))
    runner.last.up()
    clock.advance(1)
    instance = reloaded()
    assert len(runner.last.stops) == 1
    runner.last.exit(0)

    assert (instance.state, instance.stop_reason) == (State.STANDBY, 39)


def test_what_drained_is_stopped(cloud, running, runner, reloaded):
    runner.last.listen(8080)
    cloud.gateway.lease(cloud.gateway.route(running.group.domains[0].fqdn("unikraft.app"), 443)).result(0)
    with cloud.guard:
        cloud.lifecycle.stop(running, StopOrder(drain_timeout_ms=60_000))
    assert running.state is State.DRAINING
    instance = reloaded()
    runner.last.exit(0)

    assert (instance.state, instance.stop_reason) == (State.STOPPED, 15)


def test_forced_stop_that_was_under_way_is_forced_again(cloud, running, runner, reloaded):
    with cloud.guard:
        cloud.lifecycle.stop(running, StopOrder(force=True))
    instance = reloaded()
    assert (runner.last.kills, runner.last.stops) == (1, [])
    runner.last.end()

    assert (instance.state, instance.stop_reason) == (State.STOPPED, 28)


def test_machine_whose_application_has_ended_ends_too(running, runner, reloaded):
    runner.last.report(AppExited(9))
    instance = reloaded()
    assert runner.last.kills == 1
    runner.last.end()

    assert (instance.state, instance.stop_reason, instance.exit_code) == (State.STOPPED, 3, 9)


def test_suspended_instance_still_resumes(cloud, running, start, runner, reloaded):
    with cloud.guard:
        cloud.lifecycle.suspend(running, 0)
    runner.last.saved(runner.last.suspends[0])
    runner.last.end()
    instance = reloaded()
    start(instance)
    assert runner.last.snapshot == instance.snapshot
    runner.last.up()

    assert instance.snapshot is None
    assert len(runner.dropped) == 1


def test_restart_sequence_goes_on(create, start, clock, runner, reloaded):
    start(create(restart_policy="always"))
    runner.last.up()
    runner.last.exit(1)
    instance = reloaded()
    clock.advance(0)

    assert (instance.state, instance.restart_count) == (State.STARTING, 1)
