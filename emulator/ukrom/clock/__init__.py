"""Time as the platform sees it: a port, the machine's own time, and one that tests hold in their hands.

Whatever the cloud does by time (time-outs, cool-downs, back-off) asks a `Clock`.
"""

from .ports import Clock, Timer
from .real import RealClock
from .virtual import Freeze, VirtualClock

__all__ = ["Clock", "Freeze", "RealClock", "Timer", "VirtualClock"]
