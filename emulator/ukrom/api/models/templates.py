"""What requests about templates look like (specification, Part B.1, rows 22 to 28)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from ukrom.api.wire import Integer, Wire, given

from .policies import AutokillTime
from .timeouts import check_timeouts

if TYPE_CHECKING:
    from ukrom.cloud import Autokill

__all__ = ["ConvertInstance"]


class ConvertInstance(Wire):
    """How to make an instance a template."""

    called: ClassVar[str] = "template conversion arguments"
    timeout_s: Integer = None
    autokill: Annotated[AutokillTime | None, given("object")] = None

    @property
    def seconds(self) -> int:
        """How long to wait; -1 as long as the platform does."""
        return self.timeout_s or 0

    @property
    def policy(self) -> Autokill | None:
        """When the template is deleted by itself, in the cloud's terms."""
        return None if self.autokill is None else self.autokill.order()

    def check(self) -> None:
        """Check the time-out."""
        check_timeouts(self.timeout_s)
