"""A claim is believed only when this worker's key made it."""

from __future__ import annotations

import pytest

from moorage.claims import Claim, sign_claim, verify_claim
from moorage.ids import SessionId, WorkerId

KEY = b"k" * 32
CLAIM = Claim(WorkerId("wrk_" + "0" * 26), SessionId("ses_" + "0" * 26), 1_700_000_000_000_000)


def test_what_was_signed_is_read_again() -> None:
    assert verify_claim(sign_claim(CLAIM, KEY), KEY) == CLAIM


def test_a_claim_is_four_parts_without_padding() -> None:
    worker, session, fence, mac = sign_claim(CLAIM, KEY).split(".")

    assert (worker, session, fence) == (CLAIM.worker, CLAIM.session, str(CLAIM.fence))
    assert len(mac) == 43


@pytest.mark.parametrize("part", range(4))
def test_every_part_is_under_the_mac(part: int) -> None:
    parts = sign_claim(CLAIM, KEY).split(".")
    parts[part] = parts[part][:-1] + ("1" if parts[part][-1] != "1" else "2")

    with pytest.raises(ValueError, match="not made with this worker's key"):
        verify_claim(".".join(parts), KEY)


def test_another_key_is_another_worker() -> None:
    with pytest.raises(ValueError, match="not made with this worker's key"):
        verify_claim(sign_claim(CLAIM, b"x" * 32), KEY)


@pytest.mark.parametrize(
    "text", ["", "a.b.c", "a.b.1.d.e", "a.b.-1.d", "a.b.1_0.d", "a.b..d", "a" * 300 + ".b.1.d", "a.b.1e9.d"]
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has not the form"):
        verify_claim(text, KEY)


def test_a_mac_that_is_no_ascii_is_refused_and_not_a_crash() -> None:
    with pytest.raises(ValueError, match="not made with"):
        verify_claim("a.b.1.ü", KEY)
