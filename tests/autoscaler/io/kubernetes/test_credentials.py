"""Ways to an API server, and the sentence where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from autoscaler.io.kubernetes.credentials import NoCredentials, connect


def a_kubeconfig(folder: Path, **user: str) -> Path:
    path = folder / "config"
    said = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }
    path.write_text(yaml.safe_dump(said))
    return path


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a home nor a pod."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


async def test_a_kubeconfig_says_where_and_who(tmp_path: Path) -> None:
    client = await connect(a_kubeconfig(tmp_path, token="it"))

    assert client.configuration.host == "http://127.0.0.1:1"
    assert client.configuration.api_key["BearerToken"] == "Bearer it"
    assert client.configuration.retries is None
    await client.close()


async def test_the_environments_kubeconfig_comes_before_the_pods_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(a_kubeconfig(tmp_path)))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")

    client = await connect()

    assert client.configuration.host == "http://127.0.0.1:1"
    await client.close()


async def test_without_any_the_sentence_says_where_was_looked() -> None:
    with pytest.raises(NoCredentials, match="KUBECONFIG, a pod's service account"):
        await connect()


@pytest.mark.parametrize("said", ["", "- no mapping", "clusters: []"])
async def test_a_broken_kubeconfig_is_named(tmp_path: Path, said: str) -> None:
    path = tmp_path / "broken"
    path.write_text(said)

    with pytest.raises(NoCredentials, match="broken"):
        await connect(path)
