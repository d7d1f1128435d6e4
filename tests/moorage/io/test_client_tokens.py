"""The client SDK's tokens: a refused one is replaced by a fresh one, none is shown."""

from __future__ import annotations

import pytest

import moorage
from moorage.errors import Code, MoorageError
from tests.moorage.io.harbour import eventually
from tests.moorage.io.scripted import a_gateway, cuts, echo, ping, refuses


async def test_a_refused_token_is_replaced_by_one_fresh_one() -> None:
    fetched: list[str] = []

    async def fetch() -> str:
        fetched.append(f"tok{len(fetched)}")
        return fetched[-1]

    async with (
        a_gateway(refuses(Code.INVALID_SESSION_TOKEN), echo) as gateway,
        moorage.connect(gateway.url, fetch) as ws,
    ):
        await ws.send("hello")
        assert await ws.recv() == "hello"

    assert gateway.tokens == fetched == ["tok0", "tok1"]


async def test_a_second_refusal_is_final() -> None:
    async with a_gateway(refuses(Code.INVALID_SESSION_TOKEN)) as gateway:
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(gateway.url, lambda: "tok")

    assert caught.value.code is Code.INVALID_SESSION_TOKEN
    assert len(gateway.tokens) == 2


async def test_a_plain_token_is_not_shown_twice() -> None:
    async with a_gateway(refuses(Code.INVALID_SESSION_TOKEN)) as gateway:
        with pytest.raises(MoorageError):
            await moorage.connect(gateway.url, "tok")

    assert gateway.tokens == ["tok"]


async def test_a_token_that_expired_during_the_session_is_replaced_on_the_way_back() -> None:
    tokens = iter(["old", "new"])
    steps = (cuts(after=1), refuses(Code.INVALID_SESSION_TOKEN), echo)
    async with a_gateway(*steps) as gateway, moorage.connect(gateway.url, lambda: next(tokens)) as ws:
        await ping(ws)
        await eventually(lambda: len(gateway.tokens) == 3)
        await ping(ws)

        assert gateway.tokens == ["old", "old", "new"]


async def test_a_token_function_that_fails_is_an_error_without_the_secret() -> None:
    def fetch() -> str:
        raise RuntimeError("hunter2")

    with pytest.raises(MoorageError) as caught:
        await moorage.connect("ws://127.0.0.1:1", fetch)

    assert caught.value.code is Code.INVALID_SESSION_TOKEN
    assert "hunter2" not in str(caught.value)
