"""Tests of controlplane/credentials.py."""

from __future__ import annotations

import os
from hashlib import sha256

import pytest

from controlplane.credentials import API_KEY, Credential, is_well_formed, make, preset


def test_a_made_key_carries_its_checksum() -> None:
    key = make(API_KEY, os.urandom)

    assert key.text.startswith("ak_")
    assert is_well_formed(key.text)
    assert not is_well_formed(key.text[:5] + ("b" if key.text[5] == "a" else "a") + key.text[6:])


def test_only_digest_and_hint_tell_of_a_key() -> None:
    key = make(API_KEY, os.urandom)

    assert key.digest == sha256(key.text.encode()).hexdigest()
    assert key.hint == f"{key.text[:6]}…{key.text[-4:]}"
    assert key.text not in repr(key)


def test_an_operator_may_choose_a_key() -> None:
    made = make(API_KEY, os.urandom).text

    assert preset("a-long-enough-chosen-key", "X") == Credential("a-long-enough-chosen-key")
    assert preset(made, "X").text == made


@pytest.mark.parametrize("text", ["short", "x" * 257, "with a space in the middle", "ümlaut-in-the-middle-of-it"])
def test_a_weak_choice_is_refused_with_the_setting_in_it(text: str) -> None:
    with pytest.raises(ValueError, match="MOORAGE_ADMIN_KEY must be 24 to 256 printable"):
        preset(text, "MOORAGE_ADMIN_KEY")


def test_a_mistyped_moorage_key_is_told_from_a_chosen_one() -> None:
    with pytest.raises(ValueError, match="checksum is wrong"):
        preset(make(API_KEY, os.urandom).text[:-1] + "g", "MOORAGE_ADMIN_KEY")
