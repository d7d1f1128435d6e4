"""What last words mean: lines as our programs were seen to write them."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from controlplane.io.reasons import DatabaseUnusable, reason
from controlplane.io.troubles import Away
from moorage.cli.installation.sayings import last_words, meaning
from moorage.cli.launch import first_line
from scheduler.io.redis.client.failures import failure

LINK = "ws://m-moorage-links.prod.svc:7403/link"
UNREADABLE = "the join key's file /etc/moorage/join/join.key cannot be read: No such file or directory"


def a_line(event: str) -> str:
    """As moorage/cli/logs.py writes it."""
    return f'{{"event": "{event}", "level": "warning", "logger": "moorage.link", "timestamp": "2026-06-01T12:00:00Z"}}'


def refused(url: str) -> str:
    """What a start says where nobody listens, or where no file can be made."""
    error: Exception = Away("the database cannot be reached")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    if url.startswith("sqlite"):
        error = OperationalError("", {}, Exception("unable to open database file"))
    return first_line(DatabaseUnusable(reason(error, url)))


@pytest.mark.parametrize(
    ("line", "what", "advice"),
    [
        (a_line(f"{LINK} refused this worker: no such join key (INVALID_JOIN_KEY)"), "join key", "-join"),
        (
            a_line(f"{LINK} refused this worker: this join key is for pool 'a', not 'b' (X)"),
            "for pool 'a', not 'b'",
            "one pool",
        ),
        (a_line(f"no link to {LINK}: [Errno -2] Name or service not known"), f"address {LINK} is not known", "-links."),
        (
            a_line(f"no link to {LINK}: [Errno 111] Connect call failed"),
            f"answers at its link address {LINK}",
            "NetworkPolicy",
        ),
        (
            a_line("ws://g:7402/link refused this worker: the gateway answered 404 (X)"),
            "ws://g:7402/link is no link",
            ":7403/link",
        ),
        (a_line(f"no link to {LINK}: {UNREADABLE}"), UNREADABLE, "-join"),
        (
            a_line(f"no link to {LINK}: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed"),
            "does not trust",
            "tls.linkSecretName",
        ),
        ("Error: no join key: give --join-key or MOORAGE_JOIN_KEY", "has no join key", "MOORAGE_JOIN_KEY_FILE"),
        (f"Error: the start failed: {refused('postgresql://u:p@db/m')}", "nobody listens at db:5432/m", "database.url"),
        (f"the start failed: {refused('postgresql://u:p@db/m')}", "used: nobody listens at db:5432/m", "database.url"),
        (f"Error: {refused('sqlite+aiosqlite:////data/m.db')}", "SQLite cannot open /data/m.db", "10001"),
        (
            "Error: no answer from db:5432/m: it is down, or a firewall keeps us from it",
            "no answer from db",
            "databaseTo",
        ),
        (
            "Error: no room is left for /data/m.db: its volume is full, enlarge it",
            "its volume is full",
            "persistence.size",
        ),
        ("the start failed: No space left on device: /data/x; the volume is full", "its volume is full", "persistence"),
        (
            "Error: the start failed: controlplane.database_url: mysql is not supported",
            "mysql is not supported",
            "database",
        ),
        ("(sqlite3.OperationalError) database or disk is full", "its volume is full", "persistence.size"),
        ("OSError: [Errno 28] No space left on device", "its volume is full", "persistence.size"),
        (a_line("waiting_for_token_keys"), "keys that check tokens", "control plane"),
        ("Error: the start failed: Permission denied: /data", "may not write", "/data"),
        ("Error: something new went wrong", "something new went wrong", ""),
    ],
)
def test_a_known_line_has_a_sentence_and_an_advice(line: str, what: str, advice: str) -> None:
    found = meaning(line)

    assert found is not None
    assert what in found.what
    assert advice in found.advice


def test_the_newest_known_line_counts_and_unknown_ones_are_passed_over() -> None:
    old, new = (
        a_line(f"no link to {LINK}: [Errno 111] Connect call failed"),
        a_line(f"{LINK} refused this worker: no such join key"),
    )

    found = meaning(f"{old}\n{new}\nsomething else\n")

    assert found is not None
    assert "join key" in found.what


def test_what_the_store_refuses_is_known_by_the_sentence_that_its_client_makes() -> None:
    full = meaning(
        f"Error: the start failed: the store cannot be used: {failure('OOM command not allowed', 'v:6379').sentence}"
    )
    wrong = meaning(f"Error: the start failed: the store cannot be used: {failure('WRONGPASS no', 'v:6379').sentence}")
    disk = meaning(failure("MISCONF Valkey is configured to save", "v:6379").sentence)

    assert full is not None and full.what == "the store is full"  # noqa: PT018
    assert wrong is not None and "refuses user or password" in wrong.what  # noqa: PT018
    assert disk is not None and disk.what == "its volume is full"  # noqa: PT018


def test_lines_that_are_no_json_after_all_are_read_as_they_are() -> None:
    assert meaning("{not json") is None
    assert meaning("") is None
    assert last_words("one\n\n{two\n\n") == "{two"
    assert last_words("") == ""
