"""Snapshot layers: guests saved on the way to an instance, so that the next one need not go it again.

    layer 1   the kernel booted, its modules loaded, the agent waiting; disks still unbound
    layer 2   an image's root file system mounted, what its program reads first in memory

The application itself starts after the last layer: an instance from a layer is a fresh one.
"""

from __future__ import annotations

from ukrom.qemu.layers.choice import Layers
from ukrom.qemu.layers.feed import StateFeed
from ukrom.qemu.layers.maker import warming
from ukrom.qemu.layers.store import Layer, LayerStore

__all__ = ["Layer", "LayerStore", "Layers", "StateFeed", "warming"]
