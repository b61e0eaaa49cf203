"""Pinning images: they are pulled, and kept until they are unpinned (specification, Part B.6).

Nothing is ever evicted from our store, so a pin is its own only effect. Pulls end at once here, and so
does every wait for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.agenda import Alarm
from ukrom.cloud.happenings import Happening
from ukrom.cloud.index import missing
from ukrom.cloud.instances.states import LIVE
from ukrom.cloud.orders import NO_AUTOKILL, Ref
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.values import check_autokill
from ukrom.errors import BadReference, ImageError, ImageNotFound

from .pin import Pin

if TYPE_CHECKING:
    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import ImageOrder, PinOrder
    from ukrom.cloud.ports import Image
    from ukrom.cloud.space import Space

__all__ = ["Pins"]


class Pins:
    """The pinned images of one cloud. All calls are made under the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        cloud.happenings.on(Happening.STARTED, self._used)
        cloud.happenings.on(Happening.STOPPED, self._used)
        cloud.agenda.on(Pin, Alarm.AUTOKILL, self._due)

    def pin(self, space: Space, order: PinOrder) -> Pin:
        """Pull an image and pin it; one that is pinned already keeps its pin, with the new policy.

        It keeps it too when it is pinned again by another of its tags.

        Raises:
            Refusal: Code 7 for no reference, 8 for no image, 10 for one that cannot be used.
        """
        policy = order.autokill or NO_AUTOKILL
        check_autokill(policy)
        image = self._pulled(order.image)
        pin = space.pins.get(Ref(name=image.untagged))
        if pin is None:
            pin = Pin(space.account.names.uuid(), image, self._cloud.clock.now())
            space.pins.add(pin)
        pin.image, pin.autokill = image, policy
        self._rearm(pin)
        return pin

    def unpin(self, space: Space, pin: Pin) -> None:
        """Let go of an image; it stays where it is until somebody needs the room."""
        self._cloud.agenda.clear(pin)
        space.pins.remove(pin)

    def find(self, space: Space, ref: Ref) -> Pin:
        """Find a pin, by UUID alone.

        Raises:
            Refusal: Code 8; there is none. 13; it is asked for by name.
        """
        if ref.uuid is None:
            raise Refusal(ErrorCode.MISSING_ID, "An image is unpinned by its 'uuid'")
        pin = space.pins.get(ref)
        if pin is None:
            raise missing("image", ref)
        return pin

    def drop_all(self, space: Space) -> None:
        """Unpin all images of an account."""
        for pin in tuple(space.pins):
            self.unpin(space, pin)

    def _pulled(self, order: ImageOrder) -> Image:
        reference = order.reference
        try:
            return self._cloud.images.resolve(reference)
        except BadReference as error:
            raise Refusal(ErrorCode.INVALID, f"Invalid image '{reference}': {error.message}") from error
        except ImageNotFound as error:
            raise Refusal(ErrorCode.NOT_FOUND, f"No image with name '{reference}'") from error
        except ImageError as error:
            message = f"The image '{reference}' cannot be used: {error.message}"
            raise Refusal(ErrorCode.FAILED_OPERATION, message) from error

    def _rearm(self, pin: Pin) -> None:
        self._cloud.agenda.cancel(pin, Alarm.AUTOKILL)
        if pin.autokill.time_ms:
            self._cloud.agenda.set(pin, Alarm.AUTOKILL, pin.autokill.time_ms / 1000)

    def _used(self, instance: Instance) -> None:
        # [choice]: an image is in use while an instance that has it is live.
        space = self._cloud.space(instance.account, instance.metro)
        for pin in space.pins:
            if _has(instance, pin):
                self._rearm(pin)

    def _due(self, pin: Pin) -> None:
        for account in self._cloud.accounts():
            for space in self._cloud.spaces(account):
                if space.pins.get(Ref(pin.uuid)) is not pin:
                    continue
                if any(one.state in LIVE and _has(one, pin) for one in space.instances):
                    self._rearm(pin)
                else:
                    self.unpin(space, pin)


def _has(instance: Instance, pin: Pin) -> bool:
    sources = (instance.source, *(rom.source for rom in instance.roms))
    images = (getattr(source, "image", None) for source in sources)
    return any(image is not None and image.digest == pin.image.digest for image in images)
