"""Images as instances hold them: a reference, and what it led to when it was last pulled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.errors import BadReference, ImageError, ImageNotFound

if TYPE_CHECKING:
    from uuid import UUID

    from ukrom.cloud.orders import ImageOrder
    from ukrom.cloud.ports import Image, ImageStore, InlineFile

__all__ = ["ImageSource", "InlineImage"]


@dataclass(slots=True)
class ImageSource:
    """An image or ROM by reference.

    [choice]: it is pulled when the instance is made, if it is there by then, else at a start. From
    then on it stays, whatever the tag comes to mean, unless the pull policy is `always`
    (specification, Part E.9).
    """

    order: ImageOrder
    image: Image | None = None

    @property
    def shown(self) -> str:
        """The reference as reads give it: pinned once it was pulled (specification, Part E.8)."""
        return self.order.reference if self.image is None else self.image.reference

    def pull(self, store: ImageStore) -> Image:
        """Resolve the reference, if that is due.

        Raises:
            ImageError: There is no such image, or it is damaged.
        """
        if self.image is None or self.order.pull_policy == "always":
            self.image = store.resolve(self.order.reference)
        return self.image

    def fixed(self) -> ImageSource:
        """Copy it for a clone: what it led to stays, even if it were to be pulled anew at every start."""
        order = self.order if self.image is None else replace(self.order, pull_policy="if_not_present")
        return replace(self, order=order)

    def pull_early(self, store: ImageStore, noun: str, *, required: bool) -> None:
        """Resolve the reference when the instance is made.

        Args:
            store: Where references lead.
            noun: What to call it in a refusal.
            required: Refuse one that does not exist.

        Raises:
            Refusal: The text is no reference, or (if required) leads nowhere.
        """
        try:
            self.pull(store)
        except BadReference as error:
            raise Refusal(
                ErrorCode.INVALID, f"Invalid {noun} '{self.order.reference}': {error.message}"
            ) from error
        except ImageNotFound as error:
            if required:
                raise Refusal(ErrorCode.NOT_FOUND, f"No {noun} with name '{self.order.reference}'") from error
        except ImageError:
            # A damaged image is told about at the start, as a failed pull is.
            return


@dataclass(eq=False, slots=True)
class InlineImage:
    """The content of an inline ROM: an image under a UUID that lives as long as its holders do.

    Specification, Part E.11.
    """

    uuid: UUID
    files: tuple[InlineFile, ...]
    holders: set[UUID] = field(default_factory=set)
    """UUIDs of the instances that have it attached."""

    @property
    def shown(self) -> str:
        """The UUID, as reads give it in the place of an image."""
        return str(self.uuid)
