"""Which web pages may connect: the Origin header against a list (RFC 6454)."""

from __future__ import annotations

import re


class Origins:
    """Allowed origins, "*" for one host label: "https://*.example.com". An empty list allows all, no Origin is no browser."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._patterns = [re.compile(re.escape(one.lower()).replace(r"\*", "[a-z0-9-]+")) for one in allowed]

    def allows(self, origin: str | None) -> bool:
        """Browsers send Origin on every WebSocket; other programs send what they like."""
        if origin is None or not self._patterns:
            return True
        return any(pattern.fullmatch(origin.lower()) for pattern in self._patterns)
