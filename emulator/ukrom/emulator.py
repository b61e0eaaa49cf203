"""The emulator: the only place that wires the rooms together."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

from anyio.from_thread import start_blocking_portal

from ukrom import host, qemu
from ukrom.api import Api, ApiApp, AsyncInProcessTransport, InProcessTransport, local_path
from ukrom.clock import VirtualClock
from ukrom.cloud import Cloud, Limits, StubRunner
from ukrom.cloud import Settings as CloudSettings
from ukrom.errors import SettingsError, UkromError
from ukrom.images import ImageStore
from ukrom.ingress import Deadlines, Door, Ingress, PortNotServed, Transports

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from types import TracebackType
    from uuid import UUID

    import httpx

    from ukrom.cloud import Account, Runner

__all__ = ["Emulator", "Settings", "Vm", "find_vm"]


@dataclass(frozen=True, slots=True)
class Vm:
    """All that real machines take on this host."""

    qemu: host.Qemu
    kernel: host.GuestKernel
    accelerator: host.Accelerator
    setpriv: Path


def find_vm(cache: host.Cache | None = None) -> Vm:
    """What real machines take, or the first thing that is missing; measures the accelerator once.

    Raises:
        MissingTool: Something is missing; the error says how to get it.
        HostNotSupported: This host cannot run machines at all.
        SettingsError: A setting makes no sense.
    """
    cache = cache or host.find_cache()
    found = host.find_qemu(cache)
    host.find_tool(host.MKFS_EROFS)
    setpriv = host.find_tool(host.SETPRIV).path
    kernel = host.find_kernel(cache)
    host.agent_binary()
    return Vm(found, kernel, host.accelerator(found, cache, kernel), setpriv)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may choose about an emulator."""

    metros: tuple[str, ...] = ("fra", "dal", "sin", "was", "sfo")
    """Codes of the metros, the first being the one that is meant where none is named. These five are
    those that the SDK knows (specification, A.8)."""
    suffix: str = "unikraft.app"
    """The domain suffix that reads report; the others are served all the same."""
    runner: Literal["qemu", "stub"] | Runner = "qemu"
    """What boots the machines of accounts that have no runner of their own."""
    layers: bool = True
    """Whether instances start from snapshot layers; otherwise each boots cold."""
    spares: bool = True
    """Whether a machine is prepared for the next instance while the last one is busy."""
    warm_spares: bool = False
    """Whether that machine also runs aside what makes it answer sooner; see `ukrom.qemu.spares`."""
    keep: bool = False
    """Whether machines may outlive the emulator (see `Emulator.keep`)."""
    unknown_fields: Literal["refuse", "warn"] = "refuse"
    """What becomes of fields of requests that the emulator does not know."""
    seed: int | None = None
    """Fixes UUIDs and random names; None takes the system's randomness."""
    limits: Limits = field(default_factory=Limits)
    """The quotas of every account, and what else the platform refuses more of."""

    @property
    def metro(self) -> str:
        """The code of the first metro."""
        return self.metros[0]


