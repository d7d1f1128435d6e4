"""Which harm comes when: a schedule drawn from a seed, the same for the same seed and fleet. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import Enum


class Harm(Enum):
    """One kind of harm, and the word of the history for it."""

    KILL = "killed"  # kill -9, and started again after a while
    STOP = "stopped"  # SIGSTOP, then SIGCONT
    CUT = "cut"  # nothing passes, then all connections are reset
    STEP = "stepped"  # the wall clock of one process is an hour off
    FLUSH = "flushed"  # the store is killed, and starts again without its data
    FILL = "full"  # the store takes no more: maxmemory, noeviction


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: so many seconds after the one before, against whom, for how long."""

    after: float
    harm: Harm
    target: str
    seconds: float
    by: int = 0  # seconds of a clock's step

    def __str__(self) -> str:
        by = f" by {self.by:+d} s" if self.by else ""
        return f"+{self.after:.1f} s {self.harm.value} {self.target}{by} for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who can be harmed."""

    gateways: tuple[str, ...]
    workers: tuple[str, ...]  # places: a life that begins anew has another name
    controlplanes: tuple[str, ...]
    has_clocks: bool = True

    @property
    def programs(self) -> tuple[str, ...]:
        """All that are ours."""
        return (*self.gateways, *self.workers, *self.controlplanes)


def schedule(seed: int, seconds: float, cast: Cast) -> list[Step]:
    """Faults one after the other, some before the one before is over, never two against the same target at once."""
    draw = random.Random(seed)
    steps: list[Step] = []
    busy: dict[str, float] = {}
    at = before = 0.0
    while True:
        after = draw.uniform(1.0, 7.0)
        if at + after > seconds:
            return steps
        step = _drawn(draw, after, cast)
        program = step.target.partition(":")[0]
        at += after
        if busy.get(program, 0.0) <= at:
            busy[program] = at + step.seconds + 1.0
            steps.append(replace(step, after=at - before))
            before = at


def _drawn(draw: random.Random, after: float, cast: Cast) -> Step:
    kinds = [(30, Harm.KILL), (25, Harm.STOP), (20, Harm.CUT), (8, Harm.FILL), (4, Harm.FLUSH)]
    if cast.has_clocks:
        kinds.append((13, Harm.STEP))
    harm = draw.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0]
    match harm:
        case Harm.KILL:
            return Step(after, harm, draw.choice((*cast.programs, "store")), draw.uniform(0.5, 4.0))
        case Harm.STOP:
            return Step(after, harm, draw.choice((*cast.programs, "store")), draw.choice((3.0, 3.0, 10.0)))
        case Harm.CUT:
            ends = [f"{name}:store" for name in (*cast.gateways, *cast.controlplanes)]
            ends += [f"{name}:link" for name in cast.workers]
            return Step(after, harm, draw.choice(ends), draw.choice((2.0, 4.0, 8.0)))
        case Harm.STEP:
            return Step(after, harm, draw.choice(cast.programs), draw.uniform(3.0, 8.0), draw.choice((-3600, 3600)))
        case Harm.FLUSH | Harm.FILL:
            return Step(after, harm, "store", draw.uniform(1.0, 4.0))
