"""Where the autoscaler's rules are asked, by the settings."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.io.prometheus.client import Access, AccessError, Prometheus
from autoscaler.io.prometheus.rules import Rules
from autoscaler.io.signals import NoSignals, Signals
from moorage.cli.settings.autoscaler import PrometheusGroup
from moorage.cli.sources import WrongSetting


def open_signals(settings: PrometheusGroup, now: Callable[[], float]) -> Signals:
    """Whoever gets it closes it. Raises WrongSetting."""
    if not settings.urls:
        return NoSignals()
    access = Access(
        settings.urls,
        timeout=settings.timeout,
        bearer_token_file=settings.bearer_token_file,
        username=settings.username,
        password_file=settings.password_file,
        ca_file=settings.ca_file,
    )
    try:
        return Rules(Prometheus(access), now, settings.every)
    except AccessError as error:
        raise WrongSetting(f"autoscaler.{error}") from error
