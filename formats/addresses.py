"""Addresses of inputs: a path on this machine, or `s3://`, `gs://`, `hf://` … as fsspec knows them.

A path is taken as it stands. To fsspec `::` joins addresses to a chain and `[1]` is a pattern; in a file's name they are
signs like any others, and only what has a `://` is an address to it.
"""

from __future__ import annotations

import glob
import os
from difflib import get_close_matches
from functools import cache
from typing import Any

import fsspec

PATTERN = "*?["


def filesystem_of(address: str) -> tuple[Any, str]:
    """The filesystem that holds an address, and the name that it has there.

    Raises `FileNotFoundError` for an address that no filesystem knows, or whose package isn't installed.
    """
    if "://" in address:
        try:
            filesystem, name = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise FileNotFoundError(f"{address}: {error}") from None
        return filesystem, name
    disk = _disk()
    plain = address.startswith("/") and not address.endswith("/")
    return disk, address if plain else disk._strip_protocol(address)


@cache
def _disk() -> Any:
    """The filesystem of this machine's disks, which fsspec itself takes 10 µs to find again: a run asks for 100,000 inputs
    several times."""
    return fsspec.filesystem("file")


def opened(address: str, **options: Any) -> Any:
    """The file as a stream of bytes, to be closed by a `with`; `options` are those of its filesystem's `open`."""
    filesystem, name = filesystem_of(address)
    return filesystem.open(name, "rb", **options)


def expand(pattern: str) -> list[str]:
    """The files that a path or pattern names, sorted: local, `s3://`, `gs://`, `hf://`; a folder is itself one input.

    What exists under the very name, be it a file or the folders of a pattern, is meant. Raises `FileNotFoundError` when
    nothing is there, and for a name that isn't UTF-8, which neither a lock nor a document could hold.
    """
    filesystem, path = filesystem_of(pattern)
    local = "file" in filesystem.protocol
    if not any(sign in path for sign in PATTERN) or (local and filesystem.exists(path)):
        found = [path]
    else:
        found = sorted(filesystem.glob(_folders_escaped(filesystem, path) if local else path))
    there = os.path.exists if local else filesystem.exists
    found = [match for match in found if there(match)]
    if not found:
        raise FileNotFoundError(f"there is nothing at {pattern}{_near(filesystem, path)}")
    if odd := next((match for match in found if not _is_unicode(match)), None):
        raise FileNotFoundError(
            f"the name of {odd.encode('utf-8', 'backslashreplace').decode()} isn't UTF-8: rename it"
        )
    return [match if local else filesystem.unstrip_protocol(match) for match in found]


def _near(filesystem: Any, path: str) -> str:
    """What lies in the innermost folder that is there, to tell a wrong name by."""
    folder = path
    while folder and not filesystem.isdir(folder):
        folder, _, _ = folder.rpartition("/")
    if not folder:
        return ""
    wanted = path.removeprefix(folder).strip("/").partition("/")[0]
    names = sorted(str(name).rstrip("/").rpartition("/")[2] for name in filesystem.ls(folder, detail=False))
    near = get_close_matches(wanted, names, n=1)
    listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return f"; did you mean {near[0]!r}?" if near else f"; in {folder} there is {listed or 'nothing'}"


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _folders_escaped(filesystem: Any, pattern: str) -> str:
    """The pattern whose first folders, as far as they exist by these very names, are no pattern."""
    steps = pattern.split("/")
    known = 1
    while known < len(steps) and filesystem.isdir("/".join(steps[: known + 1])):
        known += 1
    return "/".join([*map(glob.escape, steps[:known]), *steps[known:]])
