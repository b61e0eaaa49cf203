"""Stub machines write the template file by themselves, unless a test forbids it."""

from __future__ import annotations

import pytest

from ukrom.cloud import Cloud, ImageOrder, InstanceOrder, Ref, State, StubRunner, TemplateOrder


@pytest.fixture
def stub():
    return StubRunner()


@pytest.fixture
def states(stub, store, clock):
    """Prepare a template, and give the states of what is there then."""
    cloud = Cloud(runner=stub, images=store, clock=clock, seed=7)
    space = cloud.space(cloud.account("token"))
    args = InstanceOrder(image=ImageOrder("org/web:1"))

    def do():
        wanted = TemplateOrder(Ref(name="tpl"), prepare=True, create_args=args)
        with cloud.guard:
            cloud.waits.spawn(space.create_instances(InstanceOrder(template=wanted)), lambda _: None)
        return [instance.state for instance in space.instances]

    yield do
    cloud.close()


def test_machine_that_prepares_a_template_writes_it(states):
    assert states() == [State.TEMPLATE, State.STOPPED]


@pytest.mark.parametrize("image", ["web", "org/web", "oci://unikraft.io/org/web:1"])
def test_machine_of_an_unwilling_image_does_not_write(states, stub, image):
    stub.never_template(image)

    assert states() == [State.RUNNING]
    stub.machines[0].write_template()


def test_other_images_are_willing(states, stub):
    stub.never_template("org/webber")

    assert states() == [State.TEMPLATE, State.STOPPED]


def test_unwillingness_is_forgotten_with_the_answers(states, stub):
    forget = stub.mark()
    stub.never_template("web")
    forget()

    assert states() == [State.TEMPLATE, State.STOPPED]
