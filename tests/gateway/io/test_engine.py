"""Which wire is chosen, and what the doctor says of it."""

from __future__ import annotations

import asyncio
import os

import pytest

from gateway.io import engine
from gateway.io.engine import available, make_wire, pump


async def name_of(prefer: str, *, tls: bool = False) -> str:
    wire = make_wire(asyncio.get_running_loop(), prefer, tls=tls)
    wire.close()
    return wire.name


async def test_the_compiled_wire_is_chosen_where_it_was_built() -> None:
    expected = "compiled" if pump is not None else "pure"

    assert await name_of("auto") == await name_of("auto", tls=True) == expected
    assert await name_of("pure") == "pure"


@pytest.mark.skipif(not os.environ.get("CI"), reason="a machine without a compiler may test the pure wire alone")
async def test_under_ci_both_wires_are_there() -> None:
    """Tests of a wire that was not built are skipped: half the suite would pass by not running."""
    assert available() == "the compiled relay runs, with TLS"


async def test_without_the_extension_the_pure_wire_runs_and_the_doctor_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "pump", None)

    assert await name_of("auto") == "pure"
    assert "install a C compiler" in available()
    with pytest.raises(RuntimeError, match="install a C compiler"):
        await name_of("compiled")


async def test_an_openssl_that_cannot_be_called_leaves_tls_to_the_pure_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    if pump is None:
        pytest.skip("the extension is not built")
    monkeypatch.setattr(pump, "TLS_LIBRARY_IS_SHARED", False)

    assert await name_of("auto") == "compiled"
    assert await name_of("auto", tls=True) == "pure"
    assert "statically" in available()


async def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="fastest"):
        await name_of("fastest")
