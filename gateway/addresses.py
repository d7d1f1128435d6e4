"""Whose address counts: networks, trusted proxies, and the unit that is limited."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from gateway.policy import Networks

_IPV6_UNIT = 64  # what one subscriber gets (RFC 6177): the addresses in it are one person's


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """A literal address, IPv4-mapped IPv6 unmapped, brackets and zone removed; None for anything else."""
    try:
        address = ip_address(text.strip().removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_inside(text: str, networks: Networks) -> bool:
    """Whether a literal address lies in one of the networks."""
    address = parse_address(text)
    return address is not None and any(address in network for network in networks)


def client_address(peer: str, forwarded_for: list[str], trusted: Networks) -> str:
    """The nearest address that is not a trusted proxy's, read from the right: what lies left of it can be forged.

    `forwarded_for` are the members of X-Forwarded-For in order. An unreadable member ends the walk.
    """
    if not trusted or not is_inside(peer, trusted):
        return peer
    nearest = peer
    for member in reversed(forwarded_for):
        address = parse_address(_without_port(member))
        if address is None:
            break
        nearest = str(address)
        if not any(address in network for network in trusted):
            break
    return nearest


def limited_unit(address: str) -> str:
    """The key under which an address is limited: itself, or its /64."""
    parsed = parse_address(address) if ":" in address else None
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_UNIT), strict=False))
    return address


def _without_port(member: str) -> str:
    if member.startswith("["):
        return member.partition("]")[0]
    return member.partition(":")[0] if member.count(":") == 1 else member
