"""From a token of a shard back to its document, its source file and the line there.

A segment names a document of `documents/` or, of a repository, one of its sequences; `sequences/` says which files those
hold, and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.inspection import Decode, read_groups
from winnow.stages.shards.sequences import ShardError
from winnow.stages.tokens.schema import list_values


@dataclass(frozen=True)
class Member:
    """A file of a repository in one of its sequences: `tokens` of them from `offset` on, its separator included."""

    document: str
    path: str
    offset: int
    tokens: int


@dataclass(frozen=True)
class Trace:
    """Where a token comes from.

    `segment` as the shard has it; `place` is the token's number in what the segment names; `document` is the row of
    `documents/`, without its text, or None where the token belongs to no document (a repository's name, padding);
    `line` counts from 1 in the document's text as it was tokenized.
    """

    token: int
    segment: dict[str, Any] | None
    place: int | None
    member: Member | None
    document: dict[str, Any] | None
    line: int | None


def members(workspace: Workspace, sequence: str) -> list[Member]:
    """The files of a repository's sequence by its id, in order; none where no repository has such a sequence.

    A file that is cut over several sequences is listed where it begins.
    """
    for path in workspace.list("sequences", ".parquet"):
        table = workspace.read_table(path, columns=["pieces", "order"])
        for row in range(table.num_rows):
            pieces = table["pieces"][row].as_py()
            if sequence in pieces:
                number = pieces.index(sequence)
                files = [file for file in table["order"][row].as_py() if file["piece"] == number]
                found = [Member(file["document"], file["path"], file["offset"], file["tokens"]) for file in files]
                return sorted(found, key=lambda member: member.offset)
    return []


def trace(workspace: Workspace, shard: str, row: int, token: int, decode: Decode) -> Trace:
    """The origin of token `token` of row `row` of a shard (a path); `workspace` is the run that wrote it.

    Raises `ShardError` where the shard has no such row or token.
    """
    ids, segment = _segment(shard, row, token)
    if segment is None:
        return Trace(ids, None, None, None, None, None)
    place = segment["offset"] + token - segment["position"]
    document = next(_documents(workspace, segment["document"]), None)
    if document is not None:
        return Trace(ids, segment, place, None, document, _line(workspace, segment["document"], 0, place, decode))
    held = [member for member in members(workspace, segment["document"]) if member.offset <= place]
    member = held[-1] if held and place <= held[-1].offset + held[-1].tokens else None
    if member is None:
        return Trace(ids, segment, place, None, None, None)
    document = next(_documents(workspace, member.document), None)
    line = _line(workspace, segment["document"], member.offset, place, decode)
    return Trace(ids, segment, place, member, document, line - 1 if line and line > 1 else None)  # line 1 is the path


def _segment(shard: str, row: int, token: int) -> tuple[int, dict[str, Any] | None]:
    """The id of a token and the segment that covers it, None for padding."""
    first = 0
    for batch in read_groups(shard):
        if row < first or row >= first + len(batch):
            first += len(batch)
            continue
        if not 0 <= token < batch.length:
            raise ShardError(f"{shard}: row {row} has tokens 0 to {batch.length - 1}, not {token}")
        one = batch.select(slice(row - first, row - first + 1))
        covering = np.flatnonzero((one.positions <= token) & (token < one.positions + one.lengths))
        segment = one.segments[int(covering[0])].as_py() if len(covering) else None
        return int(one.input_ids[0, token]), segment
    raise ShardError(f"{shard} has rows 0 to {first - 1}, not {row}")


def _documents(workspace: Workspace, identity: str) -> Iterator[dict[str, Any]]:
    for path, row in _rows(workspace, "documents", identity):
        table = workspace.read_table(path)
        yield {**table.drop_columns(["text", "messages"]).slice(row, 1).to_pylist()[0], "part": path}


def _line(workspace: Workspace, identity: str, begin: int, place: int, decode: Decode) -> int | None:
    """The line on which the token at `place` begins, counted from the token at `begin`."""
    for path, row in _rows(workspace, "tokens", identity):
        tokens = list_values(workspace.read_table(path, columns=["tokens"])["tokens"].slice(row, 1))
        return decode(tokens[begin:place].tolist()).count("\n") + 1
    return None


def _rows(workspace: Workspace, folder: str, identity: str) -> Iterator[tuple[str, int]]:
    for path in workspace.list(folder, ".parquet"):
        ids = workspace.read_table(path, columns=["id"])["id"]
        for row in pc.indices_nonzero(pc.equal(ids, identity)).to_pylist():
            yield path, row
