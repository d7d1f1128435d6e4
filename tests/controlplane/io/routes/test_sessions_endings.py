"""Sessions that end by REST: the first end wins, and is read at once."""

from __future__ import annotations

from moorage.errors import Code
from scheduler.values import End, EndRecord, Outcome
from tests.controlplane.io.conftest import Harbour


async def test_a_terminated_session_is_read_as_ended_at_once(harbour: Harbour) -> None:
    created = await harbour.create()
    claimed = await harbour.attach(created)
    await harbour.row_is(created["id"], "ACTIVE")
    verdict = {"quality_score": 4.5, "error_count": 2, "reason": "user said goodbye"}

    answer = await harbour.admin.post(f"/sessions/{created['id']}/terminate", json=verdict)

    ended = answer.json()
    assert answer.status_code == 200
    assert ended["status"] == "COMPLETED"
    assert ended["end"] == {"code": "SESSION_ENDED", "reason": "user said goodbye", "by": "api"}
    assert (ended["quality_score"], ended["error_count"]) == (4.5, 2)
    assert await harbour.get(created["id"]) == ended == await harbour.row(created["id"])
    record = await harbour.store.session(claimed.session)
    assert isinstance(record, EndRecord)
    assert record.code is Code.SESSION_ENDED


async def test_the_first_end_wins_and_later_ones_are_told_so(harbour: Harbour) -> None:
    created = await harbour.create()
    claimed = await harbour.attach(created)
    lost = End(claimed.session, Outcome.FAILED, Code.WORKER_LOST, "WORKER_LOST", "gateway", claimed.fence)
    await harbour.store.end(lost)

    ended = (await harbour.admin.delete(f"/sessions/{created['id']}")).json()

    assert (ended["status"], ended["end"]["by"]) == ("FAILED", "gateway")


async def test_deleting_twice_answers_the_same_and_never_connected_ends_too(harbour: Harbour) -> None:
    created = await harbour.create()

    first = await harbour.admin.delete(f"/sessions/{created['id']}")
    second = await harbour.admin.delete(f"/sessions/{created['id']}")

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json()["status"] == "COMPLETED"
    assert first.json()["started_at"] is None


async def test_a_verdict_may_come_after_the_end(harbour: Harbour) -> None:
    created = await harbour.create()
    await harbour.admin.delete(f"/sessions/{created['id']}")

    judged = (await harbour.admin.post(f"/sessions/{created['id']}/terminate", json={"quality_score": 3})).json()

    assert judged["quality_score"] == 3
    assert judged["end"]["reason"] == "TERMINATED"
