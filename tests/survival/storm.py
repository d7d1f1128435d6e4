"""Runs a schedule of harm against a house, waits until all has settled, and has the checker judge it."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from tests.survival.checker import Summary, check, summary
from tests.survival.history import History, write_history
from tests.survival.house import House, Plan
from tests.survival.scribe import now
from tests.survival.steps import Harm, Step
from tests.survival.verdicts import Violation

SETTLES_WITHIN = 90.0  # the longest way back: a lost session is given up after progress.absent_for, 45 s
LOOKS_EVERY = 1.0
TALKS_ON = 2.0  # after the last harm, so that there is somebody whose life goes on


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a storm."""

    summary: Summary
    violations: list[Violation]
    settled_after: float  # seconds from the last healing until nothing was wrong any more


async def weather(house: House, steps: list[Step]) -> None:
    """All of it, each step at its time, or once its program is back on its feet; returns when everything is healed."""
    locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    async with asyncio.TaskGroup() as tasks:
        for step in steps:
            await asyncio.sleep(step.after)
            tasks.create_task(_harm_in_turn(house, step, locks[step.target.partition(":")[0]]))


async def _harm_in_turn(house: House, step: Step, lock: asyncio.Lock) -> None:
    async with lock:
        await harm(house, step)


async def harm(house: House, step: Step) -> None:
    """One fault, from its injection to its healing."""
    target = step.target
    match step.harm:
        case Harm.KILL:
            await house.kill(target)
            await asyncio.sleep(step.seconds)
            await house.revive(target)
        case Harm.STOP:
            house.stop(target)
            await asyncio.sleep(step.seconds)
            house.go_on(target)
        case Harm.CUT:
            house.cut(target)
            await asyncio.sleep(step.seconds)
            house.mend(target)
        case Harm.STEP:
            house.step(target, step.by)
            await asyncio.sleep(step.seconds)
            house.step(target, 0)
        case Harm.FLUSH:
            await house.flush(step.seconds)
        case Harm.FILL:
            house.fill()
            await asyncio.sleep(step.seconds)
            house.empty()
        case _:
            assert_never(step.harm)


async def settle(house: House) -> Verdict:
    """Half of the clients leave, and once nothing is wrong with the others, these leave too. Judges both states.

    What needs time (a suspended session's end, a row that follows its event) has SETTLES_WITHIN; what is wrong after that, or
    was wrong before, is wrong.
    """
    await asyncio.sleep(TALKS_ON)
    healed_at = now()
    house.rest()
    violations = await _judged(house, await _as_it_is(house))
    settled_after = now() - healed_at
    if not violations:
        await house.leave()
        violations = await _judged(house, await _as_it_is(house), has_left=True)
    history = await house.history()
    return Verdict(summary(history, violations), violations, settled_after)


async def _as_it_is(house: House) -> History:
    await asyncio.sleep(LOOKS_EVERY)
    return await house.history()


async def _judged(house: House, history: History, *, has_left: bool = False) -> list[Violation]:
    """What stays wrong. Where all clients have left, a session that lives on is not wrong yet, but it must not stay."""
    deadline = now() + SETTLES_WITHIN
    while True:
        violations = check(history)
        is_settled = not violations and not (has_left and history.final.sessions)
        if is_settled or now() > deadline or _is_final(violations):
            return violations
        history = await _as_it_is(house)


def _is_final(violations: list[Violation]) -> bool:
    """What is over cannot heal."""
    return bool(violations) and all(violation.rule.is_of_the_past for violation in violations)


@asynccontextmanager
async def house_for(folder: Path, plan: Plan) -> AsyncIterator[House]:
    """A house; where the test fails, its history is kept and told."""
    async with House(folder, plan) as house:
        try:
            yield house
        except BaseException:
            await _keep(house)
            raise


async def survives(folder: Path, plan: Plan, steps: list[Step]) -> Verdict:
    """The whole of a test: build, harm, settle, judge. Raises AssertionError with the seed and where the history is."""
    async with house_for(folder, plan) as house:
        await weather(house, steps)
        verdict = await settle(house)
        sys.stdout.write(f"\n{verdict.summary}; settled after {verdict.settled_after:.1f} s\n")
        said = "\n".join(str(violation) for violation in verdict.violations[:20])
        told = "\n".join(str(step) for step in steps)
        assert not verdict.violations, f"seed {plan.seed}\n{told}\n{verdict.summary}\n{said}"
    return verdict


async def _keep(house: House) -> None:
    path = house.folder / "history.jsonl"
    try:
        write_history(path, await house.history())
    except Exception as error:
        path = house.folder
        sys.stdout.write(f"\nthe history could not be put together: {error!r}\n")
    seed = house.plan.seed
    sys.stdout.write(
        f"\nkept: {path}; the same faults again: pytest tests/survival --seed {seed} (logs are beside it)\n"
    )
