"""The shards of a reader, opened once each and compared with what the index says of them."""

from __future__ import annotations

from collections import OrderedDict

from winnow.stages.run.workspace import Workspace, digest_file
from winnow.stages.shards.groups import OpenShard
from winnow.stages.shards.sequences import ShardError
from winnow.stages.shards.shard import ShardFile, footer_digest

OPEN_FILES = 64


class OpenFiles:
    """The shards read last, kept open so that their footers are parsed once."""

    def __init__(self, workspace: Workspace, *, check: bool) -> None:
        self._workspace, self._check = workspace, check
        self._open: OrderedDict[str, OpenShard] = OrderedDict()
        self._checked: set[str] = set()

    def opened(self, file: ShardFile) -> OpenShard:
        if file.path in self._open:
            self._open.move_to_end(file.path)
            return self._open[file.path]
        if file.path not in self._checked:
            self._compare(file)
            self._checked.add(file.path)
        self._open[file.path] = OpenShard.open(self._workspace, file.path)
        if len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)[1].parquet.close()
        return self._open[file.path]

    def _compare(self, file: ShardFile) -> None:
        """Compares size, footer and, if asked for, the whole file with what the index says."""
        size = self._workspace.size(file.path)
        found = None
        if size != file.bytes:
            found = f"truncated or replaced: {size:,} bytes, the index says {file.bytes:,}"
        elif file.footer and footer_digest(self._workspace, file.path) != file.footer:
            found = "damaged or replaced: its footer isn't the one that the index was made from"
        elif self._check and digest_file(self._workspace, file.path) != file.digest:
            found = "damaged or replaced: its digest isn't the index's"
        if found is not None:
            raise ShardError(f"{file.path}: {found}; build the run again or restore the file")
