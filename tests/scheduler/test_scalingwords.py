"""What the board keeps comes back as it was, also from a newer version's hands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scheduler.scalingwords import request_of, request_text, status_of, status_text
from scheduler.values import PoolStatus, ScaleAction
from tests.scheduler.builders import a_scale_request

STATUS = PoolStatus(
    "eu", "gpu", "local", 1, 9, 8, frozenset({("gpu", "a100")}), 3, 2, 1, 0, 12.5, ("settling: watched",), 1.0, 16.0
)


def newer(text: str) -> str:
    return json.dumps({**json.loads(text), "mood": "cheerful"})


def without(text: str, name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(text).items() if key != name})


def test_a_request_and_a_status_come_back_as_they_were() -> None:
    request = a_scale_request(action=ScaleAction.SET)

    assert request_of(request_text(request)) == request
    assert status_of(status_text(STATUS)) == STATUS


def test_a_newer_versions_fields_are_left_out() -> None:
    request = a_scale_request(action=ScaleAction.SET)

    assert request_of(newer(request_text(request))) == request
    assert status_of(newer(status_text(STATUS))) == STATUS


@pytest.mark.parametrize("read", [lambda: status_of(without(status_text(STATUS), "desired")), lambda: request_of("{}")])
def test_what_lacks_a_field_is_an_error(read: Any) -> None:
    with pytest.raises((TypeError, KeyError)):
        read()
