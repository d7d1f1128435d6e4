"""What a parent owns and its children use: the private folder, the listening sockets, the board of seats."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from socket import socket

from controlplane.io.listener import bound as bound_rest
from gateway.io.seats import new_board
from gateway.io.sockets import listening_socket
from moorage.cli.settings import Settings

REST_BACKLOG = 1024
SOCKET_PATH_BYTES = 107  # sun_path, unix(7)


@asynccontextmanager
async def private_folder(data: Path) -> AsyncIterator[Path]:
    """For sockets that are nobody else's: in the data folder, or, where its path is too long for a socket, elsewhere."""
    folder = data / "run"
    with ExitStack() as stack:
        if len(os.fsencode(folder / "controlplane.00000")) > SOCKET_PATH_BYTES:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="moorage-")))
        else:
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        yield folder


@asynccontextmanager
async def board_of(seats: int) -> AsyncIterator[int]:
    descriptor = new_board(seats)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@asynccontextmanager
async def listening_doors(settings: Settings) -> AsyncIterator[Mapping[str, socket]]:
    """The sockets that outlive every child. Raises OSError naming the address."""
    gateway = settings.gateway
    with ExitStack() as stack:
        host, link_host = gateway.host or settings.host, gateway.link_host or settings.host
        clients = stack.enter_context(listening_socket(host, gateway.port, clients_speak_first=True))
        link = stack.enter_context(listening_socket(link_host, gateway.link_port))
        rest = stack.enter_context(bound_rest(settings.controlplane.host or settings.host, settings.controlplane.port))
        rest.listen(REST_BACKLOG)
        yield {"clients": clients, "link": link, "rest": rest}
