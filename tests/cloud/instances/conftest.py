"""Templates, clones and branches, with machines that do what the test reports for them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import pytest

from ukrom.cloud import ImageOrder, InstanceOrder, Refusal, TemplateOrder, TemplateWritten


class Made:
    """What becomes of a create that may take steps."""

    def __init__(self):
        self.instances = None
        self.error = None

    @property
    def over(self):
        return self.instances is not None or self.error is not None


@pytest.fixture
def attempt(cloud, space):
    """Ask for instances and give what becomes of it."""

    def do(**fields):
        made = Made()
        with cloud.guard:
            result = space.create_instances(InstanceOrder(**fields))
            if isinstance(result, Generator):
                made.task = cloud.waits.spawn(
                    result,
                    lambda instances: setattr(made, "instances", instances),
                    lambda error: setattr(made, "error", error),
                )
            else:
                made.instances = result
        return made

    return do


@pytest.fixture
def make(attempt):
    """Make one instance for which nothing has to happen first."""

    def do(**fields):
        made = attempt(**fields)
        if made.error is not None:
            raise made.error
        return made.instances[0]

    return do


@pytest.fixture
def declined(make):
    """Make an instance that is refused; gives code and text."""

    def do(**fields):
        with pytest.raises(Refusal) as caught:
            make(**fields)
        return caught.value.code, caught.value.message

    return do


@pytest.fixture
def convert(cloud):
    """Make an instance a template."""

    def do(instance, autokill=None):
        with cloud.guard:
            return cloud.templates.convert(instance, autokill)

    return do


@pytest.fixture
def saved(runner):
    """Let the last machine be saved, as it was asked to."""

    def do(machine=None, *, ends=True):
        machine = machine or runner.last
        (uuid,) = (machine.suspends if ends else machine.saves)[-1:]
        machine.saved(uuid)
        if ends:
            machine.end()
        return uuid

    return do


@pytest.fixture
def hot(create, start, runner, convert, saved):
    """Make a template with a memory, of an instance of the given fields."""

    def do(**fields):
        instance = create(service=False, **fields)
        start(instance)
        runner.last.up()
        convert(instance)
        saved()
        return instance

    return do


@pytest.fixture
def on_demand(order):
    """Describe a template that is made if need be."""

    def do(name="tpl", **fields):
        policy = {key: fields.pop(key) for key in ("prepare_timeout_s", "autokill") if key in fields}
        base = InstanceOrder(image=None if "template" in fields else ImageOrder("org/web:1"))
        from ukrom.cloud import Ref

        return TemplateOrder(Ref(name=name), prepare=True, create_args=replace(base, **fields), **policy)

    return do


@pytest.fixture
def write(runner, saved):
    """Let a guest write the template file, and its machine be saved."""

    def do(machine=None):
        machine = machine or runner.last
        machine.report(TemplateWritten())
        return saved(machine)

    return do
