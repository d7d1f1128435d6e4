"""What the application adds to every refusal."""

from __future__ import annotations

from structlog.testing import capture_logs

from tests.controlplane.io.conftest import Harbour


async def test_a_refusal_is_found_in_the_log_by_its_request_id_and_without_ids_of_others(harbour: Harbour) -> None:
    with capture_logs() as logged:
        answer = await harbour.admin.get("/sessions/ses_00000000000000000000000000")
        await harbour.admin.get("/sessions")

    refusal, fine = [line for line in logged if line["event"] == "request"]
    assert refusal["request_id"] == answer.json()["request_id"]
    assert (refusal["log_level"], refusal["status"], refusal["code"]) == ("info", 404, "SESSION_NOT_FOUND")
    assert refusal["route"] == "/api/v1/sessions/{session_id}"
    assert (fine["log_level"], fine["status"], fine["code"]) == ("debug", 200, "")
