"""Decisions carried out: in which order, and what a refusal leaves out."""

from __future__ import annotations

from typing import Any, cast

from autoscaler.decision import Decision, Removal
from autoscaler.io.acting import Reach, carry_out
from autoscaler.io.target import Failed, Lost, Target, Written
from autoscaler.observation import Observation, TargetSeen
from autoscaler.records import Carried
from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.store import Store, Unavailable
from scheduler.values import Done, Refused
from tests.autoscaler.io.yard import POOL, REGION
from tests.builders import a_worker_id

A, B, C, D = (a_worker_id(number) for number in range(4))
SEEN = Observation(REGION, POOL, (), 0, TargetSeen(3))


class Quay:
    """A store and a target that write one log, and a leader."""

    is_leading = True

    def __init__(self, **refused: Exception | Refused) -> None:
        """`refused`: step -> what it answers or raises."""
        self.log: list[str] = []
        self.refused = refused
        self.answers: list[Lost | Failed] = []
        self.kept: bool = True

    async def run(self) -> None:
        """A leader needs it."""

    async def uncordon(self, worker: WorkerId) -> Done | Refused:
        return self._say("uncordon", worker)

    async def cordon(self, worker: WorkerId) -> Done | Refused:
        return self._say("cordon", worker)

    async def retire(self, worker: WorkerId) -> Done | Refused:
        return self._say("retire", worker)

    async def raise_to(self, replicas: int, *, was: int) -> Any:
        return await self._write(f"raise {was} to {replicas}", replicas, ())

    async def remove(self, victims: list[Removal], *, was: int) -> Any:
        return await self._write(
            f"remove {[victim.member for victim in victims]} of {was}", was - len(victims), victims
        )

    async def carry(self, decision: Decision) -> Carried:
        reach = Reach(cast(Store, self), cast(Target, self), self)

        async def remember() -> bool:
            self.log.append("remember")
            return self.kept

        return await carry_out(reach, SEEN, decision, remember)

    async def _write(self, said: str, replicas: int, removed: Any) -> Any:
        self.log.append(said)
        return self.answers.pop(0) if self.answers else Written(replicas, tuple(removed))

    def _say(self, what: str, worker: WorkerId) -> Done | Refused:
        self.log.append(what)
        answer = self.refused.get(what)
        if isinstance(answer, Exception):
            raise answer
        return answer or Done()


def a_decision(**said: Any) -> Decision:
    whole = {"replicas": 5, "uncordon": (A,), "cordon": (B,), "retire": (Removal(C, "c"), Removal(D, "d"))}
    return Decision(REGION, POOL, 1.0, 5, **{**whole, **said})


async def test_the_order_is_undrain_raise_remember_cordon_retire_remove() -> None:
    quay = Quay()

    carried = await quay.carry(a_decision())

    assert quay.log == [
        "uncordon",
        "raise 3 to 5",
        "remember",
        "cordon",
        "retire",
        "retire",
        "remove ['c', 'd'] of 5",
    ]
    assert carried.is_change
    assert (carried.replicas, carried.troubles) == (3, ())


async def test_a_worker_that_got_a_session_meanwhile_is_not_removed() -> None:
    quay = Quay(retire=Refused(Code.CONFLICT, "it has a session"))

    carried = await quay.carry(a_decision(replicas=3, uncordon=(), cordon=()))

    assert quay.log == ["retire", "retire"]
    assert not carried.is_change
    assert "CONFLICT: it has a session" in carried.troubles[0]


async def test_a_cordon_that_could_not_be_remembered_is_left_out() -> None:
    quay = Quay()
    quay.kept = False

    carried = await quay.carry(a_decision(replicas=3, uncordon=(), retire=()))

    assert quay.log == ["remember"]
    assert carried.cordoned == ()


async def test_replicas_that_somebody_moved_end_the_removals() -> None:
    quay = Quay()
    quay.answers.append(Lost("7 now"))

    carried = await quay.carry(a_decision())

    assert not [said for said in quay.log if said.startswith("remove")]
    assert carried.conflicts == 1


async def test_a_target_that_wants_to_be_left_alone_says_for_how_long() -> None:
    quay = Quay()
    quay.answers.append(Failed("too many requests", retry_after=7.0))

    carried = await quay.carry(a_decision())

    assert carried.retry_after == 7.0
    assert carried.replicas is None


async def test_nothing_is_written_by_who_does_not_lead() -> None:
    quay = Quay()
    quay.is_leading = False

    carried = await quay.carry(a_decision())

    assert quay.log == []
    assert carried.troubles == ("another process leads now",)


async def test_a_store_that_goes_in_the_middle_ends_the_steps() -> None:
    quay = Quay(cordon=Unavailable("gone"))

    carried = await quay.carry(a_decision())

    assert quay.log[-1] == "cordon"
    assert carried.replicas == 5
    assert "the store cannot be reached: gone" in carried.troubles[0]


async def test_without_a_target_that_can_be_read_nothing_is_raised() -> None:
    quay = Quay()
    reach = Reach(cast(Store, quay), cast(Target, quay), quay)

    async def remember() -> bool:
        return True

    await carry_out(
        reach, Observation(REGION, POOL, None, 0, None), a_decision(uncordon=(), cordon=(), retire=()), remember
    )

    assert quay.log == []
