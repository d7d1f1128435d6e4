"""Lists of sessions: order, pages, what narrows them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.io.conftest import Harbour


async def test_lists_go_newest_first_a_page_at_a_time(harbour: Harbour) -> None:
    made = [(await harbour.create())["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await harbour.admin.get("/sessions", params=params)).json()
        seen.append([session["id"] for session in page["sessions"]])
        if (cursor := page["next_cursor"]) is None:
            break

    assert [len(page) for page in seen] == [2, 2, 1]
    assert sorted(session for page in seen for session in page) == sorted(made)


async def test_lists_can_be_narrowed_to_users_and_statuses(harbour: Harbour) -> None:
    anna, bert = await harbour.create(end_user_id="anna"), await harbour.create(end_user_id="bert")
    await harbour.admin.delete(f"/sessions/{bert['id']}")

    async def ids(**params: Any) -> list[str]:
        answer = await harbour.admin.get("/sessions", params=params)
        return [session["id"] for session in answer.json()["sessions"]]

    assert await ids(end_user_id="anna") == await ids(user_id=anna["user_id"]) == [anna["id"]]
    assert await ids(status="COMPLETED") == [bert["id"]]
    assert set(await ids(status=["PENDING", "COMPLETED"])) == {anna["id"], bert["id"]}
    assert await ids(end_user_id="nobody") == []


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"limit": 0}, "limit: "),
        ({"limit": 201}, "limit: "),
        ({"cursor": "nonsense"}, "cursor must be"),
        ({"status": "RUNNING"}, "status"),
        ({"user_id": "u1"}, "'u1' is no usr_ id"),
        ({"offset": 3}, "offset: unknown field"),
    ],
)
async def test_a_wrong_question_is_refused_with_its_name(harbour: Harbour, params: dict[str, Any], named: str) -> None:
    answer = await harbour.admin.get("/sessions", params=params)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(named)
