"""Cursors of lists: the last id seen, in a form that nobody is tempted to build by hand."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from moorage.ids import is_id

MAX_LIMIT = 200
DEFAULT_LIMIT = 50


def cursor_after(last: str) -> str:
    """The cursor that continues after this id."""
    return urlsafe_b64encode(f"1:{last}".encode()).rstrip(b"=").decode()


def last_seen(cursor: str, prefix: str) -> str:
    """The id in a cursor. Raises ValueError for anything that no list gave out."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (Error, ValueError) as error:
        raise ValueError("cursor must be the next_cursor of an earlier answer") from error
    version, _, last = text.partition(":")
    if version != "1" or not is_id(prefix, last):
        raise ValueError("cursor must be the next_cursor of an earlier answer")
    return last
