"""Resources of one kind, by UUID and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from .refusals import ErrorCode, Refusal, not_found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from .orders import Ref

__all__ = ["Index", "Resource"]


class Resource(Protocol):
    """What everything that can be referred to has."""

    @property
    def uuid(self) -> UUID:
        """Its UUID."""

    @property
    def name(self) -> str:
        """Its name, unique among its kind."""


R = TypeVar("R", bound=Resource)


class Index(Generic[R]):
    """The resources of one kind in one account and metro, oldest first.

    Args:
        noun: What refusals call one: `instance`, `service group`, `volume`.
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._by_uuid: dict[UUID, R] = {}
        self._by_name: dict[str, R] = {}

    def __len__(self) -> int:
        return len(self._by_uuid)

    def __iter__(self) -> Iterator[R]:
        return iter(self._by_uuid.values())

    def __contains__(self, name: object) -> bool:
        """Tell whether a name is taken."""
        return name in self._by_name

    def get(self, ref: Ref) -> R | None:
        """Find what a reference means, if there is such a resource."""
        return self._by_uuid.get(ref.uuid) if ref.uuid is not None else self._by_name.get(ref.name or "")

    def find(self, ref: Ref, noun: str | None = None) -> R:
        """Find what a reference means.

        Args:
            ref: By UUID or by name.
            noun: What to call it in the refusal, if not as usual.

        Raises:
            Refusal: Code 8; there is none.
        """
        found = self.get(ref)
        if found is None:
            raise missing(noun or self.noun, ref)
        return found

    def check_free(self, name: str) -> None:
        """Check that a name is not taken.

        Raises:
            Refusal: Code 23; it is (specification, Part A.2).
        """
        if name in self._by_name:
            article = "An" if self.noun[0] in "aeiou" else "A"
            raise Refusal(
                ErrorCode.ALREADY_EXISTS, f"{article} {self.noun} with the name '{name}' already exists"
            )

    def add(self, resource: R) -> None:
        """Add a resource whose name is free."""
        self._by_uuid[resource.uuid] = self._by_name[resource.name] = resource

    def remove(self, resource: R) -> None:
        """Take a resource out."""
        del self._by_uuid[resource.uuid]
        del self._by_name[resource.name]


def missing(noun: str, ref: Ref) -> Refusal:
    """Make the refusal of a reference that leads nowhere."""
    return not_found(noun, "name", ref.name) if ref.uuid is None else not_found(noun, "uuid", ref.uuid)
