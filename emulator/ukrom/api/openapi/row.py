"""What the document needs to know of an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ukrom.api.operation import Form

__all__ = ["Row", "is_single"]


class Row(Protocol):
    """A row of the table of operations, as far as it is described."""

    @property
    def name(self) -> str:
        """What it does, in a few words."""

    @property
    def method(self) -> str:
        """The HTTP method, in upper case."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Without the `/v1`."""

    @property
    def form(self) -> Form:
        """How it takes its items."""

    @property
    def model(self) -> Any:
        """What the body holds for each item."""

    @property
    def key(self) -> str:
        """Under which the data holds the items; nothing where there are none."""

    @property
    def answer(self) -> Any:
        """The shape of one item, of all data where there are no items; None where none is known."""

    @property
    def lone(self) -> bool:
        """Whether the body under the collection's path may be one object instead of an array."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the query may say about each item."""

    @property
    def array(self) -> bool:
        """Whether the body of a create is an array even for one."""

    @property
    def tagged(self) -> bool:
        """Whether a listing takes `tags`."""

    @property
    def query(self) -> tuple[str, ...]:
        """Further parameters of the query, by name."""

    @property
    def media(self) -> str:
        """A media type that it answers with where JSON is not asked for."""

    @property
    def simplified(self) -> str:
        """What is simpler than on the platform."""


def is_single(path: str) -> bool:
    """Tell whether a path names one item, so that neither query nor body has to."""
    return "{uuid}" in path
