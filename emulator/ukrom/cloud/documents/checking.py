"""Before anything is replaced: whether documents can be loaded at all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from ukrom.cloud.groups.domains import Domain
from ukrom.cloud.instances.states import LIVE
from ukrom.errors import StateError

from .resources import AccountDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from ukrom.cloud.accounts import Account
    from ukrom.cloud.cloud import Cloud

    from .resources import InstanceDocument, MetroDocument

__all__ = ["checked"]


class _Identified(Protocol):
    @property
    def uuid(self) -> UUID: ...


def checked(cloud: Cloud, account: Account, document: Any) -> AccountDocument:
    """Read documents and check them against each other and against the cloud.

    Raises:
        StateError: They are no state of an account, or cannot be loaded here.
    """
    try:
        state = (
            AccountDocument.model_validate_json(document)
            if isinstance(document, str | bytes)
            else (AccountDocument.model_validate(document))
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise StateError(
            f"This is not the state of an account: {place}: {first['msg']}.",
            remedy="Load what `dump` gave, unchanged.",
        ) from error
    for metro, resources in state.metros.items():
        if metro not in cloud.settings.metros:
            known = ", ".join(cloud.settings.metros)
            raise StateError(f"The state has a metro {metro!r}, and this cloud only {known}.")
        _check_references(metro, resources)
    _check_uuids(cloud, account, state)
    _check_domains(cloud, account, state)
    return state


def _check_references(metro: str, state: MetroDocument) -> None:
    for kind in ("instances", "service_groups", "volumes"):
        names = Counter(resource.name for resource in getattr(state, kind))
        for name, count in names.items():
            if count > 1:
                raise StateError(f"The state has two {kind} with the name {name!r} in {metro}.")
    there: dict[str, set[UUID]] = {
        "service group": {group.uuid for group in state.service_groups},
        "volume": {volume.uuid for volume in state.volumes},
        "inline image": {image.uuid for image in state.inline_images},
    }
    for instance in state.instances:
        if (instance.run is not None) is not (instance.state in LIVE):
            told = "has" if instance.run is not None else "lacks"
            raise StateError(
                f"The state's instance {instance.name!r} is {instance.state.value} and {told} a run."
            )
        for kind, uuid in _referred(instance):
            if uuid not in there[kind]:
                raise StateError(
                    f"The state's instance {instance.name!r} has a {kind} {uuid} that is missing."
                )


def _referred(instance: InstanceDocument) -> Iterable[tuple[str, UUID]]:
    if instance.group is not None:
        yield "service group", instance.group
    for mount in instance.volumes:
        assert mount.volume is not None
        yield "volume", mount.volume
    for rom in instance.roms:
        if rom.inline is not None:
            yield "inline image", rom.inline


def _check_domains(cloud: Cloud, account: Account, state: AccountDocument) -> None:
    own = {group.uuid for space in cloud.spaces(account) for group in space.groups}
    seen: set[Domain] = set()
    groups = (group for metro in state.metros.values() for group in metro.service_groups)
    for document in (domain for group in groups for domain in group.domains):
        domain = Domain(document.metro, document.label)
        if domain in seen:
            raise StateError(f"The state has the domain {domain.label!r} twice.")
        seen.add(domain)
        owner = cloud.domains.owners.get(domain)
        if owner is not None and owner.uuid not in own:
            raise StateError(f"The state has the domain {domain.label!r}, which another account has here.")


def _check_uuids(cloud: Cloud, account: Account, state: AccountDocument) -> None:
    seen: set[UUID] = set()
    for metro in state.metros.values():
        kinds: tuple[Sequence[_Identified], ...] = (
            metro.instances,
            metro.service_groups,
            metro.volumes,
            metro.inline_images,
            metro.pins,
        )
        for uuid in (resource.uuid for kind in kinds for resource in kind):
            if uuid in seen:
                raise StateError(f"The state has the UUID {uuid} twice.")
            seen.add(uuid)
    for other in cloud.accounts():
        if other is not account and not seen.isdisjoint(_uuids(cloud, other)):
            raise StateError(f"What the state has is here already, in the account {other.user!r}.")


def _uuids(cloud: Cloud, account: Account) -> Iterable[UUID]:
    for space in cloud.spaces(account):
        yield from space.inline_images
        for index in (space.instances, space.groups, space.volumes, space.pins):
            yield from (resource.uuid for resource in index)
