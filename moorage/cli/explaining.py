"""A decision record as lines for people. What another version left out of it is left out here too. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from moorage.cli.durations import shown

Document = dict[str, Any]
NAMES = 11  # width of the column of names


def lines(record: Document) -> list[str]:
    """The first says what was decided, the others why."""
    said = record.get("document")
    head = f"{record['at']}  {record['region']}/{record['pool']}"
    if not isinstance(said, dict):
        return [f"{head}: a record that this version cannot read"]
    rows = [
        ("why", said.get("reason") or ""),
        ("seen", _seen(said)),
        ("signals", "; ".join(_signals(said))),
        ("requests", ", ".join(map(str, _part(said, "inputs").get("requests") or ()))),
        *_listed("candidates", _candidates(said)),
        *_listed(
            "limits",
            (f"{each.get('name')}: {each.get('workers')}, {each.get('detail')}" for each in _of(said, "limits")),
        ),
        *_listed("frozen", (f"{each.get('freeze')}: {each.get('detail')}" for each in _of(said, "frozen"))),
        ("done", ", ".join(_done(_part(said, "done")))),
        *_listed("trouble", map(str, _part(said, "done").get("troubles") or ())),
    ]
    return [f"{head}: {_counts(said)}", *(f"  {name.ljust(NAMES)}{text}".rstrip() for name, text in rows if text)]


def _counts(said: Document) -> str:
    words = {"serving": "serve", "starting": "start", "draining": "drain"}
    there = [f"{said[name]} {word}" for name, word in words.items() if said.get(name) is not None]
    return ", ".join([f"{said.get('desired', '?')} wanted", *there])


def _seen(said: Document) -> str:
    inputs = _part(said, "inputs")
    parts = []
    if said.get("sessions") is not None:
        parts.append(f"{said['sessions']} sessions")
    if said.get("free_slots") is not None:
        parts.append(f"{said['free_slots']} slots free")
    if inputs.get("waiting"):
        parts.append(f"{inputs['waiting']} wait")
    if inputs.get("registry") is False:
        parts.append("the registry could not be read")
    if "replicas" in inputs:
        replicas = inputs["replicas"]
        parts.append("the target could not be read" if replicas is None else f"{replicas} replicas")
    if said.get("lead_seconds"):
        parts.append(f"a worker takes {shown(said['lead_seconds'])} to start")
    return ", ".join(parts)


def _signals(said: Document) -> Iterator[str]:
    samples = _part(said, "inputs").get("samples")
    for name, sample in (samples or {}).items():
        value, age = sample.get("value"), sample.get("age_seconds")
        text = f"{name} is {'unknown' if value is None else f'{value:g}'} ({sample.get('health')}"
        text += "" if age is None else f", {shown(age)} old"
        yield text + (f": {sample['detail']})" if sample.get("detail") else ")")


def _candidates(said: Document) -> Iterator[str]:
    found = _of(said, "candidates")
    width = max((len(str(each.get("source"))) for each in found), default=0)
    for each in found:
        source = str(each.get("source"))
        mark = "*" if source == said.get("winner") else " "
        yield f"{mark} {source.ljust(width)}  {each.get('workers')!s:>4}  {each.get('detail') or ''}".rstrip()


def _done(done: Document) -> Iterator[str]:
    if done.get("replicas") is not None:
        yield f"replicas set to {done['replicas']}"
    for name in ("uncordoned", "cordoned", "retired", "removed"):
        if done.get(name):
            yield f"{len(done[name])} {name}"
    if done.get("conflicts"):
        yield f"{done['conflicts']} conflicts: somebody else had moved the replicas"


def _listed(name: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The name stands before the first only."""
    for place, text in enumerate(texts):
        yield ("" if place else name), text


def _of(said: Document, name: str) -> list[Document]:
    return [each for each in said.get(name) or () if isinstance(each, dict)]


def _part(said: Document, name: str) -> Document:
    found = said.get(name)
    return found if isinstance(found, dict) else {}
