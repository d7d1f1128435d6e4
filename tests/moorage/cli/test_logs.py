"""What a program logs: JSON lines, libraries' too, and no secrets."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.deadlines import PROGRAM

WRITES = """
import logging, structlog
from moorage.cli.logs import set_up_logs
set_up_logs({level!r}, {form!r})
log = structlog.get_logger("moorage.test")
log.debug("hidden")
log.info("session_started", session="ses_1", token="secret-1", join_key="secret-2")
logging.getLogger("websockets").info("chatter")
logging.getLogger("some.library").warning("careful: %s", 3)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broke")
"""


def test_logs_are_json_lines_on_stderr_without_secrets() -> None:
    done = _logged("info", "json")

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["session_started", "careful: 3", "broke"]
    assert lines[0]["session"] == "ses_1"
    assert (lines[0]["level"], lines[0]["logger"]) == ("info", "moorage.test")
    assert lines[0]["timestamp"].endswith("Z")
    assert "ZeroDivisionError" in lines[2]["exception"]
    assert "secret" not in done.stderr
    assert done.stdout == ""


def test_a_console_gets_readable_lines() -> None:
    done = _logged("debug", "console")

    assert "session_started" in done.stderr
    assert "hidden" in done.stderr
    assert "secret" not in done.stderr


def test_without_a_terminal_auto_is_json() -> None:
    assert json.loads(_logged("error", "auto").stderr.splitlines()[0])["event"] == "broke"


def _logged(level: str, form: str) -> subprocess.CompletedProcess[str]:
    program = WRITES.format(level=level, form=form)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PROGRAM, check=True)
