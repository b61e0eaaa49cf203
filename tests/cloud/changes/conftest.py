"""Changes of resources, made as a PATCH makes them."""

from __future__ import annotations

import pytest

from ukrom.cloud import Refusal, StopOrder

from .triples import ABSENT, triple


@pytest.fixture
def change(cloud, space):
    """Change an instance."""

    def do(instance, prop, op, value=ABSENT):
        with cloud.guard:
            cloud.changes.instance(space, instance, triple(prop, op, value))

    return do


@pytest.fixture
def refused(change):
    """Change an instance in vain, and give the code."""

    def do(instance, prop, op, value=ABSENT):
        with pytest.raises(Refusal) as caught:
            change(instance, prop, op, value)
        return caught.value.code

    return do


@pytest.fixture
def stop(cloud, runner):
    """Stop a running instance, whose machine then ends."""

    def do(instance, **fields):
        with cloud.guard:
            cloud.lifecycle.stop(instance, StopOrder(**fields))
        if instance.run is not None:
            runner.last.end()

    return do


@pytest.fixture
def suspend(cloud, runner):
    """Suspend a running instance."""

    def do(instance):
        with cloud.guard:
            cloud.lifecycle.suspend(instance, 0)
        runner.last.saved(runner.last.suspends[0])
        runner.last.end()

    return do
