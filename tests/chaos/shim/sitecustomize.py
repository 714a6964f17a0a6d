"""Notes what a process makes sure of, for `power.py`: loaded by Python itself in every process below a `PYTHONPATH`.

A line of the journal is a tab-separated record: `sync`, device, inode, size; `name`, source, target; `folder`, path;
`made`, path. Written with one `write` each, so that those of several processes don't mix.
"""

from __future__ import annotations

import os

_journal = os.environ.get("CHAOS_JOURNAL")
if _journal:
    _handle = os.open(_journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    _fsync, _replace, _rename, _mkdir = os.fsync, os.replace, os.rename, os.mkdir

    def _note(*fields: object) -> None:
        os.write(_handle, ("\t".join(map(str, fields)) + "\n").encode("utf-8", "surrogateescape"))

    def fsync(handle: int) -> None:
        _fsync(handle)
        found = os.fstat(handle)
        if os.path.isdir(path := os.readlink(f"/proc/self/fd/{handle}")):
            _note("folder", path)
        else:
            _note("sync", found.st_dev, found.st_ino, found.st_size)

    def replace(source: str, target: str, **options: int) -> None:
        _replace(source, target, **options)
        _note("name", os.path.abspath(source), os.path.abspath(target))

    def mkdir(path: str, mode: int = 0o777, **options: int) -> None:
        _mkdir(path, mode, **options)
        _note("made", os.path.abspath(path))

    os.fsync, os.replace, os.rename, os.mkdir = fsync, replace, replace, mkdir  # type: ignore[assignment]
