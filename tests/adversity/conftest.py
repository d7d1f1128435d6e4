"""The whole system of the flows, with something in between that does harm."""

from __future__ import annotations

from tests.flows.conftest import pytest_asyncio_loop_factories, wire

__all__ = ["pytest_asyncio_loop_factories", "wire"]
