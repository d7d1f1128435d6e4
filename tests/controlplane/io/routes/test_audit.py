"""What the audit log keeps of scale requests, and who reads it."""

from __future__ import annotations

from tests.controlplane.io.conftest import Harbour
from tests.controlplane.io.routes.test_scaling import UP, asked, audit_log, in_force, scaled


async def test_the_audit_log_says_who_did_what_to_what(harbour: Harbour) -> None:
    await scaled(harbour)
    answer = await harbour.admin.post("/scale-requests", json=UP, headers={"x-request-id": "from-ops"})
    request = answer.json()["scale_request"]
    await harbour.admin.delete(f"/scale-requests/{request['id']}")
    await harbour.admin.post("/scale-requests", json={"action": "release", "region": "local", "pool": "default"})

    released, deleted, created = await audit_log(harbour)

    assert [one["action"] for one in (created, deleted, released)] == [
        "scale_request.created",
        "scale_request.deleted",
        "scale_request.released",
    ]
    assert [one["target"] for one in (created, deleted, released)] == [request["id"], request["id"], "local/default"]
    assert {one["by"] for one in (created, deleted, released)} == {request["by"]}
    assert created["request_id"] == "from-ops"
    assert (created["before"], created["after"]["request"]["reason"]) == (None, "a concert")
    assert (deleted["before"]["request"]["workers"], deleted["after"]) == (3, None)
    assert await audit_log(harbour, target=request["id"]) == [deleted, created]


async def test_the_audit_log_is_read_in_pages_by_admins_only(harbour: Harbour) -> None:
    await scaled(harbour)
    for _ in range(3):
        await asked(harbour)
    operator = await harbour.client(await harbour.key("workers:write"))

    first = (await harbour.admin.get("/audit-logs", params={"limit": 2})).json()
    rest = (await harbour.admin.get("/audit-logs", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert (len(first["audit_logs"]), len(rest["audit_logs"]), rest["next_cursor"]) == (2, 1, None)
    assert (await operator.get("/audit-logs")).status_code == 403
    assert (await harbour.admin.get("/audit-logs", params={"cursor": "nonsense"})).status_code == 422


async def test_a_request_that_cannot_be_audited_is_not_in_force(harbour: Harbour) -> None:
    await scaled(harbour)
    async with harbour.plane.context.database.write() as connection:
        await connection.exec_driver_sql("DROP TABLE audit_log")

    answer = await harbour.admin.post("/scale-requests", json=UP)

    assert answer.status_code >= 500
    assert await in_force(harbour) == []
