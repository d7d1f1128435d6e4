"""Tests of controlplane/nodes.py."""

from __future__ import annotations

from controlplane.nodes import node_for
from moorage.ids import SessionId

S = SessionId("ses_1")


def test_a_preset_address_is_what_clients_get() -> None:
    assert node_for(S, ["ws://a"], "wss://public", "ws://a") == "wss://public"


def test_a_live_node_stays() -> None:
    assert node_for(S, ["ws://a", "ws://b"], "", "ws://b") == "ws://b"


def test_a_dead_node_is_replaced_by_a_live_one() -> None:
    assert node_for(S, ["ws://a"], "", "ws://gone") == "ws://a"


def test_without_any_gateway_nothing_new_is_promised() -> None:
    assert node_for(S, [], "") is None
    assert node_for(S, [], "", "ws://last") == "ws://last"


def test_sessions_spread_over_nodes_and_the_order_of_nodes_does_not_matter() -> None:
    nodes = ["ws://a", "ws://b"]
    sessions = [SessionId(f"ses_{index}") for index in range(100)]

    chosen = [node_for(session, nodes, "") for session in sessions]

    assert 20 < chosen.count("ws://a") < 80
    assert chosen == [node_for(session, nodes[::-1], "") for session in sessions]
