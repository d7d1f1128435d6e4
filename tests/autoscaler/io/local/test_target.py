"""Real processes: started, started again, asked to leave, and killed where they do not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autoscaler.decision import Removal
from autoscaler.io.local import target as local
from autoscaler.io.local.recipe import Recipe
from autoscaler.io.local.target import LocalProcesses
from autoscaler.io.target import Failed, Lost, Written
from autoscaler.observation import MemberSeen, Phase, TargetSeen
from autoscaler.policy import MOST_PROCESSES
from tests.builders import a_worker_id

SOON = 20.0
WAITS = "import sys; sys.stdin.read()"
STUBBORN = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('x', file=sys.stderr); sys.stdin.read()"


def a_recipe(program: str = WAITS, **environment: str) -> Recipe:
    return Recipe("w", (sys.executable, "-c", program), {**os.environ, **environment})


@asynccontextmanager
async def running(recipe: Recipe, replicas: int = 1) -> AsyncIterator[LocalProcesses]:
    """A target that runs, closed at the end."""
    target = LocalProcesses(recipe, replicas, lambda: 1000.0)
    work = asyncio.create_task(target.run())
    try:
        yield target
    finally:
        target.kill()
        await target.close()
        work.cancel()
        await asyncio.wait({work})


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON):
        while not holds():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


async def members(target: LocalProcesses) -> tuple[MemberSeen, ...]:
    seen = await target.look()
    assert isinstance(seen, TargetSeen)
    return seen.members


def removal(member: MemberSeen) -> Removal:
    return Removal(a_worker_id(), member.member)


async def test_it_fills_its_places_and_each_process_knows_which_member_it_is(tmp_path: Path) -> None:
    says = (
        f"import os, sys; os.chdir({str(tmp_path)!r}); environ = os.environ\n"
        "open(environ['MOORAGE_WORKER_NAME'], 'w').write(environ['MOORAGE_POD_UID'])\n"
        "sys.stdin.read()"
    )

    async with running(a_recipe(says), replicas=2) as target:
        await until(
            lambda: all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in ("w-1", "w-2"))
        )
        seen = await members(target)

    assert {member.name: member.member for member in seen} == {
        name: (tmp_path / name).read_text() for name in ("w-1", "w-2")
    }
    assert all(member.phase is Phase.RUNNING and member.is_ready and member.created_at == 1000.0 for member in seen)


async def test_it_grows_by_compare_and_swap_only() -> None:
    async with running(a_recipe()) as target:
        lost = await target.raise_to(3, was=2)
        raised = await target.raise_to(3, was=1)
        await until(lambda: len(target.lives) == 3)

    assert isinstance(lost, Lost)
    assert raised == Written(3)


async def test_exactly_the_named_members_go_and_their_places_are_filled_again_later() -> None:
    async with running(a_recipe(), replicas=3) as target:
        await until(lambda: len(target.lives) == 3)
        first, second, third = await members(target)

        answer = await target.remove([removal(second)], was=3)
        left = await members(target)
        await target.raise_to(3, was=2)
        again = await members(target)

    assert answer == Written(2, (removal(second),))
    assert [member.member for member in left] == [first.member, third.member]
    assert [member.name for member in again] == ["w-1", "w-2.2", "w-3"]
    assert again[1].member != second.member


async def test_a_member_that_is_not_known_is_not_removed() -> None:
    async with running(a_recipe()) as target:
        answer = await target.remove([Removal(a_worker_id(), "somebody else")], was=1)

    assert answer == Written(1, ())


async def test_a_process_that_dies_is_replaced_by_another_member() -> None:
    async with running(a_recipe()) as target:
        await until(lambda: target.lives)
        (before,) = await members(target)
        os.kill(target.lives[0].pid, signal.SIGKILL)

        await until(lambda: target.lives and target.lives[0].name == "w-1.2")
        (after,) = await members(target)

    assert after.member != before.member


async def test_who_removes_a_member_that_just_died_gets_its_place_removed() -> None:
    async with running(a_recipe()) as target:
        await until(lambda: target.lives)
        (before,) = await members(target)
        os.kill(target.lives[0].pid, signal.SIGKILL)
        await until(lambda: not target.lives)

        answer = await target.remove([removal(before)], was=1)

    assert answer == Written(0, (removal(before),))


async def test_a_process_that_cannot_start_is_pending_and_then_failing() -> None:
    async with running(Recipe("w", ("/no/such/program",), {})) as target:
        phases = set()
        async with asyncio.timeout(SOON):
            while Phase.FAILING not in phases:
                phases.add((await members(target))[0].phase)
                await asyncio.sleep(0.05)

    assert phases == {Phase.PENDING, Phase.FAILING}


async def test_a_process_that_does_not_leave_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "STOP_WITHIN", 0.5)
    async with running(a_recipe(STUBBORN)) as target:
        await until(lambda: target.lives)
        pid = target.lives[0].pid
        (member,) = await members(target)

        assert await target.remove([removal(member)], was=1) == Written(0, (removal(member),))

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_more_than_a_machine_should_have_is_refused() -> None:
    async with running(a_recipe()) as target:
        assert isinstance(await target.raise_to(MOST_PROCESSES + 1, was=1), Failed)


async def test_nothing_starts_any_more_once_it_is_closed() -> None:
    async with running(a_recipe(), replicas=2) as target:
        await until(lambda: len(target.lives) == 2)
        await target.close()

        assert await members(target) == ()
        assert isinstance(await target.raise_to(1, was=0), Failed)


def test_members_share_an_address_and_so_none_takes_the_port_of_a_pod() -> None:
    recipe = Recipe("example", ("true",), {"MOORAGE_POD_IP": "10.0.0.7", "MOORAGE_WORKER_PORT": "7410"})

    environment = recipe.environment_of("example-1", "member")

    assert (environment["MOORAGE_POD_IP"], environment["MOORAGE_WORKER_PORT"]) == ("", "0")
