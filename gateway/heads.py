"""HTTP/1.1 heads, shared by requests and answers: which scanner runs, and the words that values are made of.

gateway.scan reads bytes in C; gateway.plainscan does exactly the same in Python and says what that is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.plainscan import TOKEN

if TYPE_CHECKING:
    from gateway.plainscan import Head, Names, parse_head
else:
    try:
        from gateway.scan import Head, Names, parse_head
    except ImportError:  # no compiler where it was installed
        from gateway.plainscan import Head, Names, parse_head

__all__ = ["END", "Head", "Names", "elements", "is_token", "parse_head"]

END = b"\r\n\r\n"

_TOKEN_ONLY = re.compile(TOKEN)


def is_token(text: str) -> bool:
    """RFC 9110 section 5.6.2."""
    return _TOKEN_ONLY.fullmatch(text) is not None


def elements(values: list[str]) -> list[str]:
    """The members of a comma-separated list over several fields, empty ones dropped (RFC 9110 section 5.6.1)."""
    if not values:
        return []
    return [item for value in values for part in value.split(",") if (item := part.strip(" \t"))]
