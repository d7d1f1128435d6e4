"""A key without a value, as people leave it when they comment out what is below: it takes the default away, and nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from helm.shape import Value, read
from tests.helm.charts import CHART, with_values

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]


def emptiable(value: Value) -> Iterator[tuple[str, ...]]:
    """Paths of lists and tables that are empty by default."""
    for part in value.parts:
        if part.default in ([], {}):
            yield part.path
        yield from emptiable(part)


def test_every_list_and_table_that_is_empty_by_default_may_be_left_without_a_value() -> None:
    values = yaml.safe_load("ingress: {enabled: true, host: a.example, className: nginx}")
    for path in emptiable(read((CHART / "values.yaml").read_text())):
        table = values
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = None

    assert with_values(yaml.safe_dump(values))
