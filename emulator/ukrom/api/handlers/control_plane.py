"""The control plane, as far as it is worth faking (specification, Part B.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, uuid5

from ukrom.api.operation import Form, Operation
from ukrom.api.references import namespace, repository, tag_of
from ukrom.api.views.moments import rfc3339

if TYPE_CHECKING:
    from ukrom.api.call import Call

__all__ = ["OPERATIONS"]

_COUNTRIES = {"fra": "DE", "dal": "US", "sin": "SG", "was": "US", "sfo": "US"}


def metros(call: Call) -> dict[str, Any]:
    """List the metros.

    Asked under an address of its own it reports that address for the first metro, so that clients
    which discover their metros stay here; the others have no address there. [choice]
    """
    codes = call.cloud.settings.metros[:1] if call.local else call.cloud.settings.metros
    base = f"{call.request.scheme}://{call.request.host}/v1"
    return {
        "metros": [
            _metro(code, base if call.local else f"https://api.{code}.unikraft.cloud/v1") for code in codes
        ]
    }


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
            tag = {"name": tag_of(image.reference), "digest": image.digest, "size": image.size}
            if image.created_at is not None:
                tag["push_time"] = rfc3339(image.created_at)
            found.setdefault(repository(image.reference), []).append(tag)
    return {
        "images": [
            {"name": name, **({"tags": tags} if details else {})} for name, tags in sorted(found.items())
        ]
    }


def auth(call: Call) -> dict[str, Any]:
    """Say whose token it is."""
    return {
        "organization_name": call.account.user,
        "organization_display_name": call.account.user,
        "organization_uuid": str(call.account.uuid),
        "registry": "index.unikraft.io",
    }


OPERATIONS = (
    Operation("list metros", "GET", ("/metros",), Form.DATA, metros),
    Operation("list registry images", "GET", ("/images",), Form.DATA, images),
    Operation("read authorization", "GET", ("/auth",), Form.DATA, auth),
)
