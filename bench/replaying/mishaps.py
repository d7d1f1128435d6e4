"""When faults are in force: at the hours at which they hurt most."""

from __future__ import annotations

from autoscaler.replay.faults import Fault
from bench.replaying.cycle import CROWD_SIGN, DAY, HOUR
from bench.replaying.scenes import Stage

AT_PEAK = 1200.0  # of an empty vector, 5xx, NaN, half of the pods
API_DOWN = 300.0
NO_LEADER = 20.0
FAULTS = tuple(fault for fault in Fault if fault is not Fault.NONE)
SCENES_WITH_FAULTS = ("flights", "cycle", "crowd")

_PEAK = {"flights": 17.0, "cycle": 14.8}  # hours of the day
_RISE = {"flights": 6.0, "cycle": 9.5}
_FROZEN = {"flights": (4.5, 9.0), "cycle": (7.0, 11.0)}


def spans(scene: str, fault: Fault, stage: Stage) -> tuple[tuple[float, float], ...]:
    """Each day of the trace, or once around the flash crowd."""
    if fault is Fault.NONE:
        return ()
    if scene == "crowd":
        return (_around_the_crowd(fault),)
    first, last = stage.setting.begin, stage.setting.end
    return tuple(_on(scene, fault, first + day * DAY) for day in range(int((last - first) / DAY)))


def _on(scene: str, fault: Fault, midnight: float) -> tuple[float, float]:
    peak, rise = midnight + _PEAK[scene] * HOUR, midnight + _RISE[scene] * HOUR
    match fault:
        case Fault.FROZEN:
            begin, end = _FROZEN[scene]
            return midnight + begin * HOUR, midnight + end * HOUR
        case Fault.API:
            return rise, rise + API_DOWN
        case Fault.LEADER:
            return rise, rise + NO_LEADER
        case _:
            return peak, peak + AT_PEAK


def _around_the_crowd(fault: Fault) -> tuple[float, float]:
    match fault:
        case Fault.FROZEN:
            return CROWD_SIGN - 600.0, CROWD_SIGN + 3600.0
        case Fault.API:
            return CROWD_SIGN, CROWD_SIGN + API_DOWN
        case Fault.LEADER:
            return CROWD_SIGN + 10.0, CROWD_SIGN + 10.0 + NO_LEADER
        case _:
            return CROWD_SIGN + 600.0, CROWD_SIGN + 600.0 + AT_PEAK
