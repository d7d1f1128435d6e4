"""Join keys' rows, and what files change of them."""

from __future__ import annotations

from controlplane.credentials import Credential
from controlplane.joinkeys import JoinKeyRow, Presented, amendment
from moorage.ids import KeyId


def test_the_store_gets_the_digest_and_where_it_is_good_and_nothing_else() -> None:
    row = JoinKeyRow(KeyId("key_1"), "ci", "d" * 64, "jk_…abcd", "gpu", "*", 1.0, is_bootstrap=True)

    entry = row.entry

    assert (entry.digest, entry.pool, entry.region) == ("d" * 64, "gpu", "*")
    assert "abcd" not in repr(entry)


def a_row(key: str, source: str | None, pool: str = "gpu") -> JoinKeyRow:
    digest = Credential(key).digest
    return JoinKeyRow(KeyId(f"key_{key}"), source or key, digest, "jk_…abcd", pool, "eu", 1.0, source=source)


def presented(key: str, pool: str = "gpu") -> Presented:
    return Presented(Credential(key), pool, "eu")


def test_a_new_file_adds_a_key_and_one_that_is_there_already_adds_none() -> None:
    rows = [a_row("one", "a")]

    decided = amendment(rows, {"a": presented("one"), "b": presented("two")}, ("a", "b"))

    assert (decided.removed, decided.added) == ((), (("b", presented("two")),))


def test_a_changed_file_replaces_its_key() -> None:
    old = a_row("one", "a")

    decided = amendment([old], {"a": presented("two")}, ("a",))

    assert (decided.removed, decided.added) == ((old,), (("a", presented("two")),))


def test_another_pool_for_the_same_key_replaces_it_too() -> None:
    old = a_row("one", "a", pool="cpu")

    decided = amendment([old], {"a": presented("one")}, ("a",))

    assert (decided.removed, decided.added) == ((old,), (("a", presented("one")),))


def test_a_file_that_went_and_an_entry_that_went_revoke_and_keys_of_people_stay() -> None:
    gone, unnamed, theirs = a_row("one", "a"), a_row("two", "b"), a_row("three", None)

    decided = amendment([gone, unnamed, theirs], {"a": None}, ("a",))

    assert decided.removed == (gone, unnamed)


def test_what_did_not_change_here_is_left_to_whoever_saw_it_change() -> None:
    newer = a_row("newer, put there by another control plane", "a")

    assert amendment([newer], {}, ("a",)).removed == ()


def test_no_key_is_good_for_two() -> None:
    decided = amendment([a_row("one", None)], {"a": presented("one"), "b": presented("2"), "c": presented("2")}, "abc")

    assert decided.clashes == ("a", "c")
    assert decided.added == (("b", presented("2")),)


def test_files_that_swapped_their_keys_are_no_clash() -> None:
    rows = [a_row("one", "a"), a_row("two", "b")]

    decided = amendment(rows, {"a": presented("two"), "b": presented("one")}, ("a", "b"))

    assert (decided.removed, decided.clashes, len(decided.added)) == (tuple(rows), (), 2)
