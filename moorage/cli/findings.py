"""What `moorage doctor` says: each finding a sentence, and what to do where something is to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

ENOUGH_FILES = 4096  # a relayed session takes two descriptors
SLOW_CLOCK_SECONDS = 5.0  # the leeway of a token (moorage.tokens.LEEWAY)
SOON = timedelta(days=14)
PASSING = "settling"  # a freeze that ends by itself
LEAST_REDIS = 7  # scripts with flags, such as allow-oom


class Grade(Enum):
    """How bad."""

    OK = "ok"
    NOTE = "note"  # to know, nothing to do
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    subject: str
    grade: Grade
    sentence: str
    advice: str = ""


def exit_code(findings: Iterable[Finding]) -> int:
    """1 where something fails; warnings let a start go on."""
    return int(any(finding.grade is Grade.FAIL for finding in findings))


def port(name: str, address: str, *, error: str | None, is_ours: bool, option: str) -> Finding:
    """A port that `moorage up` will want."""
    subject = f"port of {name}"
    if is_ours:
        return Finding(subject, Grade.OK, f"{address} serves a Moorage that runs here")
    if error is None:
        return Finding(subject, Grade.OK, f"{address} is free")
    number = address.rpartition(":")[2]
    advice = f"stop what uses it (`ss -ltnp 'sport = :{number}'`), or choose another with {option}"
    return Finding(subject, Grade.FAIL, f"{address} cannot be used: {error}", advice)


def file_descriptors(soft: int, hard: int) -> Finding:
    """A relayed session takes two."""
    sessions = max(0, soft // 2 - 100)
    sentence = f"{soft} file descriptors (at most {hard}) carry about {sessions} sessions"
    if soft >= ENOUGH_FILES:
        return Finding("file descriptors", Grade.OK, sentence)
    more = f"`ulimit -n {hard}`" if hard > soft else "raise LimitNOFILE (systemd) or the container's ulimit"
    return Finding("file descriptors", Grade.WARN, sentence, f"for more: {more}")


def clock(*, is_synchronised: bool | None, offset_seconds: float | None) -> Finding:
    """Tokens of another machine are checked against this clock. None: could not be found out."""
    if offset_seconds is not None and abs(offset_seconds) > SLOW_CLOCK_SECONDS:
        sentence = f"this clock is {offset_seconds:+.0f} s from the API's: tokens will look expired or not yet valid"
        return Finding("clock", Grade.FAIL, sentence, "run an NTP client on both machines")
    if is_synchronised is False:
        sentence = "the kernel says that nobody keeps this clock right"
        return Finding("clock", Grade.WARN, sentence, "run an NTP client (chrony, systemd-timesyncd)")
    return Finding("clock", Grade.OK, "the clock is kept right" if is_synchronised else "no sign of a wrong clock")


def certificate(name: str, expires_at: datetime | None, error: str | None, now: datetime) -> Finding:
    """A certificate and its key, loaded as a server would."""
    subject = f"TLS of {name}"
    if error is not None or expires_at is None:
        return Finding(
            subject, Grade.FAIL, f"the files cannot be used: {error}", "give a PEM chain and its own private key"
        )
    if expires_at <= now:
        return Finding(subject, Grade.FAIL, f"the certificate expired on {expires_at:%Y-%m-%d}", "renew it")
    sentence = f"the certificate and its key fit, valid until {expires_at:%Y-%m-%d}"
    if expires_at - now < SOON:
        return Finding(subject, Grade.WARN, sentence, "renew it now: SIGHUP takes the new one without a restart")
    return Finding(subject, Grade.OK, sentence)


def data_folder(path: str, error: str | None) -> Finding:
    """Keys, certificates and the database live there."""
    if error is None:
        return Finding("data folder", Grade.OK, f"{path} can be written")
    advice = "give another with --data or MOORAGE_DATA, or free space and rights"
    return Finding("data folder", Grade.FAIL, f"{path} cannot be written: {error}", advice)


def relay(name: str | None, why: str) -> Finding:
    """Which of the two relays will run. None: neither can."""
    if name is None:
        return Finding("relay", Grade.FAIL, why, "set gateway.wire to auto, or install with a C compiler")
    if name == "compiled":
        return Finding("relay", Grade.OK, why)
    advice = "relaying small messages costs about 1.6 x the CPU this way; nothing else changes"
    return Finding("relay", Grade.WARN, f"the pure-Python relay will run: {why}", advice)


def loop(version: str | None) -> Finding:
    """Which event loop runs."""
    if version is None:
        sentence = "uvloop is missing: everything is slower on asyncio's own loop"
        return Finding("event loop", Grade.WARN, sentence, "pip install 'moorage[server]'")
    return Finding("event loop", Grade.OK, f"uvloop {version} runs")


def store(is_running: bool | None) -> Finding:
    """Where the fleet's state is."""
    if is_running is False:
        return Finding("store", Grade.FAIL, "the running Moorage says that its store does not answer", "see its logs")
    told = "answers" if is_running else "will be used"
    return Finding(
        "store", Grade.OK, f"the store in memory {told}: live sessions do not survive a restart of the process"
    )


