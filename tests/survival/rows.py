"""The control plane's rows, read beside it: what it has written, not what it would answer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.survival.history import EndSeen

FINAL = ("COMPLETED", "FAILED", "EXPIRED")


def ends(database: Path) -> tuple[EndSeen, ...]:
    """Of all sessions that ended; one row each."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT * FROM sessions WHERE status IN (?, ?, ?) AND started_at IS NOT NULL", FINAL)
        return tuple(_end(dict(row)) for row in found)


def _end(row: dict[str, Any]) -> EndSeen:
    return EndSeen(
        session=row["id"],
        outcome=row["status"],
        code=row["end_code"],
        reason=row["end_reason"] or "",
        by=row["end_by"] or "",
        messages_in=row["messages_in"],
        messages_out=row["messages_out"],
        bytes_in=row["bytes_in"],
        bytes_out=row["bytes_out"],
        is_estimated=bool(row["is_usage_estimated"]),
    )
