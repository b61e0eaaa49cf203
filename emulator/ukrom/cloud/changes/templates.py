"""What can be changed of an instance template (specification, Part C.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.orders import NO_AUTOKILL
from ukrom.cloud.values import check_autokill

from .labels import delete_lock, tags
from .properties import Property, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import Autokill
    from ukrom.cloud.space import Space

__all__ = ["TEMPLATE"]


def _autokill(_: Space, __: Instance, value: Autokill) -> Autokill:
    check_autokill(value)
    return value


def _put_autokill(space: Space, template: Instance, value: Autokill) -> None:
    template.template_autokill = value
    space.cloud.autokill.changed(template)


TEMPLATE: Mapping[str, Property[Instance]] = {
    "tags": tags(),
    "delete_lock": delete_lock(),
    "autokill": scalar(
        lambda template: template.template_autokill,
        _put_autokill,
        _autokill,
        default=lambda _: NO_AUTOKILL,
    ),
}
