"""Network interfaces of new instances (specification, Part C.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.orders import InterfaceOrder

from .instance import Interface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.cloud.space import Space

__all__ = ["make_interfaces"]

_LONGEST_NAME = 255


def make_interfaces(space: Space, instance: str, orders: Sequence[InterfaceOrder]) -> tuple[Interface, ...]:
    """Make the network interfaces of an instance: those of its request, or else one.

    Args:
        space: Where; each interface gets its next free private address.
        instance: The instance's name.
        orders: What was asked for.
    """
    wanted = orders or (InterfaceOrder(),)
    return tuple(_made(space, instance, index, order) for index, order in enumerate(wanted))


def _made(space: Space, instance: str, index: int, order: InterfaceOrder) -> Interface:
    high, low = divmod(space.cloud.next_address(space.metro), 256)
    address = bytes((10, high // 256 % 256, high % 256, low))
    mac = bytes((0x12, 0xB0)) + address
    return Interface(
        uuid=space.account.names.uuid(),
        private_ip=".".join(map(str, address)),
        mac=mac.hex(":"),
        name=order.name or _generated(space, instance, index),
        autoconfig=order.autoconfig,
    )


def _generated(space: Space, instance: str, index: int) -> str:
    name = f"{instance}-eth{index}"
    # [choice]: too long is what would be too long for a resource.
    return name if len(name) <= _LONGEST_NAME else f"eth-{space.account.names.suffix(5)}"
