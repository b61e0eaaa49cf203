"""Volumes, and the ways in which instances get and lose them."""

from __future__ import annotations

import pytest

from ukrom.cloud import AttachOrder, CloneVolumeOrder, Ref, Refusal, State, StopOrder, VolumeOrder


@pytest.fixture
def make(cloud, space):
    """Make a volume that has settled."""

    def do(**fields):
        fields = fields if "host_path" in fields or "template" in fields else {"size_mb": 64, **fields}
        with cloud.guard:
            return cloud.volumes.create(space, VolumeOrder(**fields))

    return do


@pytest.fixture
def attach(cloud, space):
    def do(volume, instance, at="/data", **fields):
        with cloud.guard:
            cloud.volumes.attach(space, volume, AttachOrder(Ref(uuid=instance.uuid), at, **fields))

    return do


@pytest.fixture
def detach(cloud):
    def do(volume, instance=None):
        with cloud.guard:
            cloud.volumes.detach(volume, instance)

    return do


@pytest.fixture
def clone(cloud, space):
    def do(volume, **fields):
        with cloud.guard:
            return cloud.volumes.clone(space, volume, CloneVolumeOrder(**fields))

    return do


@pytest.fixture
def delete(cloud, space):
    def do(volume):
        with cloud.guard:
            cloud.volumes.delete(space, volume)

    return do


@pytest.fixture
def remove(cloud):
    def do(instance):
        with cloud.guard:
            cloud.remove(instance)

    return do


@pytest.fixture
def convert(cloud):
    """Convert a volume into a template."""

    def do(volume):
        with cloud.guard:
            cloud.volumes.freeze(volume)
        return volume

    return do


@pytest.fixture
def freeze(cloud, runner):
    """Convert an instance into a template; if it runs, its machine is the last one."""

    def do(instance):
        with cloud.guard:
            cloud.templates.convert(instance, None)
        if instance.run is not None:
            runner.last.saved(runner.last.suspends[-1])
            runner.last.end()
        assert instance.state is State.TEMPLATE
        return instance

    return do


@pytest.fixture
def up(start, runner):
    """Start an instance, until its application runs."""

    def do(instance):
        start(instance)
        runner.last.up()
        return instance

    return do


@pytest.fixture
def stop(cloud, runner):
    """Stop an instance in full, whose machine is the last one."""

    def do(instance):
        with cloud.guard:
            cloud.lifecycle.stop(instance, StopOrder(force=True))
        runner.last.end()

    return do


@pytest.fixture
def sleep(cloud, runner):
    """Scale an instance to zero, whose machine is the last one."""

    def do(instance):
        with cloud.guard:
            cloud.lifecycle.sleep(instance, stateful=False)
        runner.last.end()

    return do


@pytest.fixture
def refused():
    """Have a call refused with a code, and give the text."""

    def check(code, call, *args, **fields):
        with pytest.raises(Refusal) as caught:
            call(*args, **fields)
        assert caught.value.code is code
        return caught.value.message

    return check
