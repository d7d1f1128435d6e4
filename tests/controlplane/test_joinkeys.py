"""Join keys' rows."""

from __future__ import annotations

from controlplane.joinkeys import JoinKeyRow
from moorage.ids import KeyId


def test_the_store_gets_the_digest_and_where_it_is_good_and_nothing_else() -> None:
    row = JoinKeyRow(KeyId("key_1"), "ci", "d" * 64, "jk_…abcd", "gpu", "*", 1.0, is_bootstrap=True)

    entry = row.entry

    assert (entry.digest, entry.pool, entry.region) == ("d" * 64, "gpu", "*")
    assert "abcd" not in repr(entry)
