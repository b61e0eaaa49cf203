from __future__ import annotations

import pytest

from ukrom.cloud import ErrorCode, Refusal, State, StopOrder


@pytest.fixture
def stop(cloud):
    def do(instance, **fields):
        with cloud.guard:
            cloud.lifecycle.stop(instance, StopOrder(**fields))
            return instance.state

    return do


def test_instance_is_starting_until_its_application_runs(create, start, runner):
    instance = create()
    start(instance)
    assert instance.state is State.STARTING

    runner.last.up()

    assert instance.state is State.RUNNING
    assert instance.boot_time_us == 75_000
    assert instance.start_count == 1


def test_machine_is_told_all_it_must_know(create, start, runner, store):
    store.put("org/base:1", env={"A": "image", "B": "image"}, args=("/app",))
    from ukrom.cloud import FileOrder, ImageOrder, RomOrder

    roms = (
        RomOrder(name="code", image=ImageOrder("org/rom:1"), at="/rom"),
        RomOrder(name="cfg", files=(FileOrder("a.txt", "hi"),)),
    )
    instance = create(
        image=ImageOrder("org/base:1"), env={"B": "order"}, roms=roms, memory_mb=512, name="web"
    )
    start(instance)

    spec = runner.last.spec
    assert (spec.uuid, spec.name, spec.hostname, spec.memory_mb) == (instance.uuid, "web", "web", 512)
    assert spec.args == ("/app",)
    assert spec.env == {"A": "image", "B": "order"}
    assert spec.ports == (8080,)
    assert [(rom.name, rom.at) for rom in spec.roms] == [("code", "/rom"), ("cfg", None)]
    assert spec.roms[0].content is store.resolve("org/rom:1").rom
    assert spec.roms[1].content[0].data == b"hi"


def test_plain_stop_has_reason_15(running, stop, runner):
    assert stop(running) is State.STOPPING
    assert runner.last.stops == [10.0]

    runner.last.exit(143)

    assert running.state is State.STOPPED
    assert (running.stop_reason, running.exit_code, running.stop_code) == (15, 143, 0x8100)
    assert running.failure is None


def test_stop_that_the_application_does_not_survive_to_tell_has_reason_13(running, stop, runner):
    stop(running)
    runner.last.end()

    assert (running.stop_reason, running.exit_code) == (13, None)


def test_forced_stop_has_reason_28_and_kills(running, stop, runner):
    stop(running, force=True)
    assert (runner.last.kills, runner.last.stops) == (1, [])

    runner.last.end()

    assert (running.stop_reason, running.stop_code) == (28, None)


def test_forced_stop_whose_exit_was_reported_has_reason_31(running, stop, runner):
    stop(running, force=True)
    runner.last.exit(137)

    assert (running.stop_reason, running.exit_code) == (31, 137)


def test_quick_stop_gives_less_time(running, stop, runner):
    stop(running, quick=True)

    assert runner.last.stops == [1.0]


def test_slow_runner_gives_applications_more_time(running, stop, runner):
    runner.speed = 20.0
    stop(running)

    assert runner.last.stops == [200.0]


def test_second_stop_is_not_passed_on_but_force_is(running, stop, runner):
    stop(running)
    stop(running)
    assert runner.last.stops == [10.0]

    stop(running, force=True)

    assert runner.last.kills == 1


def test_application_exit_has_reason_3(running, runner):
    runner.last.exit(3)

    assert running.state is State.STOPPED
    assert (running.stop_reason, running.exit_code) == (3, 3)
    assert running.failure == "the application exited with code 3"


def test_crash_has_reason_1_and_the_kernels_code(running, runner):
    runner.last.end(kernel_code=818948)

    assert (running.stop_reason, running.stop_code, running.exit_code) == (1, 818948, None)
    assert "0xc7f04" in running.failure


def test_failing_runner_has_reason_4_and_its_words(running, runner):
    runner.last.end(error="QEMU was killed by signal 9")

    assert (running.stop_reason, running.stop_code) == (4, 0)
    assert running.failure == "QEMU was killed by signal 9"


