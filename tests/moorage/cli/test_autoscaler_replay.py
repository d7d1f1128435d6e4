import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from moorage.cli.root import moorage

TRACE = "start,end,region\n0,600,eu\n10,700,eu\n30,400,us\n"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    return path


def replay(*words: str | Path) -> Result:
    return CliRunner().invoke(moorage, ["autoscaler", "replay", *map(str, words)])


def test_it_prints_the_measures_of_each_region_and_of_all(trace: Path) -> None:
    result = replay(trace)

    assert result.exit_code == 0, result.output
    assert [line for line in result.stdout.splitlines() if not line.startswith(" ")] == ["eu", "us", "all"]
    assert "  cut by scale-in   0" in result.stdout
    assert "  sessions          3 in 0.0 days" in result.stdout


def test_the_same_seed_prints_the_same_document(trace: Path) -> None:
    one, other = (json.loads(replay(trace, "--json", "--seed", "3").stdout) for _ in range(2))

    assert one == other
    assert {"eu", "us"} == set(one)
    assert one["eu"]["sessions"] == 2


def test_an_error_in_the_trace_names_file_line_and_column(trace: Path) -> None:
    trace.write_text(TRACE + "700,x,eu\n")

    result = replay(trace)

    assert result.exit_code == 1
    assert f"{trace}: line 5, column end: 'x' is neither" in result.output


def test_a_trace_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"start\xff")

    assert "No such file" in replay(tmp_path / "none.csv").output
    assert "not UTF-8 at byte 5" in replay(binary).output


def test_policies_come_from_a_file_by_region_and_pool(trace: Path, policies: Path) -> None:
    result = replay(trace, "--policy", policies, "--pool", "cpu", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["eu"]["sessions"] == 2


def test_a_region_without_a_policy_or_with_several_is_named(trace: Path, policies: Path) -> None:
    several, none = replay(trace, "--policy", policies), replay(trace, "--policy", policies, "--pool", "gpu")

    assert "region eu has several pools: say --pool with one of cpu, gpu" in several.output
    assert "no policy is for the region us of the trace with a pool gpu; the file has eu, us" in none.output


def test_a_wrong_policy_is_a_sentence(trace: Path, policies: Path) -> None:
    policies.write_text(policies.read_text().replace("slots = 2", "slots = 0"))

    result = replay(trace, "--policy", policies, "--pool", "cpu")

    assert result.exit_code == 1
    assert "slots" in result.output


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    pools = [("eu", "cpu"), ("eu", "gpu"), ("us", "cpu")]
    path = tmp_path / "pools.toml"
    path.write_text(
        "".join(
            f'[[pools]]\nregion = "{region}"\npool = "{pool}"\nslots = 2\n'
            f'target = {{ kind = "kubernetes", namespace = "default", name = "{region}-{pool}" }}\n'
            for region, pool in pools
        )
    )
    return path


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1772352060000,1772352600000,eu", "after the year 3000: are these milliseconds?"),
        ("0,1e300,eu", "after the year 3000"),
        ("2026-03-01T08:00:00Z,2026-03-01T08:12:30Z,eu", "span 20,513 days, and 400 is the most"),
        ("0,34600000,eu", "span 400 days"),
        ("0,10,e\x1b[31mu", r"region 'e\x1b[31mu' has characters that cannot be printed"),
    ],
)
def test_a_trace_that_would_take_days_is_refused(trace: Path, row: str, said: str) -> None:
    trace.write_text(TRACE + row + "\n")

    result = replay(trace)

    assert result.exit_code == 1
    assert said in result.output


def test_a_trace_of_a_spreadsheet_has_a_mark_and_quotes(trace: Path) -> None:
    trace.write_bytes(b'\xef\xbb\xbf"start","end","region"\r\n"0","600","eu"\r\n')

    assert replay(trace).exit_code == 0


@pytest.mark.parametrize("option", ["--pod-start", "--wait", "--warm-up"])
def test_what_is_no_number_is_refused(trace: Path, option: str) -> None:
    result = replay(trace, option, "nan")

    assert result.exit_code == 2
    assert option in result.output


def test_a_picture_has_to_be_png_or_svg(trace: Path) -> None:
    result = replay(trace, "--plot", "picture.gif")

    assert result.exit_code == 2
    assert "picture.gif is neither .png nor .svg" in result.output


def test_a_missing_extra_is_named_before_anything_is_replayed(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    result = replay(trace, "--plot", "picture.svg")

    assert result.exit_code == 1
    assert "pip install 'moorage[plot]'" in result.output
    assert "sessions …" not in result.output


def test_a_picture_is_drawn(trace: Path, tmp_path: Path) -> None:
    if find_spec("matplotlib") is None:
        pytest.skip("the [plot] extra is not installed")
    picture = tmp_path / "picture.svg"

    command = [sys.executable, "-m", "moorage.cli", "autoscaler", "replay", str(trace), "--plot", str(picture)]
    ran = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=50
    )  # its fonts stay open in a process

    assert ran.returncode == 0, ran.stderr
    assert "<svg" in picture.read_text()
