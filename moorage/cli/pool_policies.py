"""The file of policies, read for the commands that need it."""

from __future__ import annotations

from pathlib import Path

from autoscaler.policies import WrongPolicy, policies_of
from autoscaler.policy import PoolPolicy
from moorage.cli.sources import WrongSetting


def read_policies(path: Path | None) -> tuple[PoolPolicy, ...]:
    """All of its pools. Raises WrongSetting."""
    if path is None:
        raise WrongSetting("no pools are named: give a TOML file with --policy or MOORAGE_AUTOSCALER__POLICY")
    try:
        return tuple(policies_of(path.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise WrongSetting(f"the policy file {path} cannot be read: {why}") from error
    except WrongPolicy as error:
        raise WrongSetting(f"{path}: {error}") from error
