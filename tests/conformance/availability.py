"""Volumes become available in their own time (specification, D.18)."""

from __future__ import annotations


async def available(ukc, volume):
    """Read a volume until it is available; a platform takes its time."""
    for _ in range(100):
        if volume.state == "available":
            return volume
        volume = await ukc.volumes.get(uuid=volume.uuid)
    raise AssertionError(f"{volume.name} is still {volume.state}")
