"""A history is a list of steps, each with chance of its own: what is left out of it does not change what the others are,
so that a failing one can be made short. `play` runs one against fresh stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random

from scheduler.policy import SchedulerPolicy
from tests.scheduler.builders import FAR, NEAR
from tests.scheduler.twins import fleet_acts, loss_acts, scaling_acts, session_acts, worker_acts
from tests.scheduler.twins.pair import Dice, Differs, Twins
from tests.scheduler.twins.play import Play
from tests.scheduler.world import Clock, closed, opened

from scheduler.io.redis.store import RedisStore  # isort: skip

Act = Callable[[Play], Awaitable[None]]
MakeRedis = Callable[[Clock, SchedulerPolicy, Dice], RedisStore]

ACTS: dict[str, tuple[int, Act]] = {
    "claim_new": (14, session_acts.claim_new),
    "claim_again": (14, session_acts.claim_again),
    "claim_while_waiting": (3, session_acts.claim_while_waiting),
    "confirm": (5, session_acts.confirm),
    "leave_queue": (2, session_acts.leave_queue),
    "move": (3, session_acts.move),
    "seek_on": (7, session_acts.seek_on),
    "release": (3, session_acts.release),
    "suspend": (7, session_acts.suspend),
    "checkpoint": (3, session_acts.checkpoint),
    "extend": (2, session_acts.extend),
    "end": (6, session_acts.end),
    "ask_to_end": (2, session_acts.ask_to_end),
    "probed": (3, session_acts.probed),
    "look_at_one": (2, session_acts.look_at_one),
    "register": (5, worker_acts.register),
    "register_again": (4, worker_acts.register_again),
    "heartbeat": (6, worker_acts.heartbeat),
    "change_duty": (4, worker_acts.change_duty),
    "drain": (2, worker_acts.drain),
    "retire": (1, worker_acts.retire),
    "remove": (1, worker_acts.remove),
    "direct": (1, worker_acts.direct),
    "complain": (3, worker_acts.complain),
    "silence": (3, worker_acts.silence),
    "join": (2, fleet_acts.join),
    "renew": (1, fleet_acts.renew),
    "adopt": (3, fleet_acts.adopt),
    "leave": (1, fleet_acts.leave),
    "fall_silent": (1, fleet_acts.fall_silent),
    "cordon_gateway": (1, fleet_acts.cordon_gateway),
    "move_away": (2, fleet_acts.move_away),
    "revoke": (1, fleet_acts.revoke),
    "seed": (1, fleet_acts.seed),
    "end_seeded": (1, fleet_acts.end_seeded),
    "use_board": (1, fleet_acts.use_board),
    "publish_pool": (3, scaling_acts.publish_pool),
    "use_scaling": (1, scaling_acts.use_scaling),
    "let_time_pass": (10, fleet_acts.let_time_pass),
    "oversleep": (1, fleet_acts.oversleep),
    "return_from_before": (0, loss_acts.return_from_before),
    "adopt_what_was": (0, loss_acts.adopt_what_was),
}
AFTER_A_LOSS = ("return_from_before", "adopt_what_was", "claim_new", "claim_again", "heartbeat", "end", "let_time_pass")
CALM_SWEEPS = 48
POLICY = SchedulerPolicy(
    soft_cap=0.6,  # so that workers of few slots have both sides of it
    queue_waiters=7,
    queue_waiters_per_workspace=4,
    directives_per_worker=6,
    worker_lost_after=4.5,
    reservation=7.0,
    full_retry_seconds=1.5,
)

_BOUNDS_OF_EACH_REGION = {"queue_waiters": 10_000, "queue_waiters_per_workspace": 5_000}  # in memory of all together


@dataclass(frozen=True, slots=True)
class Step:
    """One act, and the seed of its chance."""

    act: str
    seed: int


def a_history(seed: int, length: int, *, is_after_loss: bool = False) -> list[Step]:
    """Always the same for one seed."""
    chance = Random(seed)
    names = list(ACTS)
    weights = [ACTS[name][0] for name in names]
    first = chance.choices(AFTER_A_LOSS, (4, 4, 2, 1, 1, 1, 1), k=12) if is_after_loss else []
    acts = [*first, *chance.choices(names, weights, k=length - len(first))]
    return [Step(name, chance.getrandbits(32)) for name in acts]


async def play(make: MakeRedis, regions: tuple[str, ...], steps: list[Step]) -> list[str]:
    """Plays them; answers what was said. Raises Differs, with the story so far."""
    twins = Twins(make, POLICY if len(regions) == 1 else replace(POLICY, **_BOUNDS_OF_EACH_REGION))
    assert isinstance(twins.redis.store, RedisStore)
    await opened(twins.redis.store)
    try:
        await _play(Play(twins, regions), steps)
    except Differs as error:
        raise Differs("\n".join([*twins.story, str(error)])) from None
    finally:
        await closed(twins.redis.store)
    return twins.story


async def _play(stage: Play, steps: list[Step]) -> None:
    stage.chance = Random(len(stage.regions))
    if any(step.act in AFTER_A_LOSS[:2] for step in steps):
        stage.chance = Random(steps[0].seed)
        loss_acts.lose_data(stage)
    await stage.twins.step("sweep", lambda one: one.store.sweep())
    for gateway in (NEAR, FAR):
        await fleet_acts.bring_on(stage, gateway)
    for step in steps:
        stage.chance = Random(step.seed)
        stage.twins.clock.seconds += 0.002 + stage.chance.random() / 20
        await ACTS[step.act][1](stage)
        stage.note()
    await fleet_acts.advance(stage, CALM_SWEEPS)


async def shortest(make: MakeRedis, regions: tuple[str, ...], steps: list[Step], tries: int = 150) -> list[Step]:
    """A shorter history that fails too: parts are left out, halves first, then single steps."""
    size = max(1, len(steps) // 2)
    while size and tries:
        at = 0
        while at < len(steps) and tries:
            tries -= 1
            shorter = steps[:at] + steps[at + size :]
            if await _fails(make, regions, shorter):
                steps = shorter
            else:
                at += size
        size //= 2
    return steps


async def _fails(make: MakeRedis, regions: tuple[str, ...], steps: list[Step]) -> bool:
    try:
        await play(make, regions, steps)
    except Differs:
        return True
    return False
