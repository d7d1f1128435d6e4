"""Tests of controlplane/idempotency.py."""

from __future__ import annotations

import pytest

from controlplane.idempotency import checked_name, fingerprint


def test_the_order_of_fields_does_not_matter_their_values_do() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_a_printable_name_is_taken_as_it_is() -> None:
    assert checked_name("order-17") == "order-17"


@pytest.mark.parametrize("name", ["", "a b", "x" * 256, "ü", "a\n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Idempotency-Key must be"):
        checked_name(name)
