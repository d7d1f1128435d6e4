"""Which kubeconfig and which namespace."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.cli.installation.whereabouts import missing_kubeconfig, namespace_of

CONFIG = (
    "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: k, cluster: {server: 'http://h'}}]\n"
    "users: [{name: u, user: {token: t}}]\ncontexts:\n"
    "- {name: a, context: {cluster: k, user: u, namespace: voices}}\n- {name: b, context: {cluster: k, user: u}}\n"
)


def test_a_namespace_is_the_contexts(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(CONFIG)

    assert namespace_of(config, None) == "voices"
    assert namespace_of(config, "b") == "default"
    assert namespace_of(tmp_path / "nothing", None) == "default"


def test_a_kubeconfig_that_is_not_there_is_said_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    there = tmp_path / "config"
    there.write_text(CONFIG)

    nothing, wrong = missing_kubeconfig(None), missing_kubeconfig(tmp_path / "nowhere")

    assert nothing is not None
    assert "neither KUBECONFIG nor" in nothing.sentence
    assert wrong is not None
    assert f"there is no kubeconfig {tmp_path}/nowhere" in wrong.sentence
    assert missing_kubeconfig(there) is None
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/nowhere:{there}")
    assert missing_kubeconfig(None) is None
