from __future__ import annotations

from helm.shape import Value, read

TEXT = """\
# The file.

# -- What it is called.
name: moorage
gateway:
  # not said of anything
  replicas: 2
  # -- Two lines
  # about it.
  service: {port: 7400, labels: {}}
"""


def parts(value: Value) -> dict[str, Value]:
    return {part.path[-1]: part for part in value.parts}


def test_a_value_has_its_path_its_default_and_the_sentence_above_it() -> None:
    name = parts(read(TEXT))["name"]

    assert (name.name, name.default, name.about) == ("name", "moorage", "What it is called.")


def test_a_sentence_may_go_on_over_lines() -> None:
    service = parts(parts(read(TEXT))["gateway"])["service"]

    assert service.about == "Two lines about it."


def test_a_comment_without_the_sign_says_nothing_of_a_value() -> None:
    replicas = parts(parts(read(TEXT))["gateway"])["replicas"]

    assert replicas.about == ""


def test_what_shares_a_line_with_its_table_does_not_take_its_sentence() -> None:
    service = parts(parts(read(TEXT))["gateway"])["service"]

    assert [(part.name, part.about) for part in service.parts] == [
        ("gateway.service.port", ""),
        ("gateway.service.labels", ""),
    ]
