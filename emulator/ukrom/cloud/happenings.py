"""What happens to instances, told to whoever depends on it: volumes, changes, restarts, autokill.

So the lifecycle need not know what follows from a start or a stop. Whoever listens is called under the
cloud's lock, in the order in which they began to listen; see `Cloud`.
"""

from __future__ import annotations

from collections import defaultdict
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .instances.instance import Instance

__all__ = ["Happening", "Happenings"]


class Happening(Enum):
    """Something that happened to an instance."""

    CREATED = auto()  # it was made
    STARTED = auto()  # a run began; its machine is not there yet
    UP = auto()  # its application runs
    STOPPED = auto()  # it came to rest, in `stopped` or `standby`, and has no machine any more
    FROZEN = auto()  # it became a template
    TRAFFIC = auto()  # the gateway handed it something, or got something back
    REMOVED = auto()  # it was deleted


class Happenings:
    """Who wants to know what of one cloud."""

    def __init__(self) -> None:
        self._listeners: defaultdict[Happening, list[Callable[[Instance], object]]] = defaultdict(list)

    def on(self, happening: Happening, call: Callable[[Instance], object]) -> None:
        """Have `call` called whenever it happens."""
        self._listeners[happening].append(call)

    def tell(self, happening: Happening, instance: Instance) -> None:
        """Tell that it happened."""
        for call in self._listeners[happening]:
            call(instance)