class Emulator:
    """A cloud with its doors, its images and its machines.

    Start it, use it from any thread, stop it; or use it as a context manager.

    Args:
        settings: What the user chose.

    Raises:
        MissingTool: (from `start`) Real machines are wanted, and something for them is missing.
        SettingsError: A setting makes no sense, or a folder cannot be written.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.cache = host.find_cache()
        self.stub = StubRunner()
        self.vm: Vm | None = None
        self._stack = ExitStack()
        self._kept: set[UUID] = set()

    def start(self) -> None:
        """Start the loop, the cloud and the listeners."""
        with ExitStack() as stack:
            stack.enter_context(self.cache.use())  # first in, last out: nobody prunes under our feet
            self._run = host.RunFolder()
            stack.callback(lambda: self._run.close(keep=bool(self._kept)))
            self.images = ImageStore(self.cache.folder("images"), self._run.path / "index.json")
            self._portal = stack.enter_context(start_blocking_portal("asyncio"))
            runner = self._make_runner(stack)
            self.clock = VirtualClock()
            stack.callback(self.clock.close)
            self.cloud = Cloud(
                self._cloud_settings(),
                runner=runner,
                images=self.images,
                clock=self.clock,
                seed=self.settings.seed,
            )
            stack.callback(self.cloud.close)
            self.api = Api(self.cloud)
            stack.callback(self.api.faults.close)
            self.ingress = Ingress(
                self.cloud.gateway,
                ApiApp(self.api),
                metros=self.cloud.settings.metros,
                deadlines=Deadlines().scaled(min(runner.speed, 10.0)),
            )
            self._portal.call(self.ingress.start)
            stack.callback(self._portal.call, self.ingress.stop)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """End every machine and every task; nothing is left afterwards."""
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The API's base URL on loopback; ends in `/v1`."""
        return self.url_of(self.settings.metro)

    def url_of(self, metro: str) -> str:
        """The base URL on loopback of a metro's API; ends in `/v1`.

        Raises:
            SettingsError: There is no such metro.
        """
        code = self.cloud.metro(metro)
        if code is None:
            raise SettingsError(
                f"There is no metro {metro!r}.", remedy=f"There are: {', '.join(self.settings.metros)}."
            )
        return f"http://127.0.0.1:{self.ingress.http_port}{local_path(code, self.cloud)}"

    @property
    def folder(self) -> Path:
        """A folder that goes with the emulator."""
        return self._run.path

    @cached_property
    def door(self) -> Door:
        """Leads httpx calls of this process into the emulator while it is started."""
        return Door(
            Transports(InProcessTransport(self.api), AsyncInProcessTransport(self.api)),
            Transports(self.ingress.transport(), self.ingress.async_transport(keepalive=False)),
            self.cloud.settings.metros,
            is_custom=lambda name, port: self.cloud.gateway.route(name, port) is not None,
            local_ports=self._local_ports,
            note_stranger=self.api.note_stranger,
        )

    @cached_property
    def ca_file(self) -> Path:
        """A PEM file with the system's CAs and the emulator's own."""
        return self.ingress.authority.bundle(self._run.path / "ca.pem")

    def api_transport(self) -> httpx.BaseTransport:
        """A transport to the API that needs no socket."""
        return InProcessTransport(self.api)

    def reset(self, account: Account) -> None:
        """Delete everything of an account, and end its faults; images stay."""
        self.api.faults.clear(account)
        self.cloud.reset(account)

    def machine(self, uuid: UUID) -> qemu.QemuMachine:
        """The real machine of an instance.

        Raises:
            UkromError: It has none: it does not run, or runs only as a stub.
        """
        machine = self.cloud.machine(uuid)
        if machine is None:
            raise UkromError(f"Instance {uuid} has no machine: it is not running.")
        if not isinstance(machine, qemu.QemuMachine):
            raise UkromError(
                f"Instance {uuid} is only a stub: there is no guest to look into.",
                remedy="Run it in a VM: `pytest --ukrom`, without --ukrom-runner=stub.",
            )
        return machine

    @property
    def means(self) -> qemu.Means:
        """What its real machines are made of, start from and wait for.

        Raises:
            UkromError: It runs none.
        """
        runner = self.cloud.runner
        if not isinstance(runner, qemu.QemuRunner):
            raise UkromError("The emulator runs no real machines.")
        return runner.means

    def keep(self, uuid: UUID) -> Path:
        """Let an instance's machine outlive the emulator; it must run with `Settings.keep`.

        Returns:
            The folder with its `console.log`, its monitor's socket `qmp` and its `pid`.
        """
        machine = self.machine(uuid)
        assert machine.keep is not None, "the emulator was not started with keep"
        machine.let_go()
        self._kept.add(uuid)
        return machine.keep

    def _make_runner(self, stack: ExitStack) -> Runner:
        chosen = self.settings.runner
        if chosen == "stub":
            return self.stub
        if chosen != "qemu":
            return chosen
        self.vm = vm = find_vm(self.cache)
        runner = qemu.QemuRunner(
            self._means(vm),
            self._portal.call(_running_loop),
            speed=vm.accelerator.speed,
            pack=self.images.pack_inline,
            keep=self._run.path / "machines" if self.settings.keep else None,
        )
        stack.callback(self._portal.call, runner.close)
        return runner

    def _means(self, vm: Vm) -> qemu.Means:
        """What machines are made of, start from and wait for."""
        agent = host.agent_binary()
        equipment = qemu.Equipment(
            qemu=vm.qemu.path,
            accelerator=vm.accelerator.name,
            kernel=vm.kernel.image,
            initramfs=qemu.initramfs(self.cache, vm.kernel, agent),
            setpriv=vm.setpriv,
            version=vm.qemu.version,
            tsc_khz=qemu.tsc_khz(agent, self.cache) if vm.accelerator.name == "tcg" else None,
        )
        claims = self.cache.root / "budget"
        held_mb = host.Budget.held(claims, "memory")
        turns = qemu.Turns(host.Budget(claims, host.capacity(vm.accelerator.name, held_mb=held_mb)))
        if not self.settings.layers:
            return qemu.Means(equipment, turns)
        store = qemu.LayerStore(self.cache.root / "layers", host.layers_limit())
        boot_s = qemu.BOOT_S * vm.accelerator.speed
        layers = qemu.Layers(equipment, store, boot_s=boot_s, turns=turns)
        # A machine that may outlive us has a folder for that from the beginning, so it cannot be a spare one.
        spares = self.settings.spares and not self.settings.keep
        prepared = (
            qemu.Spares(equipment, layers, turns, boot_s=boot_s, warm=self.settings.warm_spares)
            if spares
            else None
        )
        return qemu.Means(equipment, turns, layers, prepared)

    def _cloud_settings(self) -> CloudSettings:
        # The cloud multiplies these by the runner's speed, which is 10 or more under emulation.
        return CloudSettings(
            metros=self.settings.metros,
            suffix=self.settings.suffix,
            unknown_fields=self.settings.unknown_fields,
            limits=self.settings.limits,
            answer_timeout_s=15.0,
            wrong_port_grace_s=0.5,
            stop_grace_s=1.0,
            quick_stop_grace_s=0.2,
        )

    def _local_ports(self) -> Collection[int]:
        try:
            return (self.ingress.http_port, self.ingress.https_port)
        except PortNotServed:
            return ()


async def _running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()
