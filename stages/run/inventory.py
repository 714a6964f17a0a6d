"""The inventory: which raw inputs a run read, by size and content, not by place or time."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import Any

from winnow.formats.addresses import filesystem_of
from winnow.stages.document import metadata_json
from winnow.stages.run.digests import DIGEST_BYTES, READ_BLOCK
from winnow.stages.run.unit import Counts, File, Place, Step, Unit
from winnow.stages.run.workspace import Workspace


def inventory_path(name: str) -> File:
    return File(f"inventory/{name}.json")


@dataclass(frozen=True, kw_only=True)
class TakeInventory:
    """One raw input by its name in the profile, where it lies, and the mark of `change_mark`."""

    path: str
    place: Place
    files: int
    mark: str


def take_inventory(workspace: Workspace, unit: Unit[TakeInventory]) -> Counts:
    """Writes size and digest of one input."""
    size, digest = digest_input(unit.asked.place)
    entry = {"path": unit.asked.path, "size": size, "digest": digest}
    workspace.write_bytes(inventory_path(unit.name), metadata_json(entry).encode())
    return entry


def digest_input(place: str) -> tuple[int, str]:
    """Bytes and digest of one input: a file by its bytes, a folder by the names and bytes of all its files.

    An object of a remote store is taken by its entity tag, which the store computed from the content; a link that leads
    to a folder or nowhere, a pipe, a socket or a device by what it is, since no reader opens it.
    """
    filesystem, name = filesystem_of(place)
    summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
    local = "file" in filesystem.protocol
    total = 0
    for file, details in _files(filesystem, name):
        summary.update(file.removeprefix(name).encode("utf-8", "surrogateescape"))
        tag = None if local else details.get("ETag") or details.get("etag") or details.get("md5Hash")
        if tag:
            summary.update(str(tag).encode())
        elif not filesystem.isfile(file):
            said = [details["type"], details.get("destination")]
            summary.update(repr(said).encode("utf-8", "surrogateescape"))
        else:
            with filesystem.open(file, "rb") as stream:
                while block := stream.read(READ_BLOCK):
                    summary.update(block)
        total += int(details["size"] or 0)
    return total, summary.hexdigest()


def change_mark(path: str) -> dict[str, Any]:
    """What tells, without reading it, that an input has changed since it was taken: of each file name, size and times,
    or entity tag. On a disk that of its inode is among them, which nobody sets back as `touch -r` does a file's own.

    Raises `FileNotFoundError` when nothing is there.
    """
    filesystem, name = filesystem_of(path)
    local = "file" in filesystem.protocol
    files = _one_file(name) if local else []
    files = files or _files(filesystem, name)
    marks = []
    for file, details in files:
        when = details.get("mtime") or details.get("ETag") or details.get("LastModified")
        marks.append([file.removeprefix(name), details["size"], str(when), details.get("created") if local else None])
    return {"files": len(files), "mark": hashlib.blake2b(repr(marks).encode(), digest_size=DIGEST_BYTES).hexdigest()}


def _one_file(name: str) -> list[tuple[str, dict[str, Any]]]:
    """What fsspec tells of a plain file of a disk, in a tenth of the time: there may be 100,000 of them."""
    try:
        told = os.lstat(name)
    except OSError:
        return []
    if not stat.S_ISREG(told.st_mode):
        return []
    return [(name, {"size": told.st_size, "mtime": told.st_mtime, "created": told.st_ctime})]


def _files(filesystem: Any, name: str) -> list[tuple[str, dict[str, Any]]]:
    """The files below a folder, or the one itself, by name. A listing tells of links that lead nowhere, a look doesn't."""
    return sorted(filesystem.find(name, detail=True).items()) or [(name, filesystem.info(name))]


INVENTORY = Step(name="inventory", version=1, work=take_inventory)
