"""`moorage autoscaler` as a process of its own over a shared store: it leads, hands over, reloads, and checks its file."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from autoscaler.policy import KubernetesTarget, LocalTarget, PoolPolicy
from moorage.cli.root import moorage
from moorage.cli.sources import WrongSetting
from moorage.cli.targets import check_installed
from tests.moorage.cli.fleet import Program, a_store, eventually, program

WAITS = json.dumps([sys.executable, "-c", "import sys; sys.stdin.read()"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "store"
    folder.mkdir()
    with a_store(folder) as url:
        yield url


def a_file(folder: Path, **said: Any) -> Path:
    """One local pool whose members only wait."""
    path = folder / "pools.toml"
    more = "".join(f"{name} = {json.dumps(value)}\n" for name, value in said.items())
    path.write_text(
        f'[[pools]]\nregion = "eu"\npool = "gpu"\nslots = 4\ntarget = {{ kind = "local", command = {WAITS} }}\n{more}'
    )
    return path


def page(of: Program, path: str) -> str:
    with urlopen(f"{of.said['observe']}{path}", timeout=5) as answer:  # noqa: S310 - our own address
        text: str = answer.read().decode()
    return text


def value(of: Program, name: str) -> float:
    lines = [line for line in page(of, "/metrics").splitlines() if line.startswith(f"moorage_autoscaler_{name}{{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def options(store: str, policy: Path) -> list[str]:
    return ["--store", store, "--policy", str(policy), "--metrics-port", "0"]


def test_it_is_ready_leads_and_fills_its_pool(tmp_path: Path, store: str) -> None:
    with program(tmp_path, "autoscaler", *options(store, a_file(tmp_path, minimum=2))) as alone:
        eventually(lambda: value(alone, "leader") == 1 and value(alone, "target_replicas") == 2)
        ready = eventually(lambda: _ready(alone))

        assert alone.said["pools"] == ["eu/gpu"]
        assert ready == {"status": "ok", "parts": {"autoscaler": True, "store": True}}
        assert alone.stop() == 0


def test_who_is_stopped_hands_over_at_once(tmp_path: Path, store: str) -> None:
    policy = a_file(tmp_path)
    with (
        program(tmp_path, "autoscaler", *options(store, policy)) as first,
        program(tmp_path, "autoscaler", *options(store, policy)) as second,
    ):
        eventually(lambda: value(first, "leader") == 1)
        assert value(second, "leader") == 0

        assert first.stop() == 0

        eventually(lambda: value(second, "leader") == 1, within=5.0)


def test_hangup_takes_over_new_policies_and_keeps_the_old_ones_where_the_file_is_wrong(
    tmp_path: Path, store: str
) -> None:
    policy = a_file(tmp_path, minimum=1)
    with program(tmp_path, "autoscaler", *options(store, policy)) as alone:
        eventually(lambda: value(alone, "target_replicas") == 1)

        a_file(tmp_path, minimum=9, maximum=2)
        alone.process.send_signal(signal.SIGHUP)
        eventually(lambda: "policies_not_reloaded" in alone.log.read_text())
        assert "minimum is 9: it may be at most maximum" in alone.log.read_text()
        assert value(alone, "target_replicas") == 1

        a_file(tmp_path, minimum=3)
        alone.process.send_signal(signal.SIGHUP)
        eventually(lambda: value(alone, "target_replicas") == 3)


def test_a_wrong_file_stops_the_start_with_one_sentence(tmp_path: Path, store: str) -> None:
    answer = CliRunner().invoke(moorage, ["autoscaler", *options(store, a_file(tmp_path, minimum=-1))])

    assert answer.exit_code == 1
    assert "minimum is -1" in answer.output


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["autoscaler", "--metrics-port", "0"], "name one with --store"),
        (["autoscaler", "run", "--store", "unix:///nowhere", "--metrics-port", "0"], "give a TOML file with --policy"),
        (["autoscaler", "--store", "unix:///nowhere", "--policy", "/none.toml", "--metrics-port", "0"], "/none.toml"),
    ],
)
def test_what_is_missing_is_named(given: list[str], said: str) -> None:
    answer = CliRunner().invoke(moorage, given)

    assert answer.exit_code == 1
    assert said in answer.output


def test_rules_without_a_prometheus_are_refused(tmp_path: Path) -> None:
    policy = a_file(tmp_path)
    policy.write_text(policy.read_text() + '[[pools.rules]]\nname = "a"\nquery = "x"\nper_worker = 1\n')

    answer = CliRunner().invoke(moorage, ["autoscaler", *options("unix:///nowhere", policy)])

    assert answer.exit_code == 1
    assert "pool eu/gpu has rules, and nobody to ask" in answer.output


def test_check_prints_what_is_in_force(tmp_path: Path) -> None:
    policy = a_file(tmp_path, maximum=7)

    shown = CliRunner().invoke(moorage, ["autoscaler", "check", str(policy)])
    said = json.loads(CliRunner().invoke(moorage, ["autoscaler", "check", str(policy), "--json"]).stdout)

    assert shown.exit_code == 0
    assert "eu/gpu" in shown.output
    assert "maximum            7" in shown.output
    assert "1 pool, all of them can be used." in shown.output
    assert (said[0]["maximum"], said[0]["every"], said[0]["target"]["kind"]) == (7, 5.0, "local")


def test_check_of_a_wrong_file_names_the_field(tmp_path: Path) -> None:
    answer = CliRunner().invoke(moorage, ["autoscaler", "check", str(a_file(tmp_path, every=0))])

    assert answer.exit_code == 1
    assert "every is 0: it may be a number from 1 to 3600" in answer.output


def _ready(alone: Program) -> dict[str, Any] | None:
    said: dict[str, Any] = json.loads(page(alone, "/readyz"))
    return said if said["parts"]["autoscaler"] else None


def test_a_pool_in_kubernetes_without_its_extra_is_refused_before_another_is_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = PoolPolicy("eu", "here", LocalTarget(("true",)), 8)
    there = PoolPolicy("eu", "there", KubernetesTarget("default", "gpu"), 8)
    monkeypatch.setitem(sys.modules, "kubernetes", None)

    check_installed([here])
    with pytest.raises(WrongSetting, match=r"pool eu/there .* pip install 'moorage\[kubernetes\]'"):
        check_installed([here, there])
