"""What requests about images look like (specification, Parts B.6 and C.11)."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from ukrom.api.envelope import RequestRefused
from ukrom.api.wire import Int64, Text, TextMap, Wire, given
from ukrom.cloud import ImageOrder, PinOrder

from .policies import AutokillTime
from .references import is_in_registry
from .timeouts import check_timeouts

__all__ = ["FindImage", "PinImage", "UnpinImage"]

# [choice]: names of algorithms as OCI has them; how many digits one has is left to whoever made it.
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]+")


class FindImage(Wire):
    """Which images to list; what both parts say must be so."""

    called: ClassVar[str] = "image filter"
    digest: Text = None
    tag: Text = None

    def check(self) -> None:
        """Check the form of a digest; what has the right form may still be of no image.

        Raises:
            RequestRefused: 400; it is none (Part E.6).
        """
        if self.digest is not None and not _DIGEST.fullmatch(self.digest):
            message = f"Invalid 'digest' {self.digest[:300]!a}: must be <algorithm>:<hex>"
            raise RequestRefused(400, message)


class PinImage(Wire):
    """An image to be pulled and pinned."""

    called: ClassVar[str] = "image pin arguments"
    url: str
    credentials: Text = None
    headers: TextMap = None
    pull_policy: Annotated[Literal["always", "if_not_present", "never"] | None, given("string")] = None
    timeout_s: Int64
    merge_requests: bool = True
    autokill: Annotated[AutokillTime | None, given("object")] = None

    def check(self) -> None:
        """Check what can be checked without knowing the image.

        Raises:
            RequestRefused: 400; no time to wait, or credentials for what is no OCI registry.
        """
        check_timeouts(self.timeout_s)
        if not self.timeout_s:
            raise RequestRefused(400, "Invalid 'timeout_s' 0: must be -1, 1 or more")
        if self.credentials is not None and not is_in_registry(self.url):
            raise RequestRefused(400, "'credentials' are for OCI registries alone")

    def order(self) -> PinOrder:
        """Say it in the cloud's terms."""
        autokill = None if self.autokill is None else self.autokill.order()
        return PinOrder(ImageOrder(self.url, self.pull_policy), autokill)


class UnpinImage(Wire):
    """An image that is to be pinned no longer; by its UUID alone."""

    called: ClassVar[str] = "image unpin arguments"
    named: ClassVar[bool] = False
