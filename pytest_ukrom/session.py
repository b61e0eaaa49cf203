"""One emulator for a whole run of pytest, and the fixtures' views of it."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from pytest_ukrom.facade import Ukrom
from pytest_ukrom.refusing import RefusingRunner
from ukrom.emulator import Emulator, Settings
from ukrom.errors import UkromError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_ukrom.options import Options
    from ukrom.cloud import InstanceSnapshot, Runner

__all__ = ["Session"]

_OTHER_VARIABLES = tuple(
    f"{prefix}_{name}"
    for prefix in ("UNIKRAFT_CLOUD", "UNIKRAFTCLOUD", "KRAFTCLOUD", "KC")
    for name in ("TOKEN", "METRO")
)
"""Older names under which tools look for a token: a real one must not leak into a test."""


class Session:
    """The emulator behind all fixtures of one process.

    The emulator starts with the first fixture that is used. Where real VMs were asked for and cannot
    run, it starts all the same, without them: the API is there, and whoever needs a VM is told why not.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.why_no_vm: str | None = None
        self.active: list[Ukrom] = []
        self.kept: list[str] = []
        """How to reach each machine that was left up, a line each."""
        self._stack = ExitStack()

    @cached_property
    def emulator(self) -> Emulator:
        """The emulator, started."""
        emulator, self.why_no_vm = self._start()
        self._stack.callback(emulator.stop)
        return emulator

    def close(self) -> None:
        """End everything; nothing of it is left afterwards."""
        self._stack.close()

    @contextmanager
    def open(self, name: str, *, vm: bool = True) -> Iterator[Ukrom]:
        """A view of the emulator, for as long as a fixture lives.

        Args:
            name: The account.
            vm: Whether its instances run as the options say; otherwise they are stubs.
        """
        emulator = self.emulator
        runner: Runner = emulator.cloud.runner if vm else emulator.stub
        account = emulator.cloud.open_account(name, None if vm else runner)
        view = Ukrom(emulator, account, self.need_vm if vm else _nothing)
        with ExitStack() as stack:
            stack.enter_context(self._environment(view))
            stack.enter_context(self._door())
            stack.callback(emulator.reset, account)
            stack.callback(view.close)
            self.active.append(view)
            stack.callback(self.active.remove, view)
            yield view

    def keep(self, view: Ukrom, snapshot: InstanceSnapshot) -> None:
        """Leave the machine of a failing test up, if the user wants that and it is up."""
        if not self.options.keep:
            return
        with suppress(UkromError):
            machine = view.emulator.machine(snapshot.uuid)
            folder = view.emulator.keep(snapshot.uuid)
            self.kept.append(f"{snapshot.name}: console in {folder}/console.log, monitor at {folder}/qmp")
            for port in machine.spec.ports:
                if (endpoint := machine.endpoint(port)) and endpoint.address:
                    host, local = endpoint.address
                    self.kept.append(f"    port {port}: curl http://{host}:{local}/")
            self.kept.append(f"    end it: kill {machine.pid} && rm -r {view.emulator.folder}")

    def need_vm(self) -> None:
        """Skip or fail the running test if there are no VMs, as the options say."""
        __tracebackhide__ = True
        if self.why_no_vm is None:
            return
        if self.missing_fails:
            pytest.fail(self.why_no_vm, pytrace=False)
        pytest.skip(self.why_no_vm)

    @property
    def missing_fails(self) -> bool:
        """Whether a test without its VM fails rather than being skipped."""
        if self.options.require_vm:
            return True
        # Without --ukrom nobody asked for VMs, so their absence is no defect of the machine.
        asked = self.options.vm
        in_ci = bool(os.environ.get("CI"))
        return asked and (self.options.missing == "fail" or (self.options.missing == "auto" and in_ci))

    def refused(self) -> bool:
        """Whether, since last asked, a machine was wanted where there are no VMs."""
        runner = self.emulator.cloud.runner if "emulator" in self.__dict__ else None
        return isinstance(runner, RefusingRunner) and runner.take_refused()

    def _start(self) -> tuple[Emulator, str | None]:
        if self.options.runner == "stub":
            emulator = Emulator(Settings(runner="stub"))
            emulator.start()
            return emulator, None
        why = "it needs a VM: run pytest with --ukrom"
        if self.options.vm:
            emulator = Emulator(Settings(runner="qemu", keep=self.options.keep))
            try:
                emulator.start()
            except UkromError as error:
                why = f"it needs a VM, and none can run here: {error}"
            else:
                return emulator, None
        emulator = Emulator(Settings(runner=RefusingRunner(why)))
        emulator.start()
        return emulator, why

    @contextmanager
    def _environment(self, view: Ukrom) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in _OTHER_VARIABLES:
                patch.delenv(name, raising=False)
            patch.setenv("UKC_TOKEN", view.token)
            patch.setenv("UKC_METRO", view.url)
            patch.setenv("UKC_USER", view.user)
            yield

    @contextmanager
    def _door(self) -> Iterator[None]:
        """Lead httpx calls into the emulator while at least one view is open."""
        if self.active:
            yield
            return
        door = self.emulator.door
        door.start()
        try:
            yield
        finally:
            door.stop(clear=False, reset=False, quiet=True)


def _nothing() -> None:
    pass
