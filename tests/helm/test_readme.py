from __future__ import annotations

from helm.readme import readme
from helm.shape import read


def test_values_without_a_table_come_first_and_each_table_has_its_own() -> None:
    text = readme(
        "# Chart\n", read("# -- Its name.\nname: x\n# -- Who serves.\ngateway:\n  # -- How many.\n  replicas: 2\n")
    )

    assert (
        text.splitlines()
        == """\
# Chart

## Values

| value | default | what it is |
|---|---|---|
| `name` | `"x"` | Its name. |

### gateway

Who serves.

| value | default | what it is |
|---|---|---|
| `gateway.replicas` | `2` | How many. |""".splitlines()
    )


def test_a_table_with_a_sentence_of_its_own_is_one_row() -> None:
    text = readme("", read("tls:\n  # -- Its issuer.\n  issuerRef: {name: a}\n"))

    assert '| `tls.issuerRef` | `{"name": "a"}` | Its issuer. |' in text


def test_a_bar_does_not_end_a_cell() -> None:
    text = readme("", read("# -- a|b\nname: x\n"))

    assert "a\\|b" in text
