"""Refusals whose form the specification leaves open (Part G.1): as a whole, or item by item."""

from __future__ import annotations

from unikraft_cloud import UnikraftCloudError


async def refused(call):
    """Make a call that must change nothing, and give what was said against it.

    A platform may answer 4xx, or 200 with every item failed.
    """
    try:
        answer = await call
    except UnikraftCloudError as error:
        if error.status not in range(400, 500):
            raise
        return str(error)
    assert answer.status == "error", answer
    items = [item for value in vars(answer.data).values() if isinstance(value, list) for item in value]
    assert all(item.status == "error" for item in items), answer
    return "; ".join(item.message for item in items)
