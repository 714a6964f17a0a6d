"""Inputs and the pieces that can be read alone: how large one is, where it is cut."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from winnow.formats import listing
from winnow.formats.addresses import filesystem_of

SPLIT_BYTES = 64 << 20


@dataclass(frozen=True, order=True)
class Split:
    """A piece of one input: bytes, row groups or members `[start, stop)`, as its kind defines; `stop` -1 is the end."""

    path: str
    start: int = 0
    stop: int = -1


def size_of(path: str) -> int:
    """Size of one input in bytes."""
    filesystem, name = filesystem_of(path)
    if "file" in filesystem.protocol:
        return os.path.getsize(name)
    return int(filesystem.size(name) or 0)


def bytes_in(path: str) -> int:
    """Size of one input in bytes; of a folder, of all files below it."""
    filesystem, name = filesystem_of(path)
    if "file" in filesystem.protocol:
        told = os.stat(name)
        return sum(map(listing.size_of, listing.entries(name))) if stat.S_ISDIR(told.st_mode) else told.st_size
    if not filesystem.isdir(name):
        return size_of(path)
    return sum(int(entry["size"] or 0) for entry in filesystem.find(name, detail=True).values())


def byte_splits(path: str, split_bytes: int = SPLIT_BYTES) -> list[Split]:
    """Equal byte ranges; the reader of a range takes every record that starts inside it. An empty file is one, too."""
    size = size_of(path)
    return [Split(path, start, min(start + split_bytes, size)) for start in range(0, max(size, 1), split_bytes)]
