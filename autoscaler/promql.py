"""What a Prometheus answered, and how much of it may be believed. Nothing is read as zero that is not a zero.

A rule needs one number. An answer is told apart as: a number; a number with a warning (a part of the data is missing, which
federating servers say with `warnings`); no series; several series; not a number; an error of the query, which asking again
does not mend; and no answer at all. Replicas that scrape the same targets are asked at once and the largest number that may be
believed is taken: one that was just restarted knows less than the others, never more.
Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import isfinite
from typing import Any

from autoscaler.observation import Health, Sample

LARGEST = 1e12  # a demand beyond it is a mistake in the query
MAX_DETAIL = 300


class Fault(Enum):
    """Why a query gave no number. docs/autoscaler.md says what to do about each."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"  # 401, 403: its credentials
    BUSY = "busy"  # 429, 503
    BROKEN = "broken"  # another status, or no Prometheus answer
    QUERY = "query"  # a PromQL error
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    SEVERAL = "several"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True, slots=True)
class Number:
    """One value, and what the server warned of."""

    value: float
    at: float  # Unix seconds of the server's clock, when it evaluated the query
    age: float = 0.0  # of the newest sample behind it, by the same clock; 0 where the rule does not ask
    warning: str = ""


@dataclass(frozen=True, slots=True)
class NoNumber:
    """None, and why."""

    fault: Fault
    detail: str


@dataclass(frozen=True, slots=True)
class Series:
    """A range's values in time order, gaps left out."""

    points: tuple[tuple[float, float], ...]
    warning: str = ""


def read_instant(body: bytes) -> Number | NoNumber:
    """The body of an answer with status 200 to /api/v1/query."""
    said = _document(body)
    if isinstance(said, NoNumber):
        return said
    result, warning = said["data"].get("result"), _warning(said)
    match said["data"].get("resultType"):
        case "scalar":
            return _demand(result, warning)
        case "vector" if isinstance(result, list):
            one = _only(result)
            return one if isinstance(one, NoNumber) else _demand(one.get("value"), warning)
        case kind:
            return NoNumber(Fault.QUERY, f"the query gives a {_short(kind)}; it must give one number, as sum(…) does")


def read_range(body: bytes) -> Series | NoNumber:
    """The body of an answer with status 200 to /api/v1/query_range. Values that are no numbers are left out."""
    said = _document(body)
    if isinstance(said, NoNumber):
        return said
    result = said["data"].get("result")
    if said["data"].get("resultType") != "matrix" or not isinstance(result, list):
        return NoNumber(Fault.BROKEN, "a range query was not answered with a matrix")
    one = _only(result)
    if isinstance(one, NoNumber):
        return one
    values = one.get("values")
    read = [_demand(point, "") for point in (values if isinstance(values, list) else [])]
    return Series(tuple((one.at, one.value) for one in read if isinstance(one, Number)), _warning(said))


