"""Whose turn it is: machines share this host's memory and processors with those of other workers and runs."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from ukrom.errors import BootFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.host import Budget, Claim

__all__ = ["Turn", "Turns"]

_OVERHEAD_MB = 64
"""What QEMU takes beside the guest's memory: translated code, devices. Measured: 40 to 60 MiB."""
_STARTING = ("starts", "cold")
_PATIENCE_S = 300.0


class Turn:
    """A machine's share: of memory while it lives, of processors while it starts."""

    def __init__(self, claim: Claim | None = None) -> None:
        self._claim = claim

    def settled(self) -> None:
        """Let the next machine start: this one has come up."""
        if self._claim is not None:
            for resource in _STARTING:
                self._claim.reduce(resource)

    def end(self) -> None:
        """Give everything back."""
        if self._claim is not None:
            self._claim.release()


class Turns:
    """Hands out turns; with no budget, to everybody at once."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget

    async def take_at_once(self, memory_mb: int, label: str) -> Turn | None:
        """A share of the memory, if nobody has to wait for it; None otherwise.

        Args:
            memory_mb: The guest's memory in MiB.
            label: What others are told.
        """
        if self._budget is None:
            return Turn()
        try:
            async with asyncio.timeout(0):
                return Turn(await self._budget.claim({"memory": memory_mb + _OVERHEAD_MB}, label))
        except TimeoutError:
            return None

    def alone(self) -> bool:
        """Whether no other process has machines."""
        if self._budget is None:
            return True
        return all(holder.pid == os.getpid() for holder in self._budget.holders())

    async def take(
        self, memory_mb: int, label: str, *, cold: bool, waiting: Callable[[str], None] | None = None
    ) -> Turn:
        """Wait until a machine may start.

        Args:
            memory_mb: The guest's memory in MiB.
            label: What others are told who wait for it.
            cold: Whether its kernel boots, which under emulation only one does at a time.
            waiting: Told once, in a sentence, if it has to wait.

        Raises:
            BootFailed: It had to wait for too long: two processes may each have machines and wait for
                the memory of the other's.
        """
        if self._budget is None:
            return Turn()
        reason = ""

        def told(why: str) -> None:
            nonlocal reason
            reason = why
            if waiting is not None:
                waiting(why)

        # Not both: a cold boot that waits for its turn would keep a processor from those that could start.
        amounts = {"memory": memory_mb + _OVERHEAD_MB, "cold" if cold else "starts": 1}
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return Turn(await self._budget.claim(amounts, label, told))
        except TimeoutError:
            raise BootFailed(
                f"It was not the turn of {label} within {_PATIENCE_S:.0f} s: {reason}.",
                remedy="Run fewer VMs at a time, or let them take more memory: UKROM_BUDGET_MB.",
            ) from None
