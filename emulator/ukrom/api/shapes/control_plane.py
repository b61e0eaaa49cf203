"""The control plane's answers (specification, Part B.8)."""

from typing import Annotated, Required

from pydantic import Field
from typing_extensions import TypedDict

from .scalars import Amount, Moment, Uuid, closed

__all__ = [
    "Authorization",
    "Metro",
    "MetroList",
    "RegistryImage",
    "RegistryImageList",
    "RegistryTag",
    "Signin",
    "SigninCheck",
]


@closed
class Metro(TypedDict, total=False):
    """A metro that the account can reach."""

    uuid: Required[Uuid]
    endpoint: Required[str]
    """With `/v1`."""
    name: Required[str]
    iata_code: Required[Annotated[str, Field(pattern=r"^[A-Z0-9-]+$")]]
    country: str


@closed
class MetroList(TypedDict, total=False):
    """The data of a listing of metros."""

    metros: Required[list[Metro]]


@closed
class RegistryTag(TypedDict, total=False):
    """A tag of a repository."""

    name: Required[str]
    digest: Required[str]
    size: Required[Amount]
    push_time: Moment


@closed
class RegistryImage(TypedDict, total=False):
    """A repository of the registry; its tags only with details."""

    name: Required[str]
    """`<namespace>/<repository>`."""
    tags: list[RegistryTag]


@closed
class RegistryImageList(TypedDict, total=False):
    """The data of a listing of repositories."""

    images: Required[list[RegistryImage]]


@closed
class Authorization(TypedDict, total=False):
    """Whose token it is."""

    organization_name: Required[str]
    organization_display_name: Required[str]
    organization_uuid: Required[Uuid]
    registry: Required[str]


@closed
class Signin(TypedDict, total=False):
    """Where a sign-in goes on in a browser."""

    authorization_url: Required[str]
    request_id: Required[str]


@closed
class SigninCheck(TypedDict, total=False):
    """What a sign-in that was approved gave."""

    token: str
    organization_name: str
    organization_display_name: str
    organization_uuid: Uuid
    registry: str
    user_uuid: Uuid