def read_refusal(status: int, body: bytes) -> NoNumber:
    """The body of an answer with another status than 200."""
    if status in (401, 403):
        return NoNumber(Fault.REFUSED, f"HTTP {status}: check its user and password, or its token")
    try:
        said = json.loads(body)
        kind, text = said["errorType"], said["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        kind, text = "", ""
    if status == 400 or kind == "bad_data":
        return NoNumber(Fault.QUERY, f"Prometheus cannot read the query: {_short(text)}")
    if kind == "execution":  # 422: too many samples, many-to-many matching
        return NoNumber(Fault.QUERY, f"the query fails: {_short(text)}")
    if status in (429, 503) or kind in ("timeout", "canceled"):
        return NoNumber(Fault.BUSY, f"HTTP {status} {_short(text)}".rstrip())
    return NoNumber(Fault.BROKEN, f"HTTP {status} {_short(text)}".rstrip())


def aged(number: Number, newest: Number | NoNumber) -> Number | NoNumber:
    """The number as old as the newest sample, whose time (Unix seconds) the rule's `age_query` gives."""
    if isinstance(newest, NoNumber):
        return NoNumber(newest.fault, f"age_query: {newest.detail}")
    return replace(number, age=max(0.0, newest.at - newest.value))


def covered(number: Number, coverage: Number | NoNumber, least: float) -> Number:
    """The number with a warning where the rule's `coverage_query` (a part of 1) says that too little was seen."""
    if isinstance(coverage, NoNumber):
        return replace(number, warning=f"coverage_query: {coverage.detail}")
    if coverage.value < least:
        return replace(number, warning=f"coverage {coverage.value:.2f}, and {least:g} is needed")
    return number


def merged(answers: Sequence[Number | NoNumber], stale_after: float) -> Number | NoNumber:
    """One answer of several replicas: the largest of the believable ones, else the largest, else why there is none."""
    numbers = [answer for answer in answers if isinstance(answer, Number)]
    if numbers:
        return max(numbers, key=lambda one: (not one.warning and one.age <= stale_after, one.value))
    faults = [answer for answer in answers if isinstance(answer, NoNumber)]
    if not faults:
        return NoNumber(Fault.UNREACHABLE, "no Prometheus is configured")
    worst = next((one for one in faults if one.fault is Fault.QUERY), faults[0])  # what only an operator can mend
    return NoNumber(worst.fault, _short("; ".join(dict.fromkeys(one.detail for one in faults))))


def sample(answer: Number | NoNumber, now: float) -> Sample:
    """As the decision wants it: with a warning it may raise and never lower. Its age is judged where it is used.

    `now` is of our clock, the age of the server's: two clocks are never compared.
    """
    match answer:
        case Number(value, _, age, ""):
            return Sample(Health.OK, value, now - age)
        case Number(value, _, age, warning):
            return Sample(Health.STALE, value, now - age, warning)
        case NoNumber(fault, detail):
            return Sample(Health.LOST, None, now, f"{fault.value}: {detail}")


def _document(body: bytes) -> dict[str, Any] | NoNumber:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return NoNumber(Fault.BROKEN, "the answer is not JSON: is this the address of a Prometheus?")
    if not isinstance(said, dict) or said.get("status") != "success" or not isinstance(said.get("data"), dict):
        return NoNumber(Fault.BROKEN, "the answer is not that of a Prometheus")
    return said


def _only(result: list[Any]) -> dict[str, Any] | NoNumber:
    if not result:
        return NoNumber(Fault.EMPTY, "no series: that is no zero; add `or vector(0)` where it means zero")
    if len(result) > 1 or not isinstance(result[0], dict):
        return NoNumber(Fault.SEVERAL, f"{len(result)} series; aggregate them to one, as sum(…) does")
    return result[0]


def _demand(said: Any, warning: str) -> Number | NoNumber:
    try:
        at, value = float(said[0]), float(said[1])
    except (TypeError, ValueError, LookupError):
        return NoNumber(Fault.BROKEN, "the answer holds no sample (a histogram, perhaps)")
    except OverflowError:  # a whole number of hundreds of digits
        return NoNumber(
            Fault.OUT_OF_RANGE, f"the value or its time is beyond every number; a demand is at most {LARGEST:g}"
        )
    if not isfinite(value) or not isfinite(at):
        return NoNumber(Fault.NOT_A_NUMBER, f"the value is {value}" if isfinite(at) else f"its time is {at}")
    if not 0 <= value <= LARGEST:
        return NoNumber(Fault.OUT_OF_RANGE, f"the value is {value:g}; a demand is from 0 to {LARGEST:g}")
    return Number(value, at, warning=warning)


def _warning(said: dict[str, Any]) -> str:
    warnings = said.get("warnings")
    return _short("; ".join(map(str, warnings))) if isinstance(warnings, list) else ""


def _short(text: object) -> str:
    """For one line of a log, a terminal and a record: half a pair, which JSON may have, could not even be written down."""
    head = str(text)[: MAX_DETAIL + 1]
    said = "".join(each if each.isprintable() else " " for each in head)
    return said if len(said) <= MAX_DETAIL else said[: MAX_DETAIL - 1] + "…"
