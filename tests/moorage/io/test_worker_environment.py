"""What a worker reads from its environment and from the files that this names."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.examples.echo import echo
from moorage.io.worker import Worker
from moorage.io.worker_environment import default_name, key_in, labels_of, port_of, trust_in
from moorage.io.worker_options import LET_IN_FROM_FILE_SECONDS


def test_every_option_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "join.key"
    key.write_text("jk_from_a_file\n")
    for name, value in {
        "MOORAGE_JOIN_KEY_FILE": str(key),
        "MOORAGE_WORKER_SLOTS": "7",
        "MOORAGE_WORKER_LABELS": "gpu=a100, zone = 2",
        "MOORAGE_WORKER_DRAIN_SECONDS": "2.5",
        "MOORAGE_POD_IP": "10.1.2.3",
    }.items():
        monkeypatch.setenv(name, value)

    options = Worker(echo).options

    assert (options.join_key, options.join_key_file) == ("jk_from_a_file", key)
    assert options.let_in_seconds == LET_IN_FROM_FILE_SECONDS
    assert (options.slots, options.drain_seconds) == (7, 2.5)
    assert options.labels == (("gpu", "a100"), ("zone", "2"))
    assert (options.host, options.advertised("127.0.0.6", 7410)) == ("0.0.0.0", "10.1.2.3:7410")
    assert Worker(echo, slots=1, drain_seconds=0.0, labels={}, join_key="jk").options.slots == 1


def test_a_key_that_is_given_goes_before_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOORAGE_JOIN_KEY_FILE", str(tmp_path / "missing"))

    assert Worker(echo, join_key="jk").options.join_key == "jk"


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({}, 0),
        ({"MOORAGE_POD_NAME": "pod"}, 7410),
        ({"MOORAGE_POD_NAME": "pod", "MOORAGE_WORKER_PORT": "9000"}, 9000),
        ({"MOORAGE_WORKER_PORT": "tcp://10.0.0.1:80"}, 0),
    ],
    ids=["anywhere", "in-a-pod", "named", "a-service-called-moorage-worker"],
)
def test_a_worker_in_a_pod_listens_where_probes_look(environment: dict[str, str], port: int) -> None:
    assert port_of(environment) == port


def test_a_worker_in_a_pod_has_the_pod_s_name() -> None:
    assert default_name({"MOORAGE_POD_NAME": "pool-gpu-x"}) == "pool-gpu-x"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MOORAGE_WORKER_PORT", "many", "MOORAGE_WORKER_PORT is 'many': it must be a number"),
        ("MOORAGE_WORKER_PORT", "70000", "port is from 0 to 65535, not 70000"),
        ("MOORAGE_WORKER_SLOTS", "2.5", "MOORAGE_WORKER_SLOTS is '2.5': it must be a number"),
        ("MOORAGE_WORKER_LABELS", "gpu", "MOORAGE_WORKER_LABELS: 'gpu' is no NAME=VALUE"),
        ("MOORAGE_LINK_CA_FILE", "/nowhere.pem", "/nowhere.pem .* cannot be read: No such file"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match=sentence):
        Worker(echo, join_key="jk")


def test_labels_may_be_left_out() -> None:
    assert labels_of({}) == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read: No such file"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff", "holds no text")],
    ids=["missing", "empty", "blank", "binary"],
)
def test_a_file_without_a_key_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "join.key"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ValueError, match=sentence):
        key_in(path)


def test_a_file_without_certificates_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    path.write_text("no certificate")

    with pytest.raises(ValueError, match="holds no certificates in PEM form"):
        trust_in(path)
