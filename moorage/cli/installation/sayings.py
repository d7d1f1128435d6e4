"""What a program's last words mean: one table of what Moorage's programs, their stores and their disks are known to say.

The words are the programs' own (`moorage/io/link.py`, `moorage/cli/launch.py`, `controlplane/io/reasons.py`,
`scheduler/io/redis/client/failures.py`); the
tests hold them together.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from moorage.cli.installation.documents import short


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with something, as the end of a sentence, and what to do."""

    what: str
    advice: str


_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        r"No space left on device|database or disk is full|no room is left for|the disk of \S+ is full|MISCONF",
        "its volume is full",
        "give the claim more room (persistence.size, if its class allows it), or free some: docs/operate.md, A full volume",
    ),
    (
        r"OOM command not allowed|is full \(maxmemory\)",
        "the store is full",
        "raise valkey.maxMemory and the memory limit with it, or give your own Redis more memory",
    ),
    (
        r"no such join key",
        "no gateway knows its join key",
        "its key and the pool's item of Secret <fullname>-join differ, or no control plane is ready to make keys known",
    ),
    (
        r"this join key is for [^\"\\]*",
        "{0}",
        "a join key lets in one pool and region: those that the pod says are others than those of its key",
    ),
    (
        r"no join key: give",
        "it has no join key",
        "mount the pool's item of Secret <fullname>-join, and name it in MOORAGE_JOIN_KEY_FILE",
    ),
    (
        r"(the join key's file [^\"\n]*)",
        "{1}",
        "the pool's item of Secret <fullname>-join (or joinKey.existingSecret) must be there and hold the key",
    ),
    (
        r"(\S+ \(MOORAGE_LINK_CA_FILE\)[^\"\n]*)",
        "{1}",
        "Secret tls.linkSecretName needs ca.crt, in PEM form",
    ),
    (
        r"no link to (\S+): [^\"]*(?:certificate verify failed|CERTIFICATE_VERIFY_FAILED)[^\"]*",
        "it does not trust the certificate at its link address {1}",
        "ca.crt of Secret tls.linkSecretName must be of who signed it, and its name <fullname>-links.<namespace>.svc",
    ),
    (
        r"no link to (\S+): [^\"]*(?:not known|No address|name resolution|getaddrinfo)[^\"]*",
        "the name in its link address {1} is not known",
        "it is ws://<fullname>-links.<namespace>.svc:7403/link; a name without addresses means that no gateway is ready",
    ),
    (
        r"no link to (\S+): ([^\"]*)",
        "no gateway answers at its link address {1} ({2})",
        "it is ws://<fullname>-links.<namespace>.svc:7403/link; else look at the gateways, and at the NetworkPolicy between",
    ),
    (
        r"(\S+) refused this worker: the gateway answered (\d+)",
        "what answers at its link address {1} is no link (it said {2})",
        "the address ends with :7403/link",
    ),
    (r"refused this worker: ([^\"]*)", "the gateway refused it: {1}", "correct what the refusal names"),
    (
        r"^(?:Error: )?(?:the start failed: )?([^\n]*?): [^:\n]*correct controlplane\.database_url",
        "its database cannot be used: {1}",
        "correct what it names in database.url (or its Secret), or start the database",
    ),
    (
        r"(no answer from \S+: it is down|the database (?:\S+ )?(?:cannot be reached|did not answer|failed)[^\"\n]*)",
        "its database cannot be used: {1}",
        "look at the database, at host and port of database.url, and at networkPolicy.databaseTo",
    ),
    (
        r"(controlplane\.database_url[^\"\n]*)",
        "its database's address is wrong: {1}",
        "correct database.url, or the key of database.existingSecret",
    ),
    (
        r"(SQLite (?:cannot open|may not write) [^\n]*)",
        "{1}",
        "the volume at /data must be writable for user 10001: look at fsGroup and the claim",
    ),
    (
        r"the store cannot be used: ([^\"\n]*)",
        "its store cannot be used: {1}",
        "look at the Valkey's pod, or correct redis.url (or its Secret); networkPolicy.redisTo must allow the way",
    ),
    (
        r"waiting_for_token_keys",
        "it waits for the keys that check tokens",
        "the control plane puts them into the store: look at its pod, and whether both have the same store",
    ),
    (
        r"(?:Permission denied|Read-only file system)(: \S+)?",
        "it may not write{1}",
        "only /data and /tmp are writable: look at the volumes",
    ),
    (r"Error: (?:the start failed: )?([^\n]+)", "{1}", ""),
)


def meaning(log: str) -> Trouble | None:
    """Of the newest line that says something known. A line may be JSON, as our programs write it."""
    for line in reversed(log.splitlines()):
        for pattern, what, advice in _KNOWN:
            if found := re.search(pattern, _words(line)):
                said = [short(found[0]), *(short(group or "") for group in found.groups())]
                return Trouble(what.format(*said), advice)
    return None


def last_words(log: str) -> str:
    """The last line that is not empty, for somebody to read."""
    lines = [line for line in log.splitlines() if line.strip()]
    return short(_words(lines[-1])) if lines else ""


def _words(line: str) -> str:
    """Of a JSON line: its event and detail; the line itself otherwise."""
    if not line.startswith("{"):
        return line
    try:
        said = json.loads(line)
    except ValueError:
        return line
    if not isinstance(said, dict):
        return line
    return " ".join(str(said[key]) for key in ("event", "detail", "error", "exception") if said.get(key)) or line
