"""The cluster of the autoscaler's tests, for those here that want one."""

from tests.autoscaler.io.kubernetes.conftest import fleet, place, pytest_runtest_setup

__all__ = ["fleet", "place", "pytest_runtest_setup"]
