"""Which store a URL names, and how long a start waits for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from moorage.cli.sources import WrongSetting, load
from moorage.cli.stores import StoreAway, checked, open_store, reach, shared
from scheduler.io.memory import MemoryStore
from scheduler.store import Unavailable
from scheduler.storeurl import parse_store_url
from tests.scheduler.builders import a_scale_request

URL = parse_store_url("redis://h")


class Reluctant:
    """A store that is away for some tries."""

    def __init__(self, tries: int) -> None:
        self.left = tries

    async def open(self) -> None:
        if self.left:
            self.left -= 1
            raise Unavailable("nobody is there")


@pytest.mark.parametrize("url", ["", "memory:"])
async def test_memory_is_the_store_of_one_process(url: str) -> None:
    settings = load({"store.url": url}, None).settings

    async with open_store(settings, CollectorRegistry()) as store:
        assert isinstance(store, MemoryStore)
    with pytest.raises(WrongSetting, match="memory cannot be shared"):
        shared(url, "gateway")


async def test_what_operators_wish_is_kept_in_the_data_folder_of_a_store_in_memory(tmp_path: Path) -> None:
    settings = load({"data": tmp_path}, None).settings
    request = replace(a_scale_request(), expires_at=time.time() + 60)
    async with open_store(settings, CollectorRegistry()) as store:
        await store.put_scale_request(request)

    async with open_store(settings, CollectorRegistry()) as again:
        assert await again.scale_requests() == [request]


def test_a_wrong_url_names_the_setting_and_never_the_password() -> None:
    with pytest.raises(WrongSetting, match="MOORAGE_STORE__URL") as told:
        checked("ftp://u:secret@h")

    assert "secret" not in str(told.value)


@pytest.mark.looptime
async def test_a_store_that_comes_within_the_time_is_waited_for() -> None:
    store = Reluctant(8)

    await reach(store, URL, within=10)

    assert asyncio.get_running_loop().time() == pytest.approx(2.0)


@pytest.mark.looptime
async def test_a_store_that_stays_away_ends_the_start_with_its_reason() -> None:
    with pytest.raises(StoreAway, match="nobody is there"):
        await reach(Reluctant(1000), URL, within=3)

    assert asyncio.get_running_loop().time() == pytest.approx(3.0)
