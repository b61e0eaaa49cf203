"""Waits about an instance, when it is something else that moves it."""

from __future__ import annotations

from ukrom.cloud import Ref, State, Wait


def test_wait_ends_when_the_instance_cannot_start_after_what_it_depends_on(cloud, create, start, runner):
    create(name="db", service=False)
    web = create(name="web", service=False, dependencies=(Ref(name="db"),))

    def settled():
        yield Wait(lambda: web.state is State.STOPPED, about=web)
        return web.failure

    start(web)
    waiting = cloud.waits.future(settled())
    runner.missing = "qemu-system-x86_64"
    runner.last.up()

    assert "qemu-system-x86_64 was not found on PATH" in waiting.result(0)
