"""The documents say what is true: their code runs, their commands and files exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from moorage.cli.root import COMMANDS
from tests.deadlines import PROGRAM
from tests.moorage.cli.fleet import up

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
    if path.name != "CHANGELOG.md"
]
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PATH = re.compile(r"`((?:moorage|scheduler|gateway|controlplane|tests|bench|docs)/[\w/.*-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")


def test_the_first_program_prints_a_reply_of_the_second(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PROGRAMS[1])
    with up(tmp_path, "--workers", "1", "--target", "mine:talk") as fleet:
        program = PROGRAMS[0].replace("http://127.0.0.1:7401", fleet.running.rest)

        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=PROGRAM, check=False
        )

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"usr_\w{26} said hello\n", done.stdout)


def test_every_command_is_in_the_readme_and_no_other() -> None:
    assert set(re.findall(r"`moorage ([a-z]+)", README)) == set(COMMANDS)


def test_the_map_of_the_tree_is_the_tree() -> None:
    mapped = set(re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages | {"docs"} == mapped


def test_make_has_the_targets_that_are_promised() -> None:
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"make (\w[\w-]*)", README)) <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_are_there(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(PATH.findall(text)) | {(Path(document).parent / link).as_posix() for link in LINK.findall(text)}

    missing = {name for name in named if not list(ROOT.glob(name.rstrip("/")))}

    assert missing == set()
