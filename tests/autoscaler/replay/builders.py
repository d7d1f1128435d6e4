"""Small runs for tests: sessions by hand, and a controller that does what a test says at its times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from autoscaler.replay.controller import Controller
from autoscaler.replay.engine import Pool
from autoscaler.replay.measures import Measures
from autoscaler.replay.sessions import sessions_of
from autoscaler.replay.setting import Setting


@dataclass(slots=True)
class Script:
    """Does what is written for a time, when it comes."""

    acts: Mapping[float, Callable[[Pool], None]] = field(default_factory=dict)
    every: float = 1.0

    def step(self, pool: Pool) -> None:
        act = self.acts.get(pool.now)
        if act is not None:
            act(pool)


def a_setting(*, end: float = 1000.0, begin: float = 0.0, slots: int = 2, initial: int = 1) -> Setting:
    """Pods start in exactly 60 s."""
    return Setting(0.0, begin, end, slots=slots, pod_spread=0.0, initial=initial)


def a_pool(
    *spans: tuple[float, float], controller: Controller | None = None, setting: Setting | None = None, seed: int = 1
) -> Pool:
    """`spans` are starts and lengths."""
    return Pool(sessions_of("eu", spans), setting or a_setting(), controller or Script(), Random(seed))


def played(
    *spans: tuple[float, float], controller: Controller | None = None, setting: Setting | None = None
) -> Measures:
    """The measures of such a pool's run."""
    return a_pool(*spans, controller=controller, setting=setting).run()
