"""The cloud: everything that the platform knows, in one object."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ukrom.clock import RealClock
from ukrom.names import Names

from .accounts import Account, user_of
from .agenda import Agenda
from .autokill import Autokilling
from .changes.changes import Changes
from .gateway import Gateway
from .groups.domains import DomainTable, metro_code
from .guard import Guard
from .happenings import Happening, Happenings
from .images.pins import Pins
from .instances.lifecycle import Lifecycle
from .instances.restarts import Restarts
from .instances.sleeping import Sleeping
from .instances.snapshots import Snapshots
from .instances.templates import Templates
from .settings import Settings
from .space import Space
from .volumes.volumes import Volumes
from .waits import Waits

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ukrom.clock import Clock

    from .instances.instance import Instance, Run
    from .instances.states import State, StopReason
    from .ports import ImageStore, Machine, Runner

__all__ = ["Cloud", "InstanceSnapshot"]


@dataclass(frozen=True, slots=True)
class InstanceSnapshot:
    """An instance at one moment, for reports and fixtures."""

    uuid: UUID
    name: str
    metro: str
    state: State
    image: str
    """The reference, as it was asked for."""
    created_at: datetime
    console: bytes
    """Everything printed over all starts."""
    failure: str | None
    """Why it stopped or never ran, in a sentence."""
    stop_reason: StopReason | None
    exit_code: int | None
    stop_code: int | None


class Cloud:
    """Unikraft Cloud without the machines, the sockets and the files.

    Every call may come from any thread and returns at once.

    Args:
        settings: What an operator may change.
        runner: Boots machines for accounts that have no runner of their own; may be replaced.
        images: Where image references lead.
        clock: The time.
        seed: Fixes UUIDs and random names, for each account apart; None takes the system's randomness.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        runner: Runner,
        images: ImageStore,
        clock: Clock | None = None,
        seed: int | str | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.runner = runner
        self.images = images
        self.clock: Clock = clock or RealClock()
        self._seed = seed
        self.guard = Guard()
        self.waits = Waits(self.guard, self.clock)
        self.agenda = Agenda(self.clock, self.guard)
        self.snapshots = Snapshots()
        self.happenings = Happenings()
        self.domains = DomainTable(self.settings)
        self.lifecycle = Lifecycle(self)
        self.gateway = Gateway(self)
        # They hear of instances in this order: a stop lets volumes go, then changes what waited for it,
        # and only then may be followed by a restart or a deletion. A template's alarms are cleared before
        # its autokill is set.
        self.volumes = Volumes(self)
        self.changes = Changes(self)
        self.templates = Templates(self)
        self.restarts = Restarts(self)
        self.sleeping = Sleeping(self)
        self.autokill = Autokilling(self)
        self.pins = Pins(self)
        self._accounts: dict[str, Account] = {}
        self._spaces: dict[tuple[str, Account], Space] = {}
        self._instances: dict[UUID, Instance] = {}
        self._addresses: dict[str, int] = {}

    def account(self, token: str) -> Account:
        """Give the account of a bearer token; every token has one (specification, Part A.7)."""
        user = user_of(token)
        with self.guard:
            account = self._accounts.get(user)
            if account is None:
                account = self._open(user, token)
            return account

    def open_account(self, name: str, runner: Runner | None = None) -> Account:
        """Give the account of a user, made if need be.

        Args:
            name: The user; no colon.
            runner: Boots this account's machines from now on; None means the cloud's own.
        """
        with self.guard:
            account = self._accounts.get(name)
            if account is None:
                account = self._open(name, None)
            account.runner = runner
            return account

    def _open(self, user: str, token: str | None) -> Account:
        names = Names(None if self._seed is None else f"{self._seed}/{user}")
        if token is None:
            token = base64.b64encode(f"{user}:{names.suffix(24)}".encode()).decode()
        account = self._accounts[user] = Account(user, token, names.uuid(), names)
        return account

    def reseed(self, account: Account, place: str) -> None:
        """Begin an account's UUIDs and random names anew; does nothing where chance has no seed.

        Args:
            account: Whose. It must have nothing left: the same would be made again.
            place: Where it begins, beside the cloud's seed and the account's user; any text.
        """
        if self._seed is not None:
            account.names = Names(f"{self._seed}/{account.user}/{place}")

    def accounts(self) -> tuple[Account, ...]:
        """Give all accounts, oldest first."""
        with self.guard:
            return tuple(self._accounts.values())

    def close_account(self, account: Account) -> None:
        """Delete everything of an account, and the account: its token leads to a new one from now on."""
        with self.guard:
            self.reset(account)
            self._spaces = {key: space for key, space in self._spaces.items() if key[1] is not account}
            if self._accounts.get(account.user) is account:
                del self._accounts[account.user]

    def metro(self, code: str) -> str | None:
        """Give the metro that a code means, old codes included, or None if the cloud lacks it."""
        metro = metro_code(code, self.settings.metros)
        return metro if metro in self.settings.metros else None

    def space(self, account: Account, metro: str | None = None) -> Space:
        """Give what an account has in a metro, by default the first one; use it under `guard`."""
        key = (metro or self.settings.metros[0], account)
        space = self._spaces.get(key)
        if space is None:
            space = self._spaces[key] = Space(self, *key)
        return space

    def spaces(self, account: Account) -> tuple[Space, ...]:
        """Give what an account has, metro by metro; use it under `guard`."""
        return tuple(space for (_, owner), space in self._spaces.items() if owner is account)

    def instances(self, account: Account) -> tuple[InstanceSnapshot, ...]:
        """Give the instances of an account over all metros, oldest first."""
        with self.guard:
            found = [_snapshot(one) for space in self.spaces(account) for one in space.instances]
        return tuple(sorted(found, key=lambda snapshot: snapshot.created_at))

    def machine(self, uuid: UUID) -> Machine | None:
        """Give the runner's machine of an instance, or None while it has none."""
        with self.guard:
            instance = self._instances.get(uuid)
            run = None if instance is None else instance.run
            return None if run is None else run.machine

    def last_machine(self, uuid: UUID) -> Machine | None:
        """Give the machine of an instance, or the one that it had last, for reports."""
        with self.guard:
            instance = self._instances.get(uuid)
            if instance is None:
                return None
            return instance.last_machine if instance.run is None else instance.run.machine

    def reset(self, account: Account) -> None:
        """Delete everything of an account at once and end its machines; delete locks do not count."""
        with self.guard:
            for space in self.spaces(account):
                # Whoever waited for one of them may delete or make others thereupon.
                while (instance := next(iter(space.instances), None)) is not None:
                    self.remove(instance)
                space.drop_groups()
                self.volumes.drop_all(space)
                self.pins.drop_all(space)
            self.waits.changed()

    def close(self) -> None:
        """Delete everything of everybody; whoever waits for something gets an answer at once."""
        with self.guard:
            for account in tuple(self._accounts.values()):
                self.reset(account)

    def enter(self, instances: list[Instance]) -> None:
        """Make new instances known by UUID; under `guard`."""
        for instance in instances:
            self._instances[instance.uuid] = instance
            self.happenings.tell(Happening.CREATED, instance)

    def enter_loaded(self, instances: list[Instance]) -> None:
        """Make instances known that were made before, elsewhere or in another run; under `guard`."""
        for instance in instances:
            self._instances[instance.uuid] = instance
            for interface in instance.interfaces:
                number = int.from_bytes(bytes(map(int, interface.private_ip.split(".")))[1:])
                self._addresses[instance.metro] = max(self._addresses.get(instance.metro, 1), number)

    def dump(self, account: Account) -> dict[str, Any]:
        """Give the whole state of an account as plain JSON (see `documents.writing.dump`)."""
        from .documents.writing import dump  # noqa: PLC0415 - pydantic, which images do without, takes 0.1 s

        return dump(self, account)

    def load(self, account: Account, document: Any) -> None:
        """Give an account the state of a dump, in the place of its own (see `documents.reading.load`).

        Raises:
            StateError: It is no state of an account, or does not fit into this cloud.
        """
        from .documents.reading import load  # noqa: PLC0415 - as for `dump`

        load(self, account, document)

    def remove(self, instance: Instance) -> Run | None:
        """Delete an instance and end its machine; under `guard`.

        Returns:
            The run that was cut off, to wait until its machine is gone.
        """
        self.agenda.clear(instance)
        self.snapshots.release(instance, self.runner_of(instance))
        self._instances.pop(instance.uuid, None)
        self.space(instance.account, instance.metro).remove(instance)
        self.happenings.tell(Happening.REMOVED, instance)
        # Last of all: whoever waits for its memory is told, and may not find it any more.
        run = self.lifecycle.abandon(instance)
        self.waits.changed()
        return run

    def next_address(self, metro: str) -> int:
        """Give the number of the next private address in a metro; under `guard`."""
        # The first two belong to the network and its gateway.
        number = self._addresses[metro] = self._addresses.get(metro, 1) + 1
        return number

    def speed(self, instance: Instance) -> float:
        """Give how much longer than usual things take on an instance's runner."""
        return self.runner_of(instance).speed

    def runner_of(self, instance: Instance) -> Runner:
        """Give what boots the machines of an instance."""
        return instance.account.runner or self.runner


def _snapshot(instance: Instance) -> InstanceSnapshot:
    return InstanceSnapshot(
        uuid=instance.uuid,
        name=instance.name,
        metro=instance.metro,
        state=instance.state,
        image=instance.source.order.reference,
        created_at=instance.created_at,
        console=bytes(instance.console),
        failure=instance.failure,
        stop_reason=instance.stop_reason,
        exit_code=instance.exit_code,
        stop_code=instance.stop_code,
    )
