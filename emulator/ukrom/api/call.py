"""One call of an operation: who asks, where, and for what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .query import Query

if TYPE_CHECKING:
    from ukrom.cloud import Account, Cloud, Space

    from .messages import Request
    from .wire import Ignored

__all__ = ["Call"]


@dataclass(slots=True)
class Call:
    """What a handler gets to know."""

    cloud: Cloud
    account: Account
    space: Space
    """What the account has in the metro that was asked."""
    request: Request
    path_uuid: str | None
    """The part of the path that stands for `{uuid}`."""
    query: Query = field(init=False)
    warnings: list[str] = field(default_factory=list)
    local: bool = False
    """Whether it was asked under an address of its own, not under a host name of the platform."""
    path_rest: str | None = None
    """The rest of the path, where it stands for another parameter."""

    def __post_init__(self) -> None:
        self.query = Query(self.request.query)

    def warn(self, messages: list[str]) -> None:
        """Add warnings to the answer, each once."""
        self.warnings.extend(message for message in messages if message not in self.warnings)

    @property
    def ignored(self) -> Ignored | None:
        """What is told of unknown fields; None where they are refused."""
        return self.warn if self.cloud.settings.unknown_fields == "warn" else None

    @property
    def suffix(self) -> str:
        """The domain suffix to report."""
        return self.cloud.settings.suffix
