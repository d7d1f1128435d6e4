"""A Service as clients meet it from outside the pods: one address, and the kernel knows which gateway a connection reached."""

from __future__ import annotations

import re
import subprocess
from ssl import SSLContext

_REPLY = re.compile(r" src=\S+ dst=\S+ sport=(\d+) dport=7400 src=(\S+) ")


class Service:
    """`tests.survival.balancer.Entrance`, with kube-proxy for a balancer."""

    def __init__(self, url: str, ssl: SSLContext) -> None:
        self.url = url
        self.ssl: SSLContext | None = ssl

    def gateway_of(self, port: int) -> str:
        """`gateway-<address of its pod>`; "" where the connection is not known any more. A port that is used again went anew, so
        that each question is answered from the table of now."""
        table = subprocess.run(
            ["conntrack", "-L", "-p", "tcp", "--orig-port-src", str(port)],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout
        found = [source for sport, source in _REPLY.findall(table) if int(sport) == port]
        return f"gateway-{found[-1]}" if found else ""
