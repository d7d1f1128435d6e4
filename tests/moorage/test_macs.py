"""MACs with keys that are worked in once: what `hmac` says, for any key."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moorage.macs import decoded, encoded, mac


@given(st.binary(max_size=200), st.binary(max_size=100))
@example(b"said", b"k" * 64)
@example(b"said", b"k" * 65)
def test_a_mac_is_hmac_sha256_in_base64url(said: bytes, key: bytes) -> None:
    for _ in range(2):  # the first works the key in
        assert mac(said, key) == urlsafe_b64encode(hmac.digest(key, said, "sha256")).rstrip(b"=")


@given(st.binary(max_size=100))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    assert encoded(data) == urlsafe_b64encode(data).rstrip(b"=")
    assert decoded(encoded(data)) == data


def test_a_length_that_base64_cannot_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="characters"):
        decoded(b"AAAAA")
