"""What can be changed of an instance template (specification, Part C.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .labels import autokill, delete_lock, tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.cloud.instances.instance import Instance

    from .properties import Property

__all__ = ["TEMPLATE"]

TEMPLATE: Mapping[str, Property[Instance]] = {
    "tags": tags(),
    "delete_lock": delete_lock(),
    "autokill": autokill("template_autokill"),
}
