"""Several autoscalers and one Lease: killed, stopped for twenty seconds, told to leave."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from autoscaler.leases import Terms
from autoscaler.rights import LEASE, Right
from tests.autoscaler.io.kubernetes import candidate
from tests.autoscaler.io.kubernetes.real import Real

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]
ROOT = Path(__file__).parents[4]


class Candidate:
    """One process of candidate.py; its lines go to a file."""

    def __init__(self, kubeconfig: Path, namespace: str, log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, candidate.__file__, str(kubeconfig), namespace, "office"], stdout=out, cwd=ROOT
            )

    @property
    def lines(self) -> list[tuple[float, bool]]:
        """(when, whether it led), whole lines only."""
        said = self._log.read_text()
        whole = said[: said.rfind("\n") + 1].splitlines()
        lines = [json.loads(line) for line in whole if line.startswith("{")]  # the others are its log
        return [(line["at"], line["leads"]) for line in lines]

    @property
    def leads(self) -> bool:
        """As it said last."""
        return bool(self.lines) and self.lines[-1][1]

    def times(self) -> Iterator[tuple[float, float]]:
        """From and until when it led, as far as it said so."""
        begun = last = None
        for at, leads in [*self.lines, (float("inf"), False)]:
            if leads and begun is None:
                begun = at
            if not leads and begun is not None and last is not None:
                yield begun, last
                begun = None
            last = at


@pytest.fixture
def crowd(fleet: Real, tmp_path: Path) -> Iterator[list[Candidate]]:
    found = [Candidate(fleet.place.kubeconfig, fleet.namespace, tmp_path / f"{number}.log") for number in range(3)]
    yield found
    for each in found:
        each.process.kill()
        each.process.wait()


@pytest.mark.timeout(900)
async def test_there_is_one_leader_at_any_time_whatever_happens_to_it(fleet: Real, crowd: list[Candidate]) -> None:
    async def led() -> Candidate | None:
        leading = [each for each in crowd if each.process.poll() is None and each is not gone and each.leads]
        return leading[0] if len(leading) == 1 else None

    gone: Candidate | None = None
    first: Candidate = await fleet.until(led)

    gone = first
    first.process.kill()
    second: Candidate = await fleet.until(led, seconds=25)

    gone = second
    second.process.send_signal(signal.SIGSTOP)
    third: Candidate = await fleet.until(led, seconds=25)
    stopped_at = second.lines[-1][0]
    await fleet.until(lambda: _is_past(third, stopped_at + 20.0), seconds=25)
    second.process.send_signal(signal.SIGCONT)
    await fleet.until(lambda: _is_past(second, stopped_at + 21.0))
    assert not any(leads for at, leads in second.lines if at > stopped_at)

    gone = third
    third.process.send_signal(signal.SIGTERM)
    assert await fleet.until(led, seconds=6) is second
    assert third.process.wait(timeout=10) == 0
    for one, other in combinations(crowd, 2):
        assert not [(a, b) for a in one.times() for b in other.times() if a[0] <= b[1] and b[0] <= a[1]]


async def _is_past(who: Candidate, moment: float) -> bool:
    return bool(who.lines) and who.lines[-1][0] > moment


@pytest.mark.parametrize("right", LEASE, ids=lambda right: f"{right.verb}-{right.path}")
async def test_without_a_right_on_leases_nobody_leads_for_long_and_it_is_said_which(fleet: Real, right: Right) -> None:
    cluster = await fleet.autoscaler(without=(right.verb, right.path))
    leader = cluster.leader(
        fleet.namespace, "office", Terms(duration=3.0, renew_deadline=2.0, retry=0.5, write_seconds=1.0)
    )
    standing = asyncio.create_task(leader.run())
    try:

        async def is_said() -> bool:
            return f"cannot {right.verb} resource" in leader.detail and not leader.is_leading

        await fleet.until(is_said)
    finally:
        standing.cancel()
        await asyncio.wait({standing})
