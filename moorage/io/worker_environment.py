"""What a worker's environment says, for whatever its constructor was not told.

| variable | what it is |
|---|---|
| MOORAGE_LINK | gateways, comma separated |
| MOORAGE_LINK_CA_FILE | PEM of the authorities that wss:// gateways are checked against, read at each dial |
| MOORAGE_JOIN_KEY, MOORAGE_JOIN_KEY_FILE | what lets it in; the file is read at each dial |
| MOORAGE_POOL, MOORAGE_REGION | where it belongs |
| MOORAGE_WORKER_NAME, _SLOTS, _LABELS, _DRAIN_SECONDS | labels are `name=value`, comma separated |
| MOORAGE_WORKER_HOST, _PORT, _ADDRESS | where it listens, and what gateways dial |
| MOORAGE_POD_NAMESPACE, MOORAGE_POD_NAME, MOORAGE_POD_UID, MOORAGE_POD_IP | its pod, by the downward API |
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import TypeVar

from moorage.link import MAX_TEXT, Pod

POD_PORT = 7410  # sessions and probes of a worker in a pod, where a probe and a network policy must name one
MAX_KEY_BYTES = 4096

T = TypeVar("T")
Environment = Mapping[str, str]

_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://.*")
"""What Kubernetes puts into every pod beside a Service called moorage-worker."""


def pod_of(environment: Environment) -> Pod | None:
    """From the downward API, or None outside Kubernetes."""
    names = [environment.get(f"MOORAGE_POD_{name}", "") for name in ("NAMESPACE", "NAME", "UID")]
    return Pod(*names) if all(names) else None


def default_name(environment: Environment) -> str:
    """The pod's name, or host and process."""
    named = environment.get("MOORAGE_WORKER_NAME") or environment.get("MOORAGE_POD_NAME")
    return named or f"{socket.gethostname()}-{os.getpid()}"[:MAX_TEXT]


def port_of(environment: Environment) -> int:
    """Where it listens; 0 takes any free one, which no probe could find in a pod. Raises ValueError."""
    said = environment.get("MOORAGE_WORKER_PORT", "")
    if said and not _SERVICE_LINK.fullmatch(said):
        return number_of(environment, "MOORAGE_WORKER_PORT", int, 0)
    return POD_PORT if environment.get("MOORAGE_POD_NAME") else 0


def number_of(environment: Environment, name: str, kind: Callable[[str], T], default: T) -> T:
    """Raises ValueError naming the variable."""
    said = environment.get(name, "")
    try:
        return kind(said) if said else default
    except ValueError:
        raise ValueError(f"{name} is {said[:80]!r}: it must be a number") from None


def labels_of(environment: Environment) -> dict[str, str]:
    """Raises ValueError for what is no `name=value`."""
    said = [part.strip() for part in environment.get("MOORAGE_WORKER_LABELS", "").split(",") if part.strip()]
    wrong = next((part for part in said if not part.partition("=")[0] or "=" not in part), None)
    if wrong is not None:
        raise ValueError(f"MOORAGE_WORKER_LABELS: {wrong[:80]!r} is no NAME=VALUE")
    return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in said)}


def key_in(path: Path) -> str:
    """A join key's file. Raises ValueError saying what is wrong with it."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_KEY_BYTES).decode("ascii").strip()
    except OSError as error:
        raise ValueError(f"the join key's file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError(f"the join key's file {path} holds no text") from None
    if not text:
        raise ValueError(f"the join key's file {path} is empty")
    return text


def trust_in(path: Path) -> SSLContext:
    """Those authorities and no others. Raises ValueError saying what is wrong with the file."""
    try:
        return create_default_context(cafile=path)
    except SSLError as error:  # is an OSError too
        raise ValueError(f"{path} (MOORAGE_LINK_CA_FILE) holds no certificates in PEM form: {error.reason}") from error
    except OSError as error:
        raise ValueError(f"{path} (MOORAGE_LINK_CA_FILE) cannot be read: {error.strerror}") from error


def path_of(environment: Environment, name: str) -> Path | None:
    """A file that a variable names."""
    return Path(environment[name]) if environment.get(name) else None
