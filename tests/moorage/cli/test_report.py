"""Answers for people and for programs."""

from __future__ import annotations

import json

import pytest

from moorage.cli.report import show_fields, show_table


def test_without_a_terminal_a_table_is_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [{"id": "a", "slots": 10, "extra": 1}, {"id": "bbbb", "slots": None}]

    show_table(rows, ("id", "slots"), as_json=False, empty="none")

    assert capsys.readouterr().out.splitlines() == ["id    slots", "a     10", "bbbb  -"]


def test_no_rows_are_a_sentence_for_people_and_a_list_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([], ("id",), as_json=False, empty="no workers")
    show_table([], ("id",), as_json=True, empty="no workers")

    assert capsys.readouterr().out.splitlines() == ["no workers", "[]"]


def test_json_is_one_line_with_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([{"id": "a", "extra": {"b": 1}}], ("id",), as_json=True, empty="")

    assert json.loads(capsys.readouterr().out) == [{"id": "a", "extra": {"b": 1}}]


def test_fields_leave_out_what_is_absent(capsys: pytest.CaptureFixture[str]) -> None:
    show_fields({"id": "a", "end": None, "labels": {}, "is_live": False, "used": 0}, as_json=False)

    assert capsys.readouterr().out.splitlines() == ["id       a", "is_live  no", "used     0"]
