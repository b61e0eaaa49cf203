"""A pinned image (specification, Parts B.6 and C.11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ukrom.cloud.orders import NO_AUTOKILL

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ukrom.cloud.agenda import Alarm
    from ukrom.cloud.orders import Autokill
    from ukrom.cloud.ports import Image

__all__ = ["Pin"]


@dataclass(eq=False, slots=True)
class Pin:
    """An image that an account keeps in a metro."""

    uuid: UUID
    image: Image
    created_at: datetime
    """When it was pinned."""
    autokill: Autokill = NO_AUTOKILL
    alarms: dict[Alarm, datetime] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The image's reference without its tag, by which there is one pin of it at most. [choice]."""
        return self.image.untagged