def autoscaler(*, is_looking: bool, frozen: Iterable[tuple[str, str]]) -> Finding:
    """Who keeps the number of workers right here. `frozen`: pool and reason of each freeze in force."""
    if not is_looking:
        sentence = "no pool was looked at for over a minute: workers stay as they are"
        return Finding("autoscaler", Grade.WARN, sentence, "see its log: `look_failed` says why")
    found = sorted(pair for pair in frozen if pair[1] != PASSING)
    if not found:
        return Finding("autoscaler", Grade.OK, "it follows the sessions")
    said = ", ".join(f"{pool} ({reason})" for pool, reason in found)
    advice = (
        f"`moorage autoscaler explain {found[0][0].rpartition('/')[2]}` says it in words; docs/autoscaler.md what to do"
    )
    return Finding("autoscaler", Grade.WARN, f"frozen: {said}", advice)


def store_away(sentence: str, advice: str = "start it, or correct store.url (--store, MOORAGE_STORE__URL)") -> Finding:
    """A store that a start would not reach."""
    return Finding("store", Grade.FAIL, sentence, advice)


def info(text: str) -> dict[str, str]:
    """What a server says of itself (INFO).

    >>> info("# Server\\r\\nredis_version:7.2.4\\r\\n")
    {'redis_version': '7.2.4'}
    """
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))


def store_server(where: str, said: dict[str, str], schema: str | None, ours: str) -> list[Finding]:
    """A Redis or Valkey: its version, its schema, what it does when it is full, and what it keeps over a restart."""
    version = said.get("valkey_version") or said.get("redis_version", "0")
    found = [Finding("store", Grade.OK, f"{where} answers, version {version}")]
    if int(said.get("redis_version", "0").partition(".")[0] or 0) < LEAST_REDIS:
        old = f"{where} is version {version}: the scripts need {LEAST_REDIS} or newer"
        found = [Finding("store", Grade.FAIL, old, f"upgrade it to Redis {LEAST_REDIS} or any Valkey")]
    if schema is not None and schema != ours:
        other = f"its keys are of schema version {schema}, this program speaks {ours}"
        found.append(
            Finding("store schema", Grade.FAIL, other, "run one version, or give this one a ?prefix= of its own")
        )
    policy = said.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        sentence = f"it throws keys away when it is full (maxmemory-policy {policy}): sessions would be lost unseen"
        found.append(Finding("store memory", Grade.FAIL, sentence, "set maxmemory-policy noeviction"))
    if said.get("aof_enabled", "0") == "0":
        sentence = "it keeps no log: a restart of it forgets sessions until gateways and workers bring them back"
        found.append(Finding("store persistence", Grade.WARN, sentence, "set appendonly yes and appendfsync everysec"))
    return found


def database(where: str, error: str | None) -> Finding:
    """A database of its own."""
    if error is None:
        return Finding("database", Grade.OK, f"{where} answers")
    advice = "start it, or correct controlplane.database_url (--database)"
    return Finding("database", Grade.FAIL, f"{where} cannot be used: {error}", advice)
