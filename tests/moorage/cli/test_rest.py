"""Calls to the API: every failure is one sentence with the code, the request id and what to do."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from moorage.cli.root import moorage


class Api(BaseHTTPRequestHandler):
    """Answers what the test put there, and keeps what it was asked."""

    answers: ClassVar[list[tuple[int, Any]]] = []
    asked: ClassVar[list[tuple[str, str, str, Any]]] = []

    def answer(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        self.asked.append((self.command, self.path, self.headers.get("authorization", ""), body))
        status, said = self.answers.pop(0)
        data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Api]]:
    Api.answers.clear()
    Api.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        monkeypatch.setenv("MOORAGE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("MOORAGE_API_KEY", "ak_test")
        yield Api
        server.shutdown()
        serving.join()


def test_a_session_is_created_as_asked(api: type[Api]) -> None:
    api.answers.append((201, {"id": "ses_1", "session_token": "t", "worker_url": "ws://x"}))

    wish = ["--quality", "high", "--feature", "video", "--label", "gpu=yes", "--ttl", "60", "--metadata", '{"a": 1}']
    answer = CliRunner().invoke(moorage, ["session", "create", "ada", *wish, "--json"])

    assert json.loads(answer.output)["id"] == "ses_1"
    method, path, key, body = api.asked[0]
    assert (method, path, key) == ("POST", "/api/v1/sessions", "Bearer ak_test")
    assert body == {
        "end_user_id": "ada",
        "quality": "high",
        "features": ["video"],
        "labels": {"gpu": "yes"},
        "ttl": 60.0,
        "metadata": {"a": 1},
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(["--label", "gpu"], "'gpu' is no NAME=VALUE"), (["--metadata", "{"], "no JSON"), (["--metadata", "1"], "object")],
)
def test_a_wrong_option_is_refused_before_anything_is_asked(api: type[Api], options: list[str], sentence: str) -> None:
    answer = CliRunner().invoke(moorage, ["session", "create", "ada", *options])

    assert answer.exit_code == 2
    assert sentence in answer.output
    assert api.asked == []


def test_a_refusal_is_one_sentence_with_code_request_and_advice(api: type[Api]) -> None:
    problem = {"code": "NO_CAPACITY", "detail": "no slot is free", "request_id": "req_1", "retry_after": 2.5}
    api.answers.append((503, problem))

    answer = CliRunner().invoke(moorage, ["session", "get", "ses_1"])

    assert answer.exit_code == 1
    assert answer.output == (
        "Error: NO_CAPACITY: no slot is free (request req_1). Start workers, or raise their slots; try again in 2.5 s.\n"
    )


def test_an_answer_that_is_no_problem_document_still_reads_well(api: type[Api]) -> None:
    api.answers.append((502, "<html>Bad Gateway</html>"))

    answer = CliRunner().invoke(moorage, ["session", "get", "ses_1"])

    assert answer.output == "Error: HTTP_502: <html>Bad Gateway</html>.\n"


def test_nobody_there_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MOORAGE_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")

        answer = CliRunner().invoke(moorage, ["workers"])

    assert answer.exit_code == 1
    assert "nobody answers at http://127.0.0.1:" in answer.output
    assert "moorage up" in answer.output


def test_a_file_of_authorities_that_has_none_is_one_sentence(
    api: type[Api], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))

    done = CliRunner().invoke(moorage, ["workers"])

    assert done.exit_code == 1
    assert done.output.startswith(f"Error: no certificate authorities can be read from {tmp_path}/ca.crt: ")
    assert api.asked == []


def test_without_a_key_the_api_says_what_is_missing(api: type[Api], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_API_KEY", "")
    api.answers.append((401, {"code": "INVALID_API_KEY", "detail": "no key"}))

    answer = CliRunner().invoke(moorage, ["workers", "--data", "nowhere"])

    assert api.asked[0][2] == ""
    assert answer.output.startswith("Error: INVALID_API_KEY: no key. Give a key with --key or MOORAGE_API_KEY")


def test_a_key_that_no_header_can_carry_is_one_sentence(api: type[Api]) -> None:
    answer = CliRunner().invoke(moorage, ["workers", "--key", "ak_\nsecret"])

    assert answer.output == "Error: the API key holds characters that no key has: copy it again\n"
    assert api.asked == []


def test_workers_are_listed_as_columns(api: type[Api]) -> None:
    worker = {"id": "wrk_1", "name": "one", "status": "serving", "region": "local", "pool": "default", "slots": 10}
    api.answers.append((200, {"workers": [worker | {"used": 3, "address": "127.0.0.1:1"}], "total": 1}))

    answer = CliRunner().invoke(moorage, ["workers"])

    assert answer.output.splitlines()[1].split() == [
        "wrk_1",
        "one",
        "serving",
        "local",
        "default",
        "10",
        "3",
        "127.0.0.1:1",
    ]


def test_filters_that_are_not_given_are_not_sent(api: type[Api]) -> None:
    api.answers.append((200, {"workers": [], "total": 0}))

    answer = CliRunner().invoke(moorage, ["workers", "--pool", "gpu"])

    assert api.asked[0][1] == "/api/v1/workers?pool=gpu"
    assert answer.output.startswith("no workers")


@pytest.mark.parametrize("order", ["cordon", "uncordon", "undrain"])
def test_orders_are_posted(api: type[Api], order: str) -> None:
    api.answers.append((200, {"id": "wrk_1", "status": "serving"}))

    answer = CliRunner().invoke(moorage, ["workers", order, "wrk_1"])

    assert answer.exit_code == 0
    assert api.asked[0][:2] == ("POST", f"/api/v1/workers/wrk_1/{order}")


def test_a_watched_drain_shows_progress_until_the_worker_is_empty(api: type[Api]) -> None:
    def draining(left: int) -> tuple[int, Any]:
        drain = {"sessions_at_start": 4, "sessions_left": left, "sessions_moved": 4 - left}
        return 200, {"id": "wrk_1", "status": "draining", "used": left, "drain": drain}

    api.answers += [draining(4), draining(4), draining(1), draining(0)]

    answer = CliRunner().invoke(moorage, ["workers", "drain", "wrk_1", "--deadline", "5", "--rate", "2", "--watch"])

    assert api.asked[0][3] == {"deadline_seconds": 5.0, "rate_per_second": 2.0}
    assert answer.output.splitlines() == [
        "draining [                    ] 4 of 4 sessions left, 0 moved",
        "draining [###############     ] 1 of 4 sessions left, 3 moved",
        "draining [####################] 0 of 4 sessions left, 4 moved",
    ]


def test_a_worker_that_left_while_it_was_watched_is_empty(api: type[Api]) -> None:
    api.answers += [(200, {}), (404, {"code": "WORKER_NOT_FOUND", "detail": "gone"})]

    answer = CliRunner().invoke(moorage, ["workers", "drain", "wrk_1", "--watch"])

    assert answer.exit_code == 0
    assert answer.output.startswith("gone")


def test_sessions_are_listed_a_page_at_a_time(api: type[Api]) -> None:
    session = {"id": "ses_1", "status": "ACTIVE", "end_user_id": "ada"}
    api.answers.append((200, {"sessions": [session], "next_cursor": "abc"}))

    answer = CliRunner().invoke(moorage, ["session", "list", "--user", "ada", "--limit", "1"])

    assert api.asked[0][1] == "/api/v1/sessions?end_user_id=ada&limit=1"
    assert answer.output.splitlines()[-1] == "more: --cursor abc"


def test_ending_a_session_says_why(api: type[Api]) -> None:
    api.answers.append((200, {"id": "ses_1", "status": "COMPLETED"}))

    answer = CliRunner().invoke(moorage, ["session", "end", "ses_1", "--reason", "done", "--json"])

    assert json.loads(answer.output)["status"] == "COMPLETED"
    assert api.asked[0] == ("POST", "/api/v1/sessions/ses_1/terminate", "Bearer ak_test", {"reason": "done"})
