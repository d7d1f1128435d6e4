"""Which gateway a worker dials next, and at which address."""

from __future__ import annotations

from itertools import islice

from moorage.io.gateways import forever, one_address, others


def test_every_gateway_comes_once_a_round_in_the_same_order() -> None:
    rounds = list(islice(forever(("a", "b", "c")), 9))

    assert set(rounds[:3]) == {"a", "b", "c"}
    assert rounds[:3] == rounds[3:6] == rounds[6:]


def test_a_name_of_several_gateways_leads_to_another_one_than_the_present() -> None:
    assert others(["10.0.0.1", "10.0.0.2", "10.0.0.1"], "10.0.0.1") == ["10.0.0.2"]
    assert others(["10.0.0.1"], "10.0.0.1") == ["10.0.0.1"]
    assert others(["10.0.0.1", "10.0.0.2"], "") == ["10.0.0.1", "10.0.0.2"]


async def test_the_only_address_is_dialled_again() -> None:
    assert await one_address("127.0.0.1", 7403, "127.0.0.1") == "127.0.0.1"
