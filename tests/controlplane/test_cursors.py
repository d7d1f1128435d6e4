"""Tests of controlplane/cursors.py."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from controlplane.cursors import cursor_after, last_seen
from tests.controlplane.builders import SESSION, WORKER


def test_a_cursor_leads_back_to_its_id() -> None:
    assert last_seen(cursor_after(SESSION), "ses") == SESSION


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "ü", "=" * 9, cursor_after(WORKER), urlsafe_b64encode(b"2:" + SESSION.encode()).decode(), "gICA"],
)
def test_whatever_no_list_gave_out_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor must be the next_cursor of an earlier answer"):
        last_seen(cursor, "ses")
