"""What a parent leaves to its child, read from one option."""

from __future__ import annotations

import os
import socket

import pytest

from gateway.io.seats import Board, new_board
from moorage.cli.programs.start import Start, inheritance
from moorage.cli.sources import WrongSetting, load


def test_sockets_and_a_seat_are_taken_and_not_passed_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        left = sock.dup().detach()
        os.set_inheritable(left, True)
        board = new_board(2)

        found = inheritance(f"gateway-1:clients={left},seat-1={board}")

        start = Start(load({}, None).settings, inherited=found)
        with found.sockets["clients"] as taken:
            assert (found.name, taken.getsockname()) == ("gateway-1", sock.getsockname())
            assert start.socket("clients") is taken
            assert start.socket("rest") is None
            assert not os.get_inheritable(left)
    assert found.seat is not None
    found.seat.close()


@pytest.mark.parametrize("text", ["gateway-1:clients=x", "gateway-1:clients=99999"])
def test_what_names_no_socket_is_refused(text: str) -> None:
    with pytest.raises(WrongSetting, match="no listening sockets"):
        inheritance(text)


def test_a_board_closes() -> None:
    descriptor = new_board(1)
    board = Board(descriptor)
    os.close(descriptor)

    board.close()

    with pytest.raises(ValueError, match="released"):
        board.write(0, 1)
