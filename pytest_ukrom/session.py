"""One emulator for a whole run of pytest, and the fixtures' views of it."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_ukrom.environment import variables
from pytest_ukrom.facade import Ukrom
from pytest_ukrom.refusing import RefusingRunner
from ukrom.emulator import Emulator, Settings
from ukrom.errors import UkromError
from ukrom.qemu import QemuRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_ukrom.options import Options
    from ukrom.api import LoggedCall
    from ukrom.cloud import Account, Runner
    from ukrom.qemu import StartRecord

__all__ = ["Session"]

_NOT_ASKED = "it needs a VM: run pytest with --ukrom"
_STUB_ASKED = "it needs a VM, and --ukrom-runner=stub runs none"


class Session:
    """The emulator behind all fixtures of one process.

    The emulator starts with the first fixture that is used. Where real VMs were asked for and cannot
    run, it starts all the same, without them: the API is there, and whoever needs a VM is told why not.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.why_no_machine: str | None = None if options.vm or options.stub else _NOT_ASKED
        """Why no instance can run; known for sure once the emulator has started."""
        self._active: list[Ukrom] = []
        self._calls_before = 0
        self._door_is_open = False
        self._patch = pytest.MonkeyPatch()
        self._stack = ExitStack()

    @cached_property
    def emulator(self) -> Emulator:
        """The emulator, started."""
        emulator = self._start()
        self._stack.callback(emulator.stop)
        return emulator

    @property
    def started(self) -> bool:
        """Whether any fixture was used so far."""
        return "emulator" in self.__dict__

    @cached_property
    def runner(self) -> Runner:
        """What runs the instances of `ukrom` and `ukrom_session`."""
        return self.emulator.cloud.runner

    def close(self) -> None:
        """End everything; nothing of it is left afterwards."""
        self._stack.close()

    @contextmanager
    def open(self, name: str, *, vm: bool = True, lasting: bool = False, test: str = "") -> Iterator[Ukrom]:
        """A view of the emulator, for as long as a fixture lives.

        Args:
            name: The account.
            vm: Whether its instances run as the options say; otherwise they are stubs.
            lasting: Whether it outlives the test that it is opened for.
            test: The test that it is opened for; with a seed, its chance begins there.
        """
        emulator, runner = self.emulator, self.runner
        earlier = emulator.cloud.accounts()
        account = emulator.cloud.open_account(name, runner if vm else emulator.stub)
        emulator.cloud.reseed(account, test)
        view = Ukrom(emulator, account, self.need_machine if vm else _nothing, lasting=lasting)
        with ExitStack() as stack:
            stack.callback(self._leave, view)
            self._active.append(view)
            self._settle()
            stack.callback(emulator.stub.mark())
            stack.callback(self._reset, account, earlier)
            stack.callback(self._let_go, view)
            stack.callback(view.close)
            yield view

    def view(self, account: Account) -> Ukrom | None:
        """The open view of an account; a test's own tokens make accounts that have none."""
        return next((view for view in self._active if view.account is account), None)

    def begin_test(self) -> None:
        """Note where a test begins, so that its report tells of its own calls only."""
        self._calls_before = self.emulator.api.log.latest if self.started else 0

    def calls(self) -> list[LoggedCall]:
        """The API calls of the running test, as far as they are kept."""
        return self.emulator.api.log.since(self._calls_before) if self.started else []

    def end_test(self) -> None:
        """Let time flow as it really does again, and end faults that a lasting fixture was given."""
        if self.started:
            self.emulator.clock.reset()
            for view in self._active:
                self.emulator.api.faults.clear(view.account)

    def starts(self) -> list[StartRecord]:
        """How machines came to run since this was last asked."""
        if not self.started or not isinstance(self.emulator.cloud.runner, QemuRunner):
            return []
        record = self.emulator.means.record
        taken = record[:]
        del record[: len(taken)]
        return taken

    def trouble(self) -> list[str]:
        """Why instances start without snapshot layers, if any do."""
        if not self.started or not isinstance(self.emulator.cloud.runner, QemuRunner):
            return []
        layers = self.emulator.means.layers
        return [] if layers is None else sorted(set(layers.trouble.values()))

    def need_machine(self) -> None:
        """Skip or fail the running test if no instance can run, as the options say."""
        _ = self.emulator
        if self.why_no_machine is not None:
            self._do_without(self.why_no_machine)

    def need_vm(self) -> None:
        """The same, if no instance can run in a real VM."""
        if self.options.stub:
            pytest.skip(_STUB_ASKED)
        if self.options.vm:
            _ = self.emulator
        if self.why_no_machine is not None:
            self._do_without(self.why_no_machine)

    @property
    def missing_fails(self) -> bool:
        """Whether a test without its VM fails rather than being skipped."""
        if self.options.require_vm:
            return True
        # Without --ukrom nobody asked for VMs, so their absence is no defect of the machine.
        asked = self.options.vm
        in_ci = bool(os.environ.get("CI"))
        return asked and (self.options.missing == "fail" or (self.options.missing == "auto" and in_ci))

    def in_vain(self, *, failed: bool) -> bool:
        """Whether a test wanted a machine where there is none.

        Args:
            failed: The test failed, so that machines count that were refused to earlier tests and
                still are shared by this one.
        """
        runner = self.runner if self.started else None
        if not isinstance(runner, RefusingRunner):
            return False
        refused = runner.take_refused()
        if not failed:
            return bool(refused)
        cloud = self.emulator.cloud
        there = {one.uuid for account in cloud.accounts() for one in cloud.instances(account)}
        return bool(refused) or not there.isdisjoint(runner.refused)

    def _do_without(self, why: str) -> None:
        if self.missing_fails:
            pytest.fail(why, pytrace=False)
        pytest.skip(why)

    def _start(self) -> Emulator:
        if self.options.stub:
            return _started(self._settings("stub"))
        why = _NOT_ASKED
        if self.options.vm:
            emulator = Emulator(self._settings("qemu"))
            try:
                emulator.start()
            except UkromError as error:
                why = f"it needs a VM, and none can run here: {' '.join(str(error).split())}"
            else:
                return emulator
        self.why_no_machine = why
        return _started(self._settings(RefusingRunner(why)))

    def _settings(self, runner: Literal["qemu", "stub"] | Runner) -> Settings:
        options = self.options
        return Settings(
            metros=options.metros or Settings().metros,
            suffix=options.suffix,
            runner=runner,
            keep=options.keep and runner == "qemu",
            layers=not options.no_layers,
            spares=not options.no_spare,
            unknown_fields=options.unknown_fields,
            seed=options.seed,
            limits=options.limits or Settings().limits,
        )

    def _reset(self, account: Account, earlier: tuple[Account, ...]) -> None:
        """Delete what was made since a view was opened, under whatever token."""
        cloud = self.emulator.cloud
        self.emulator.reset(account)
        spared = {*earlier, *(view.account for view in self._active)}
        for other in cloud.accounts():
            if other not in spared:
                self.emulator.api.faults.clear(other)
                cloud.close_account(other)

    def _let_go(self, view: Ukrom) -> None:
        for uuid in view.kept:
            with suppress(UkromError):  # it ended by itself since
                self.emulator.keep(uuid)

    def _leave(self, view: Ukrom) -> None:
        self._active.remove(view)
        if all(other.lasting for other in self._active):
            self.emulator.clock.reset()
        self._settle()

    def _settle(self) -> None:
        """Have everything as the innermost open view wants it; views may close in any order."""
        door, cloud = self.emulator.door, self.emulator.cloud
        self._patch.undo()
        if bool(self._active) is not self._door_is_open:
            self._door_is_open = not self._door_is_open
            door.start() if self._door_is_open else door.stop(clear=False, reset=False, quiet=True)
        if not self._active:
            return
        view = self._active[-1]
        # Any token is good for an account of its own; its machines must be no more real than the view's.
        cloud.runner = view.account.runner or self.runner
        for name, value in variables(view, os.environ).items():
            if value is None:
                self._patch.delenv(name, raising=False)
            else:
                self._patch.setenv(name, value)


def _started(settings: Settings) -> Emulator:
    emulator = Emulator(settings)
    try:
        emulator.start()
    except UkromError as error:
        pytest.fail(f"the emulator cannot start: {error}", pytrace=False)
    return emulator


def _nothing() -> None:
    pass
