"""What `moorage doctor` says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from moorage.cli import findings
from moorage.cli.findings import Finding, Grade, exit_code

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_an_autoscaler_that_follows_is_fine_also_while_it_settles() -> None:
    assert findings.autoscaler(is_looking=True, frozen=[("eu/gpu", "settling")]).grade is Grade.OK


def test_a_frozen_pool_is_named_with_the_reason_and_where_it_is_explained() -> None:
    found = findings.autoscaler(is_looking=True, frozen=[("eu/gpu", "rival"), ("eu/cpu", "settling")])

    assert (found.grade, found.sentence) == (Grade.WARN, "frozen: eu/gpu (rival)")
    assert "moorage autoscaler explain gpu" in found.advice


def test_an_autoscaler_that_does_not_look_is_a_warning() -> None:
    assert findings.autoscaler(is_looking=False, frozen=[]).grade is Grade.WARN


def test_a_taken_port_names_the_way_to_its_user_and_the_option() -> None:
    found = findings.port("clients", "127.0.0.1:7400", error="it is taken", is_ours=False, option="--port")

    assert found.grade is Grade.FAIL
    assert found.sentence == "127.0.0.1:7400 cannot be used: it is taken"
    assert "ss -ltnp 'sport = :7400'" in found.advice
    assert "--port" in found.advice


def test_a_port_that_moorage_itself_uses_is_fine() -> None:
    assert findings.port("clients", "h:1", error="it is taken", is_ours=True, option="--port").grade is Grade.OK


def test_few_file_descriptors_are_a_warning_with_the_command() -> None:
    found = findings.file_descriptors(soft=1024, hard=20000)

    assert found.grade is Grade.WARN
    assert "about 412 sessions" in found.sentence
    assert "ulimit -n 20000" in found.advice
    assert findings.file_descriptors(soft=20000, hard=20000).grade is Grade.OK
    assert "LimitNOFILE" in findings.file_descriptors(soft=1024, hard=1024).advice


def test_a_clock_that_disagrees_with_the_api_fails() -> None:
    assert findings.clock(is_synchronised=True, offset_seconds=-60).grade is Grade.FAIL
    assert findings.clock(is_synchronised=False, offset_seconds=0).grade is Grade.WARN
    assert findings.clock(is_synchronised=True, offset_seconds=1).grade is Grade.OK
    assert findings.clock(is_synchronised=None, offset_seconds=None).grade is Grade.OK


def test_a_certificate_is_judged_by_its_end() -> None:
    def grade(left: timedelta) -> Grade:
        return findings.certificate("clients", NOW + left, None, NOW).grade

    assert grade(timedelta(days=-1)) is Grade.FAIL
    assert grade(timedelta(days=3)) is Grade.WARN
    assert grade(timedelta(days=90)) is Grade.OK
    assert findings.certificate("clients", None, "no such file", NOW).grade is Grade.FAIL


def test_the_pure_relay_is_a_warning_that_says_why() -> None:
    found = findings.relay("pure", "no compiler")

    assert found.grade is Grade.WARN
    assert "no compiler" in found.sentence
    assert findings.relay("compiled", "").grade is Grade.OK
    assert findings.relay(None, "cannot").grade is Grade.FAIL


def test_a_folder_that_cannot_be_written_fails() -> None:
    assert findings.data_folder("data", "Permission denied").grade is Grade.FAIL
    assert findings.data_folder("data", None).grade is Grade.OK


def test_a_store_that_does_not_answer_fails() -> None:
    assert [findings.store(up).grade for up in (True, None, False)] == [Grade.OK, Grade.OK, Grade.FAIL]


def test_a_missing_uvloop_is_a_warning() -> None:
    assert (findings.loop(None).grade, findings.loop("0.22").grade) == (Grade.WARN, Grade.OK)


def test_only_failures_make_the_exit_code() -> None:
    fine, warned, failed = (Finding("x", grade, "") for grade in (Grade.OK, Grade.WARN, Grade.FAIL))

    assert exit_code([fine, warned]) == 0
    assert exit_code([fine, failed]) == 1


GOOD = {"redis_version": "7.2.4", "valkey_version": "9.0.1", "maxmemory_policy": "noeviction", "aof_enabled": "1"}


def test_a_store_server_in_order_is_one_line() -> None:
    assert [found.sentence for found in findings.store_server("redis://h", GOOD, "1", "1")] == [
        "redis://h answers, version 9.0.1"
    ]


@pytest.mark.parametrize(
    ("said", "schema", "subject", "grade"),
    [
        ({"redis_version": "6.2.1", "valkey_version": ""}, None, "store", Grade.FAIL),
        ({}, "2", "store schema", Grade.FAIL),
        ({"maxmemory_policy": "allkeys-lru"}, None, "store memory", Grade.FAIL),
        ({"aof_enabled": "0"}, None, "store persistence", Grade.WARN),
    ],
)
def test_what_is_wrong_with_a_store_server_is_found(
    said: dict[str, str], schema: str | None, subject: str, grade: Grade
) -> None:
    found = findings.store_server("redis://h", {**GOOD, **said}, schema, "1")

    assert (subject, grade) in [(each.subject, each.grade) for each in found]


def test_a_database_that_does_not_answer_fails() -> None:
    assert [findings.database("x", error).grade for error in (None, "gone")] == [Grade.OK, Grade.FAIL]
