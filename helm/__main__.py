"""`python -m helm` writes what the chart has that is made: of its values, and its dashboards; `--check` says what is stale and
fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from helm.dashboards import autoscaler, controlplane, fleet, gateway
from helm.dashboards.board import document
from helm.readme import readme
from helm.schema import schema
from helm.shape import read

HERE = Path(__file__).parent
CHART = HERE / "moorage"
BOARDS = (fleet.BOARD, gateway.BOARD, autoscaler.BOARD, controlplane.BOARD)


def made() -> dict[Path, str]:
    """Files and what belongs in them."""
    values = read((CHART / "values.yaml").read_text())
    return {
        CHART / "values.schema.json": json.dumps(schema(values), indent=2) + "\n",
        CHART / "README.md": readme((HERE / "introduction.md").read_text(), values),
        **{CHART / f"dashboards/{each.name}.json": json.dumps(document(each), indent=1) + "\n" for each in BOARDS},
    }


def stale() -> list[str]:
    """Names of the files that are not what they should be."""
    return [path.name for path, text in made().items() if not path.exists() or path.read_text() != text]


def main() -> None:
    """Writes, or checks."""
    if "--check" in sys.argv[1:]:
        if names := stale():
            sys.exit(f"{', '.join(names)}: not what is made now; run make chart-docs")
        return
    for path, text in made().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
