"""What comes with Winnow itself: manifests, profiles and the small files that they name."""

from __future__ import annotations

from pathlib import Path

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
PREFIX = "winnow:"
"""Begins a path of a profile that lies in `MANIFESTS`, wherever that is on this machine: `winnow:benchmarks/…`."""


def stages_known() -> set[str]:
    """The names of the manifests that come with Winnow, a training stage each."""
    return {path.stem for path in MANIFESTS.glob("*.yaml")}


def is_packaged(path: str) -> bool:
    return path.startswith(PREFIX)


def packaged(path: str) -> str:
    """A path with the prefix as it can be opened here."""
    return str(MANIFESTS / path.removeprefix(PREFIX))


def as_named(path: str) -> str:
    """What `packaged` gave, as profiles and locks write it; any other path as it is."""
    inside = path.removeprefix(f"{MANIFESTS}/")
    return path if inside == path else PREFIX + inside
