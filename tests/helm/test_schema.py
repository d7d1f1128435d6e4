from __future__ import annotations

import pytest

from helm.schema import schema
from helm.shape import read


def test_a_table_takes_no_key_that_is_not_there() -> None:
    made = schema(read("gateway: {drain: {rate: 1}}\npoolDefaults: {slots: 10}\npools: {}\n"))

    assert made["additionalProperties"] is False
    assert made["properties"]["gateway"]["additionalProperties"] is False
    assert made["properties"]["gateway"]["properties"]["drain"]["additionalProperties"] is False
    assert made["definitions"]["pool"]["additionalProperties"] is False


def test_an_empty_table_is_free() -> None:
    made = schema(read("commonTables: {}\npoolDefaults: {slots: 10}\npools: {}\n"))

    assert made["properties"]["commonTables"] == {"type": "object"}


def test_a_pool_has_the_fields_of_the_defaults_and_may_be_taken_away() -> None:
    made = schema(read("poolDefaults: {slots: 10}\npools: {example: {slots: 1}}\n"))

    assert made["properties"]["pools"]["additionalProperties"] == {"$ref": "#/definitions/pool"}
    assert made["definitions"]["pool"]["type"] == ["object", "null"]
    assert list(made["definitions"]["pool"]["properties"]) == ["slots"]


def test_a_default_that_does_not_say_what_it_may_be_is_refused_by_its_name() -> None:
    values = read("gateway: {unheard: null}\npoolDefaults: {slots: 10}\npools: {}\n")

    with pytest.raises(ValueError, match=r"gateway\.unheard: its default None"):
        schema(values)
