"""How layers are made: a guest that goes just so far, and is saved there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ukrom.errors import BootFailed
from ukrom.qemu.command import Memory, command_line
from ukrom.qemu.devices import ROOT_SLOT
from ukrom.qemu.layers.feed import StateFeed
from ukrom.qemu.layers.thread import in_thread
from ukrom.qemu.order import environment, prepare_order
from ukrom.qemu.vm import Vm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from ukrom.cloud.ports import Image
    from ukrom.qemu.command import Equipment
    from ukrom.qemu.layers.key import LayerKey
    from ukrom.qemu.layers.store import Layer, LayerStore, NewLayer

__all__ = ["LayerMaker", "warming"]


class LayerMaker:
    """Makes layers, one machine for each.

    Args:
        equipment: What the machines are made of.
        store: Where the layers go.
        boot_s: Seconds that each step may take.
    """

    def __init__(self, equipment: Equipment, store: LayerStore, *, boot_s: float) -> None:
        self._equipment = equipment
        self._store = store
        self._boot_s = boot_s

    async def boot(self, key: LayerKey) -> Layer:
        """Make layer 1: boot the kernel, load the drivers.

        Raises:
            LayersUnusable: There is no room for it.
            MachineError: The machine did not come so far, or could not be saved.
        """
        with self._store.new(key) as new:
            async with self._guest(key, new, None, {}) as guest:
                await guest.until("ready")
                state = await guest.save()
            return await in_thread(new.settle, state)

    async def mount(self, key: LayerKey, below: Layer, image: Image) -> Layer:
        """Make layer 2: mount an image's root file system, read what its program reads first.

        Raises:
            LayersUnusable: There is no room for it.
            MachineError: The machine did not come so far, or could not be saved.
        """
        assert image.root is not None, "who has no root file system is not booted"
        with self._store.new(key) as new:
            await in_thread(new.fill, below)
            async with self._guest(key, new, below, {ROOT_SLOT: image.root.path}) as guest:
                guest.vm.send("wake")
                await guest.until("awake")
                guest.vm.send("root", image.root.format)
                await guest.until("root")
                guest.vm.send(*prepare_order())
                await guest.until("prepared")
                for command in warming(image):
                    guest.vm.send(*command)
                    await guest.until("warmed")
                state = await guest.save()
            return await in_thread(new.settle, state)

    @asynccontextmanager
    async def _guest(
        self, key: LayerKey, new: NewLayer, below: Layer | None, disks: Mapping[int, Path]
    ) -> AsyncIterator[_Guest]:
        memory = Memory(new.descriptor, shared=True, restored=below is not None)
        feed = None if below is None else StateFeed(below)
        guest = _Guest(self._boot_s)
        try:
            guest.vm = Vm(
                lambda channels: command_line(
                    self._equipment,
                    channels,
                    disks,
                    memory_mb=key.of["memory_mb"],
                    vcpus=key.of["vcpus"],
                    ports=(),
                    memory=memory,
                ),
                hear=guest.hear,
                show=lambda _: None,
                name="snapshot layer",
                memory_mb=key.of["memory_mb"],
                fds=(new.descriptor, *((feed.descriptor,) if feed else ())),
            )
            try:
                await guest.vm.connect()
                connecting = guest.vm.monitor.connect(guest.vm.process.ends.monitor)
                await guest.vm.in_time(connecting, "its monitor answered", self._boot_s)
                if feed is not None:
                    await guest.vm.in_time(feed.into(guest.vm.monitor), "it was restored", self._boot_s)
                yield guest
            finally:
                await guest.vm.close()
        finally:
            if feed is not None:
                feed.close()


class _Guest:
    """A machine whose agent is asked one thing after the other."""

    vm: Vm

    def __init__(self, boot_s: float) -> None:
        self._boot_s = boot_s
        self._heard: asyncio.Queue[tuple[str, list[bytes]]] = asyncio.Queue()

    def hear(self, verb: str, fields: list[bytes]) -> None:
        self._heard.put_nowait((verb, fields))

    async def until(self, verb: str) -> None:
        """Wait for the agent to say so.

        Raises:
            MachineError: The machine ended, took too long, or says that it failed.
        """
        said, fields = await self.vm.in_time(self._heard.get(), f"the guest said {verb!r}", self._boot_s)
        if said != verb:
            words = b" ".join(fields).decode(errors="replace")
            raise self.vm.error(BootFailed, f"The guest says {said!r} ({words}) instead of {verb!r}.")

    async def save(self) -> bytes:
        return await self.vm.in_time(self.vm.monitor.save(), "it was saved", self._boot_s)


def warming(image: Image) -> list[list[str]]:
    """What the agent is asked to do aside: the image's own commands, and to read its program [choice]."""
    setting = [word for name, value in environment(image.env).items() for word in ("env", f"{name}={value}")]
    wanted = [("run", command) for command in image.warm if command]
    if image.args:
        wanted.append(("read", image.args[:1]))
    return [
        ["warm", how, *setting, *(word for text in words for word in ("arg", text))] for how, words in wanted
    ]
