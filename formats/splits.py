"""Inputs and the pieces that can be read alone: what a pattern names, how large it is, where it is cut."""

from __future__ import annotations

from dataclasses import dataclass

import fsspec

SPLIT_BYTES = 64 << 20


@dataclass(frozen=True, order=True)
class Split:
    """A piece of one input: bytes, row groups or members `[start, stop)`, as its kind defines; `stop` -1 is the end."""

    path: str
    start: int = 0
    stop: int = -1


def expand(pattern: str) -> list[str]:
    """The files that a path or pattern names, sorted: local, `s3://`, `gs://`, `hf://`; a folder is itself one input.

    Raises `FileNotFoundError` when nothing is there.
    """
    filesystem, path = fsspec.core.url_to_fs(pattern)
    found = sorted(filesystem.glob(path)) if any(sign in path for sign in "*?[") else [path]
    found = [match for match in found if filesystem.exists(match)]
    if not found:
        raise FileNotFoundError(f"no input matches {pattern!r}")
    local = "file" in filesystem.protocol
    return [match if local else filesystem.unstrip_protocol(match) for match in found]


def size_of(path: str) -> int:
    """Size of one input in bytes."""
    filesystem, name = fsspec.core.url_to_fs(path)
    return int(filesystem.size(name) or 0)


def byte_splits(path: str, split_bytes: int = SPLIT_BYTES) -> list[Split]:
    """Equal byte ranges; the reader of a range takes every record that starts inside it. An empty file is one, too."""
    size = size_of(path)
    return [Split(path, start, min(start + split_bytes, size)) for start in range(0, max(size, 1), split_bytes)]
