"""Settings of `moorage autoscaler`: where its policies are, and what it reaches."""

from __future__ import annotations

from pathlib import Path

from moorage.cli.settings.fields import Group, setting


class AutoscalerGroup(Group):
    """The autoscaler. How each pool is scaled is in the policy file."""

    policy: Path | None = setting(None, "TOML file of the pools' policies, read again on SIGHUP")
    kubeconfig: Path | None = setting(None, "credentials for Kubernetes; empty is those of the pod it runs in")
