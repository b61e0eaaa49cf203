"""How instances become templates (specification, Parts D.9 and D.16)."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.cloud.happenings import Happening
from ukrom.cloud.orders import NO_AUTOKILL
from ukrom.cloud.refusals import Refusal
from ukrom.cloud.values import check_autokill
from ukrom.cloud.waits import Wait

from .states import State

if TYPE_CHECKING:
    from uuid import UUID

    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.orders import Autokill
    from ukrom.cloud.waits import Steps

    from .instance import Instance

__all__ = ["Conversion", "Templates"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Conversion:
    """An instance on its way to become a template."""

    instance: Instance
    error: str | None = None
    """Why it did not become one, in a sentence."""
    ended: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.ended or self.instance.state in {State.TEMPLATE, State.DELETED}


class Templates:
    """Makes templates out of the instances of one cloud. All calls are made under the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.awaited: Counter[UUID] = Counter()
        """How many calls wait for an instance to become a template on demand."""
        cloud.happenings.on(Happening.FROZEN, self._frozen)

    def convert(self, instance: Instance, autokill: Autokill | None) -> Conversion:
        """Make an instance a template, in place and for ever; one that runs is saved first.

        [choice]: one that does not run becomes one at once, "cold" unless it has a snapshot.

        Args:
            instance: It keeps its UUID, name and tags.
            autokill: The policy of the template; None means none.

        Raises:
            Refusal: Code 7 for a policy that cannot be, 11 for a state in which it cannot become one,
                1 if its runner cannot save it.
        """
        policy = NO_AUTOKILL if autokill is None else autokill
        check_autokill(policy)
        conversion = Conversion(instance)
        self._freeze(instance, policy, conversion)
        return conversion

    def written(self, instance: Instance) -> None:
        """Make an instance a template because its guest wrote to `/uk/libukp/template_instance`."""
        self._cloud.waits.spawn(self._obeyed(instance), lambda _: None)

    def _obeyed(self, instance: Instance) -> Steps[None]:
        run = instance.run
        # A snapshot for a branch may be under way, and there is one at a time.
        yield Wait(lambda: run is None or run.saving is None or run.over)
        if instance.run is not run or instance.state is not State.RUNNING:
            return  # it is on its way down, or becomes a template by somebody else's wish
        conversion = Conversion(instance)
        try:
            self._freeze(instance, instance.template_autokill, conversion)
        except Refusal as refusal:
            self._ended(conversion, refusal.message)

    def _freeze(self, instance: Instance, policy: Autokill, conversion: Conversion) -> None:
        before, instance.template_autokill = instance.template_autokill, policy
        try:
            self._cloud.lifecycle.freeze(instance, lambda error: self._ended(conversion, error))
        except Refusal:
            instance.template_autokill = before
            raise

    def _ended(self, conversion: Conversion, error: str | None) -> None:
        conversion.ended, conversion.error = True, error
        instance = conversion.instance
        if error is not None:
            _log.warning("instance %s did not become a template: %s", instance.name, error)
            if instance.preparing:
                instance.preparing, instance.failure = False, error
        self._cloud.waits.changed()

    def _frozen(self, instance: Instance) -> None:
        instance.preparing = False
        instance.restart = None
        self._cloud.agenda.clear(instance)
        self._cloud.space(instance.account, instance.metro).leave_group(instance)
