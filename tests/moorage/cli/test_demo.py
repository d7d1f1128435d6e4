"""The demo is true, quick, and leaves in order."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.deadlines import PROGRAM


def test_the_demo_tells_its_whole_story_in_well_under_a_minute() -> None:
    began_at = time.monotonic()

    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", "demo"], capture_output=True, text=True, timeout=PROGRAM, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began_at < 50
    for said in (
        "wss://",
        "heard 'hello 1 from ada'",
        "kill -9",
        "talks again",
        "4410 SESSION_ENDED",
        "none was cut",
        "exit status 0",
    ):
        assert said in done.stdout
