"""Which layer a machine starts from: the deepest that fits; what is missing is made."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from ukrom.errors import MachineError
from ukrom.qemu.layers.key import Platform
from ukrom.qemu.layers.maker import LayerMaker
from ukrom.qemu.layers.store import LayersUnusable
from ukrom.qemu.layers.thread import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ukrom.cloud.ports import Image
    from ukrom.qemu.command import Equipment
    from ukrom.qemu.layers.key import LayerKey
    from ukrom.qemu.layers.store import Layer, LayerStore
    from ukrom.qemu.turns import Turns

__all__ = ["Layers"]

_log = logging.getLogger(__name__)

_OPEN_MAX = 16
"""Layers that are kept open, checked, for the next machine."""


class Layers:
    """The layers of one runner. Belongs to its loop.

    Args:
        equipment: What machines are made of.
        store: Where layers are kept.
        boot_s: Seconds that each step of making one may take.
        turns: Says when a machine may start.
    """

    def __init__(
        self,
        equipment: Equipment,
        store: LayerStore,
        *,
        boot_s: float,
        turns: Turns,
    ) -> None:
        self.store = store
        self.make_room: Callable[[], None] = lambda: None
        """Called when a layer has to wait for its turn; ends what only might be of use."""
        self.trouble: dict[str, str] = {}
        """Why a layer is done without, by its digest."""
        self._platform = Platform(equipment)
        self._maker = LayerMaker(equipment, store, boot_s=boot_s)
        self._turns = turns
        self._open: dict[str, Layer] = {}
        self._getting: dict[str, asyncio.Task[Layer | None]] = {}

    async def deepest(self, image: Image, memory_mb: int, vcpus: int) -> Layer | None:
        """The layer to start a machine from, to be closed by the caller; None for a cold boot.

        It is made if it is not there. Whatever goes wrong with layers costs time, never a machine: then
        the next shallower one is taken.
        """
        key = await asyncio.to_thread(self._platform.mounted, image, memory_mb, vcpus)

        async def mount() -> Layer:
            booted = await self.booted(memory_mb, vcpus)
            if booted is None:
                raise LayersUnusable([*self.trouble.values()][-1])  # that of the layer below
            with contextlib.closing(booted):
                turn = await self._turns.take(
                    memory_mb, f"the layer of {image.reference}", cold=False, waiting=self._waits
                )
                try:
                    return await self._maker.mount(key, booted, image)
                finally:
                    turn.end()

        return await self._get(key, mount) or await self.booted(memory_mb, vcpus)

    async def booted(self, memory_mb: int, vcpus: int) -> Layer | None:
        """Layer 1 alone, to be closed by the caller; None for a cold boot."""
        key = await asyncio.to_thread(self._platform.booted, memory_mb, vcpus)
        return await self._get(key, lambda: self._boot(key))

    def distrust(self, layer: Layer, why: str) -> None:
        """Do without a layer from now on that did not work, and have the next run make it anew."""
        self.store.discard(layer.key)
        self._note(layer.key, why)
        if (known := self._open.pop(layer.key.digest, None)) is not None:
            known.close()

    async def close(self) -> None:
        """Stop making layers, and let go of all."""
        for task in self._getting.values():
            task.cancel()
        await asyncio.gather(*self._getting.values(), return_exceptions=True)
        for layer in self._open.values():
            layer.close()
        self._open.clear()

    async def _boot(self, key: LayerKey) -> Layer:
        turn = await self._turns.take(
            key.of["memory_mb"], "the layer of a booted kernel", cold=True, waiting=self._waits
        )
        try:
            return await self._maker.boot(key)
        finally:
            turn.end()

    def _waits(self, why: str) -> None:
        _log.info("a snapshot layer waits for its turn to be made: %s", why)
        self.make_room()

    async def _get(self, key: LayerKey, make: Callable[[], Awaitable[Layer]]) -> Layer | None:
        """A layer that is open, or in the store, or is made now; all who want it at once share that."""
        digest = key.digest
        if digest in self.trouble:
            return None
        if (known := self._open.get(digest)) is not None:
            if known.is_unchanged():
                return known.lend()
            _log.warning("the snapshot layer %s was changed by somebody; it is checked again", digest)
            self._open.pop(digest).close()
        task = self._getting.get(digest)
        if task is None:
            task = self._getting[digest] = asyncio.ensure_future(self._find_or_make(key, make))
            task.add_done_callback(lambda _: self._getting.pop(digest, None))
        found = await asyncio.shield(task)
        return None if found is None else found.lend()

    async def _find_or_make(self, key: LayerKey, make: Callable[[], Awaitable[Layer]]) -> Layer | None:
        try:
            layer = await in_thread(self.store.find, key)
            if layer is None:
                async with self.store.making(key):
                    layer = await in_thread(self.store.find, key) or await make()
        except (LayersUnusable, MachineError, OSError) as error:
            self._note(key, str(error))
            return None
        self._keep(key, layer)
        return layer

    def _keep(self, key: LayerKey, layer: Layer) -> None:
        self._open[key.digest] = layer
        if len(self._open) > _OPEN_MAX:
            self._open.pop(next(iter(self._open))).close()

    def _note(self, key: LayerKey, why: str) -> None:
        self.trouble[key.digest] = why
        _log.warning("instances start without the snapshot layer %s: %s", key.digest[:12], why)
