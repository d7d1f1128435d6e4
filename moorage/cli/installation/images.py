"""Why an image cannot be had, and whose business that is: the name's, the credentials' or the network's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from moorage.cli.installation.sayings import Trouble

REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(?:: )?')
_NOISE = re.compile(
    r"^(?:ErrImagePull: |rpc error: code = \w+ desc = |failed to pull and unpack image \S+ |[Ff]ailed to pull image \S+ )+"
)
_WHOSE = (
    (r"not found|manifest unknown|does not exist|no such manifest", "correct its repository and tag, or push it"),
    (
        r"unauthorized|denied|authori[sz]ation|forbidden|\b40[13]\b",
        "name a Secret with the registry's credentials in image.pullSecrets",
    ),
    (
        r"no such host|i/o timeout|connection refused|dial tcp|deadline exceeded|TLS|x509",
        "the node does not reach the registry: its network, proxy or certificates",
    ),
    (r"toomanyrequests|rate limit", "the registry counts pulls: log in with image.pullSecrets, or use a mirror"),
    (r"no space left", "the node's disk is full"),
)


def trouble(image: str, reason: str, message: str, told: Sequence[str]) -> Trouble:
    """`message`: of the container that waits; `told`: of the pod's events with reason Failed, the newest first, for a
    back-off that does not repeat what the registry said."""
    if reason == "ErrImageNeverPull":
        return Trouble(
            f"image {image} is not on its node, and pullPolicy is Never", "load it onto the nodes, or set pullPolicy"
        )
    if reason == "InvalidImageName":
        return Trouble(f"image {image} is no image's name", "correct its repository, tag or digest")
    said = _heard(message) or next(filter(None, map(_heard, told)), "") or "the registry's answer is not in the events"
    return Trouble(f"image {image} cannot be pulled: {said}", _whose(said))


def _heard(message: str) -> str:
    """What the registry said, without who passed it on.

    >>> _heard('Back-off pulling image "a:1": ErrImagePull: rpc error: code = NotFound desc = a:1: not found')
    'a:1: not found'
    """
    said = _NOISE.sub("", _BACK_OFF.sub("", message)).lstrip(": ")
    return "" if said in ("ErrImagePull", "Error: ErrImagePull", "Error: ImagePullBackOff") else said


def _whose(said: str) -> str:
    found = (advice for pattern, advice in _WHOSE if re.search(pattern, said, re.IGNORECASE))
    return next(found, "look whether the node reaches the registry, and whether the name is right")
