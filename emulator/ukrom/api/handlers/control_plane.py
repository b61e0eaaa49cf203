"""The control plane, as far as it is worth faking (specification, Part B.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, uuid5

from ukrom.api.operation import Form, Operation
from ukrom.api.places import local_path
from ukrom.api.references import namespace, repository
from ukrom.api.shapes import Authorization, MetroList, RegistryImageList
from ukrom.api.views.moments import rfc3339

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.cloud import Image

__all__ = ["OPERATIONS"]

_COUNTRIES = {"fra": "DE", "dal": "US", "sin": "SG", "was": "US", "sfo": "US"}


def metros(call: Call) -> dict[str, Any]:
    """List the metros.

    Asked under an address of its own it reports addresses there, one for each metro, so that clients
    which discover their metros stay here. [choice]
    """
    return {"metros": [_metro(code, _endpoint(call, code)) for code in call.cloud.settings.metros]}


def _endpoint(call: Call, code: str) -> str:
    if call.local:
        return f"{call.request.scheme}://{call.request.host}{local_path(code, call.cloud)}"
    return f"https://api.{code}.unikraft.cloud/v1"


def _metro(code: str, endpoint: str) -> dict[str, Any]:
    return {
        "uuid": str(uuid5(NAMESPACE_DNS, f"{code}.unikraft.cloud")),
        "endpoint": endpoint,
        "name": code,
        "iata_code": code.upper(),
        "country": _COUNTRIES.get(code, ""),
    }


def images(call: Call) -> dict[str, Any]:
    """List the repositories of the namespaces asked for, by default of the account's own."""
    wanted = call.query.texts("namespace") or [call.account.user]
    details = call.query.flag("details")
    found: dict[str, list[dict[str, Any]]] = {}
    for image in call.cloud.images.images():
        if namespace(image.reference) in wanted:
            found.setdefault(repository(image.reference), []).extend(_tags(image))
    return {
        "images": [
            {"name": name, **({"tags": tags} if details else {})} for name, tags in sorted(found.items())
        ]
    }


def _tags(image: Image) -> list[dict[str, Any]]:
    facts: dict[str, Any] = {"digest": image.digest, "size": image.size}
    if image.created_at is not None:
        facts["push_time"] = rfc3339(image.created_at)
    return [{"name": tag, **facts} for tag in image.tags]


def auth(call: Call) -> dict[str, Any]:
    """Say whose token it is."""
    return {
        "organization_name": call.account.user,
        "organization_display_name": call.account.user,
        "organization_uuid": str(call.account.uuid),
        "registry": "index.unikraft.io",
    }


OPERATIONS = (
    Operation("list metros", "GET", ("/metros",), Form.DATA, metros, answer=MetroList),
    Operation(
        "list registry images",
        "GET",
        ("/images",),
        Form.DATA,
        images,
        answer=RegistryImageList,
        query=("namespace", "details"),
        simplified="Of what a registry knows of an image, its tags and their digests alone.",
    ),
    Operation(
        "read authorization",
        "GET",
        ("/auth",),
        Form.DATA,
        auth,
        answer=Authorization,
        simplified="Every token is good, and stands for an organization of its own.",
    ),
)
