from __future__ import annotations

import pytest

from ukrom.cloud import Autokill, ErrorCode, ImageOrder, PinOrder, Ref, Refusal, RomOrder, StopOrder
from ukrom.errors import ImageError


@pytest.fixture
def pin(cloud, space):
    def do(reference="org/web:1", time_ms=0):
        with cloud.guard:
            return cloud.pins.pin(space, PinOrder(ImageOrder(reference), Autokill(time_ms)))

    return do


@pytest.fixture
def refused(pin):
    def do(*arguments):
        with pytest.raises(Refusal) as caught:
            pin(*arguments)
        return caught.value

    return do


def test_pin_keeps_the_image_that_was_pulled(pin, store, space):
    pinned = pin()
    store.put("org/web:1")

    assert pinned.image is not store.by_reference["org/web:1"]
    assert list(space.pins) == [pinned]


def test_image_has_one_pin_at_most(pin, space, store):
    first = pin(time_ms=1000)
    store.put("org/other:1")

    assert pin(time_ms=0) is first
    assert first.alarms == {}
    assert pin("org/other:1") is not first
    assert len(space.pins) == 2


def test_unpinned_image_is_found_no_more(pin, cloud, space):
    pinned = pin(time_ms=1000)
    with cloud.guard:
        cloud.pins.unpin(space, cloud.pins.find(space, Ref(uuid=pinned.uuid)))

    assert (len(space.pins), pinned.alarms) == (0, {})
    with pytest.raises(Refusal) as caught:
        cloud.pins.find(space, Ref(uuid=pinned.uuid))
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_pins_are_not_found_by_name(pin, cloud, space):
    pinned = pin()
    with pytest.raises(Refusal) as caught:
        cloud.pins.find(space, Ref(name=pinned.name))

    assert caught.value.code is ErrorCode.MISSING_ID


def test_what_cannot_be_pulled_is_refused(refused, store, monkeypatch, space):
    assert refused("org/ghost:1").code is ErrorCode.NOT_FOUND
    assert refused("no image").code is ErrorCode.INVALID
    assert refused("org/web:1", -1).code is ErrorCode.INVALID

    def damaged(reference):
        raise ImageError("a blob is missing")

    monkeypatch.setattr(store, "resolve", damaged)
    refusal = refused("org/web:1")

    assert refusal.code is ErrorCode.FAILED_OPERATION
    assert "a blob is missing" in refusal.message
    assert len(space.pins) == 0


def test_unused_pin_goes_in_time(pin, clock, space):
    pin(time_ms=5000)
    clock.advance(4.9)
    before = len(space.pins)
    clock.advance(0.2)

    assert (before, len(space.pins)) == (1, 0)


def test_pinning_again_begins_anew(pin, clock, space):
    pin(time_ms=5000)
    clock.advance(4)
    pin(time_ms=5000)
    clock.advance(4)

    assert len(space.pins) == 1


@pytest.mark.parametrize("reference", ["org/web:1", "org/rom:1"])
def test_image_in_use_stays_pinned(pin, create, start, cloud, runner, clock, space, reference):
    pin(reference, time_ms=5000)
    web = create(service=False, roms=(RomOrder("rom", ImageOrder("org/rom:1")),))
    start(web)
    clock.advance(60)
    used = len(space.pins)
    with cloud.guard:
        cloud.lifecycle.stop(web, StopOrder(force=True))
    runner.last.end()
    clock.advance(4.9)
    rested = len(space.pins)
    clock.advance(0.2)

    assert (used, rested, len(space.pins)) == (1, 1, 0)


def test_accounts_have_pins_of_their_own(pin, cloud):
    pin()
    other = cloud.space(cloud.account("other"))

    assert len(other.pins) == 0


def test_reset_unpins(pin, cloud, space, clock):
    pin(time_ms=5000)
    cloud.reset(space.account)

    assert len(space.pins) == 0
    assert clock.pending == []
