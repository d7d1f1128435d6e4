"""Settings of `moorage autoscaler`: where its policies are, and what it reaches."""

from __future__ import annotations

from pathlib import Path

from moorage.cli.settings.fields import Commas, Group, group, setting


class PrometheusGroup(Group):
    """Where the rules of policies are asked. Files are read anew at each query."""

    urls: Commas[str] = setting((), "addresses of replicas that scrape the same targets; empty is none at all")
    timeout: float = setting(5.0, "of one query, the whole of it", "seconds", gt=0, le=60)
    every: float = setting(10.0, "from one round of all rules to the next", "seconds", ge=1)
    bearer_token_file: Path | None = setting(None, "file with a bearer token")
    username: str = setting("", "user of basic authentication")
    password_file: Path | None = setting(None, "file with that user's password")
    ca_file: Path | None = setting(None, "PEM of the authorities to trust instead of the system's")


class AutoscalerGroup(Group):
    """The autoscaler. How each pool is scaled is in the policy file."""

    policy: Path | None = setting(None, "TOML file of the pools' policies, read again on SIGHUP")
    kubeconfig: Path | None = setting(None, "credentials for Kubernetes; empty is those of the pod it runs in")
    lease: str = setting(
        "moorage-autoscaler", "name of the Lease by which one of several leads pools in Kubernetes", min_length=1
    )
    lease_namespace: str = setting(
        "", "its namespace; empty is that of the pod it runs in, else that of the first target"
    )
    prometheus: PrometheusGroup = group(PrometheusGroup, "what rules ask")