def test_runner_that_breaks_stops_the_instance(create, start, runner, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("no idea")

    monkeypatch.setattr(runner, "boot", broken)
    instance = create()

    assert start(instance) is None
    assert instance.state is State.STOPPED
    assert instance.failure == "the runner failed: RuntimeError: no idea"
    assert "failed to boot" in caplog.text


def test_runner_that_cannot_boot_leaves_the_instance_stopped(create, start, runner):
    runner.missing = "qemu-system-x86_64"
    instance = create()
    assert start(instance) is None

    assert instance.state is State.STOPPED
    assert instance.stop_reason == 4
    assert "qemu-system-x86_64 was not found on PATH" in instance.failure


def test_start_after_a_stop_boots_a_new_machine(running, stop, start, runner):
    stop(running)
    runner.last.exit(0)
    start(running)
    runner.last.up()

    assert len(runner.machines) == 2
    assert running.state is State.RUNNING
    assert (running.start_count, running.stop_reason, running.exit_code) == (2, None, None)


def test_late_events_of_an_old_machine_touch_nothing(running, stop, start, runner):
    stop(running)
    old = runner.last
    old.exit(0)
    start(running)
    runner.last.up()

    old.print(b"ghost\n")
    old.exit(1)

    assert running.state is State.RUNNING
    assert running.console == b""


def test_start_of_a_running_instance_changes_nothing(running, start, runner):
    start(running)

    assert (running.start_count, len(runner.machines)) == (1, 1)


def test_stop_of_a_stopped_instance_changes_nothing(create, stop):
    instance = create()

    assert stop(instance) is State.STOPPED
    assert instance.stop_reason is None


def test_start_on_the_way_down_is_refused(running, stop, start):
    stop(running)
    with pytest.raises(Refusal, match="Cannot start an instance in state 'stopping'") as caught:
        start(running)

    assert caught.value.code is ErrorCode.FAILED_WRONG_VM_STATE


def test_stop_in_another_state_than_wanted_is_refused(running, stop):
    with pytest.raises(Refusal, match="in state 'running', not 'standby'"):
        stop(running, ifstate="standby")


def test_console_is_kept_over_starts_with_plain_newlines(running, stop, start, runner):
    runner.last.print(b"one\r\ntwo\r")
    runner.last.print(b"\nthree\r\n")
    stop(running)
    runner.last.exit(0)
    start(running)
    runner.last.print(b"four\r\n")

    assert running.console == b"one\ntwo\nthree\nfour\n"


def test_uptime_adds_up_over_runs(running, stop, start, runner, clock):
    clock.advance(2)
    assert running.uptime_ms(clock.monotonic()) == 2000
    stop(running)
    runner.last.exit(0)
    clock.advance(60)
    start(running)
    runner.last.up()
    clock.advance(3)

    assert running.uptime_ms(clock.monotonic()) == 5000


def test_deleted_instance_has_its_machine_killed_and_hears_no_more(cloud, space, running, runner):
    with cloud.guard:
        run = cloud.remove(running)
    assert runner.last.kills == 1
    assert not run.ended

    runner.last.print(b"ghost")
    runner.last.end()

    assert run.ended
    assert running.console == b""
    assert not space.instances


def test_delete_on_stop_instance_is_gone_when_it_stops(create, start, runner, space):
    instance = create(features=frozenset({"delete-on-stop"}))
    start(instance)
    runner.last.up()
    runner.last.exit(0)

    assert instance.state is State.DELETED
    assert not space.instances
    assert not space.groups


def test_draining_stop_waits_for_requests_in_flight(cloud, running, stop, runner):
    runner.last.listen(8080)
    lease = cloud.gateway.lease(
        cloud.gateway.route(running.group.domains[0].fqdn("unikraft.app"), 443)
    ).result(0)
    assert stop(running, drain_timeout_ms=5000) is State.DRAINING
    assert runner.last.stops == []

    lease.release()

    assert running.state is State.STOPPING
    assert len(runner.last.stops) == 1


def test_draining_ends_at_its_time_out(cloud, running, stop, runner, clock):
    runner.last.listen(8080)
    cloud.gateway.lease(cloud.gateway.route(running.group.domains[0].fqdn("unikraft.app"), 443)).result(0)
    stop(running, drain_timeout_ms=5000)
    clock.advance(5)

    assert running.state is State.STOPPING


def test_stop_without_time_ends_a_draining_at_once(cloud, running, stop, runner):
    runner.last.listen(8080)
    cloud.gateway.lease(cloud.gateway.route(running.group.domains[0].fqdn("unikraft.app"), 443)).result(0)
    stop(running, drain_timeout_ms=5000)
    assert stop(running, drain_timeout_ms=3000) is State.DRAINING

    assert stop(running) is State.STOPPING
    assert len(runner.last.stops) == 1


def test_runner_of_an_account_is_used_instead_of_the_clouds(cloud, order):
    from ukrom.cloud import StubRunner

    own = StubRunner()
    account = cloud.open_account("alice", own)
    with cloud.guard:
        (instance,) = cloud.space(account).create_instances(order())
        cloud.lifecycle.start(instance)

    assert [machine.spec.uuid for machine in own.machines] == [instance.uuid]
    assert instance.state is State.RUNNING
