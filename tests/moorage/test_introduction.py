"""The headers a gateway adds, read once."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from moorage.introduction import introduction

HEADERS = {"Moorage-Session": "ses_a", "Moorage-User": "usr_b", "Moorage-Workspace": "wsp_c"}


def context(said: object) -> dict[str, str]:
    return HEADERS | {"Moorage-Context": urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()}


def test_everything_the_gateway_said_is_there() -> None:
    headers = context({"quality": "hd", "features": ["a"], "metadata": {"room": "ü"}}) | {"traceparent": "00-1-2-01"}

    read = introduction(headers, "/chat?x=1")

    assert (read.session, read.user, read.workspace) == ("ses_a", "usr_b", "wsp_c")
    assert (read.quality, read.features, read.metadata) == ("hd", ["a"], {"room": "ü"})
    assert (read.traceparent, read.path) == ("00-1-2-01", "/chat?x=1")


def test_a_session_without_context_has_none() -> None:
    read = introduction(HEADERS, "/")

    assert (read.quality, read.features, read.metadata, read.traceparent) == (None, None, {}, "")


def test_metadata_that_is_no_object_is_none() -> None:
    assert introduction(context({"metadata": [1]}), "/").metadata == {}


@pytest.mark.parametrize(
    "said", ["!", "a", "AAAA", "x" * 9000, "W10", "WyI", "bnVsbA", urlsafe_b64encode(b"[" * 5000).decode()]
)
def test_a_context_that_cannot_be_read_is_named(said: str) -> None:
    with pytest.raises(ValueError, match="Moorage-Context is"):
        introduction(HEADERS | {"Moorage-Context": said}, "/")
