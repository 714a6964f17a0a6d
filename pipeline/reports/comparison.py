"""Compares two finished runs: what was asked, what was read, what was dropped, what was built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winnow.pipeline.proof.lock import read_lock
from winnow.pipeline.record.funnel import read_funnel, read_index
from winnow.stages.run.workspace import Workspace


@dataclass(frozen=True)
class Difference:
    """One value that isn't the same: under which heading, at which key, before and after (None: not there)."""

    heading: str
    key: str
    before: Any
    after: Any


def compare_runs(before: Workspace, after: Workspace) -> list[Difference]:
    """Every difference between two runs, manifest first. Empty when their locks are equal.

    Raises `FileNotFoundError` when one of them has no lock.
    """
    old, new = read_lock(before), read_lock(after)
    if old == new:
        return []
    sections = [
        ("manifest", flatten(old["manifest"]), flatten(new["manifest"])),
        ("profile", flatten(old["profile"]), flatten(new["profile"])),
        ("versions", _versions(old), _versions(new)),
        ("inputs", _inputs(old), _inputs(new)),
        ("funnel", _funnel(before), _funnel(after)),
        ("mixture", _built(before), _built(after)),
        ("outputs", old["outputs"], new["outputs"]),
    ]
    return [
        Difference(heading, key, first.get(key), second.get(key))
        for heading, first, second in sections
        for key in sorted({*first, *second})
        if first.get(key) != second.get(key)
    ]


def _versions(lock: Mapping[str, Any]) -> dict[str, str]:
    """What worked the run: each package, Python and Winnow, with every version that had a part in it."""
    found: dict[str, set[str]] = {}
    for table in lock["environments"].values():
        told = {**table["packages"], "Python": table["python"], "Winnow": f"{table['winnow']} ({table['source']})"}
        for name, version in told.items():
            found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings and lists as one mapping of dotted keys to plain values."""
    if isinstance(value, Mapping):
        items = [(str(name), inner) for name, inner in value.items()]
    elif isinstance(value, list | tuple):
        items = [(str(position), inner) for position, inner in enumerate(value)]
    else:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, inner in items:
        flat.update(flatten(inner, f"{prefix}.{name}" if prefix else name))
    return flat


def _inputs(lock: Mapping[str, Any]) -> dict[str, str]:
    return {entry["path"]: f"{entry['size']:,} bytes {entry['digest']}" for entry in lock["inputs"]}


def _funnel(workspace: Workspace) -> dict[str, int]:
    funnel = read_funnel(workspace)
    rules = {f"{stage}: {rule}": count for stage, counts in funnel.dropped.items() for rule, count in counts.items()}
    return {"records": funnel.records, **rules, "kept": funnel.kept}


def _built(workspace: Workspace) -> dict[str, Any]:
    index = read_index(workspace)
    return flatten(index.mixture.get("built", {})) if index else {}
