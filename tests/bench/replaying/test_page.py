from bench.replaying.page import tables
from bench.rows import Row


def rows(name: str, title: str) -> list[Row]:
    metrics = ("cut", "rejected", "pod-hours", "utilisation", "writes", "reversals")
    return [Row(name, f"{title}: {metric}", float(place), "") for place, metric in enumerate(metrics)]


def test_a_scene_is_a_table_of_contestants() -> None:
    lines = list(tables([*rows("hpa", "cycle"), *rows("moorage", "cycle")]))

    assert lines[0].startswith("| cycle | cut | rejected, % |")
    assert lines[2:4] == ["| moorage | 0 | 1.000 | 2.000 | 3 | 4 | 5 |", "| hpa | 0 | 1.000 | 2.000 | 3 | 4 | 5 |"]


def test_faults_are_one_table_with_a_dash_where_nothing_was_played() -> None:
    lines = list(tables([*rows("moorage", "crowd, NaN"), *rows("hpa", "crowd, API down")]))

    assert lines[0] == "| cut / rejected % | moorage | hpa |"
    assert "| crowd, NaN | 0 / 1.00 | - |" in lines
    assert "| crowd, API down | - | 0 / 1.00 |" in lines
