"""Rows of shards token by token: borders of documents, sources, loss mask; and from a token to its document's line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.stages.shards.inspection import rows as shard_rows
from winnow.stages.shards.sequences import Sequences
from winnow.stages.shards.tracing import Member
from winnow.tokenizer.encoder import Encoder
from winnow.viewer.runs import Run

WINDOW = 2048  # tokens of one page
PLACES = 200  # of a document that are listed


@dataclass(frozen=True)
class Token:
    """A token as it is shown. A character of several tokens stands with the last of them."""

    place: int  # in the row
    id: int
    text: str
    learned: bool
    special: bool


@dataclass(frozen=True)
class Stretch:
    """Neighbouring tokens of one segment; without a segment, padding. `begins`: the segment's first token is here."""

    segment: dict[str, Any] | None
    number: int
    begins: bool
    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class Row:
    """A window of a row: `segments` and `learned` are those of the whole row."""

    length: int
    first: int
    stretches: tuple[Stretch, ...]
    segments: tuple[dict[str, Any], ...]
    learned: int
    padding: int


@dataclass(frozen=True)
class Occurrence:
    """A segment of a document in a shard."""

    file: str
    row: int
    position: int
    length: int
    offset: int


def read_row(run: Run, file: str, row: int, first: int) -> Row:
    """Tokens `first` to `first + WINDOW` of a row. `file` is relative to `shards/`.

    Raises `ShardError` where there is no such row, `LookupError` for a file that the index doesn't list and without a
    tokenizer.
    """
    sequence = _sequence(run, file, row)
    if run.encoder is None:
        raise LookupError("this run has no tokenizer")
    ids, segments = sequence.input_ids[0], sequence.segments.to_pylist()
    mask = np.ones(len(ids), bool) if sequence.loss_mask is None else sequence.loss_mask[0]
    covered = np.full(len(ids), -1)
    for number, segment in enumerate(segments):
        covered[segment["position"] : segment["position"] + segment["length"]] = number
    first = max(0, min(first, len(ids) - 1))
    last = min(first + WINDOW, len(ids))
    tokens = spelled(ids[first:last], mask[first:last], first, run.encoder)
    stretches: list[Stretch] = []
    start = 0
    for place in range(1, last - first + 1):
        if place < last - first and covered[first + place] == covered[first + start]:
            continue
        number = int(covered[first + start])
        segment = segments[number] if number >= 0 else None
        begins = segment is not None and segment["position"] == first + start
        stretches.append(Stretch(segment, number, begins, tuple(tokens[start:place])))
        start = place
    padding = int((covered < 0).sum())
    return Row(len(ids), first, tuple(stretches), tuple(segments), int((mask & (covered >= 0)).sum()), padding)


def spelled(ids: npt.NDArray[Any], mask: npt.NDArray[np.bool_], first: int, encoder: Encoder) -> list[Token]:
    """Tokens with their text; bytes that are no whole character wait for the token that ends it."""
    names = {number: name for name, number in encoder.special.items()}
    tokens, waiting = [], b""
    for place, (number, learned) in enumerate(zip(ids.tolist(), mask.tolist(), strict=True)):
        if number in names:
            tokens.append(Token(first + place, number, names[number], learned, True))
            waiting = b""
            continue
        waiting += encoder.spellings[number]
        try:
            text, waiting = waiting.decode(), b""
        except UnicodeDecodeError as error:
            done = error.reason == "unexpected end of data" and len(waiting) < 4
            text, waiting = ("", waiting) if done else (waiting.decode(errors="replace"), b"")
        tokens.append(Token(first + place, number, text, learned, False))
    return tokens


def origin(run: Run, file: str, row: int, token: int) -> tuple[str, int | None]:
    """The id of the document that a token comes from, and the line of its text, from 1.

    Raises `LookupError` where it comes from none: padding, or what the pipeline put between the files of a repository.
    """
    segments = _sequence(run, file, row).segments.to_pylist()
    segment = next((s for s in segments if s["position"] <= token < s["position"] + s["length"]), None)
    if segment is None:
        raise LookupError(f"token {token} is padding")
    place = segment["offset"] + token - segment["position"]
    identity, begin = segment["document"], 0
    held = [member for member in members(run, identity) if member.offset <= place]
    if held:
        if place > held[-1].offset + held[-1].tokens:
            raise LookupError(f"token {token} is of no document: it stands between the files of a repository")
        identity, begin = held[-1].document, held[-1].offset
    return identity, _line(run, segment["document"], begin, place, bool(held))


def members(run: Run, sequence: str) -> list[Member]:
    """The files of a repository's sequence by its id, in order; none where no repository has such a sequence."""
    if not run.has("sequences"):
        return []
    found = run.ask('SELECT pieces, "order" FROM sequences WHERE list_contains(pieces, ?)', [sequence])
    for pieces, order in found:
        number = pieces.index(sequence)
        files = [
            Member(file["document"], file["path"], file["offset"], file["tokens"])
            for file in order
            if file["piece"] == number
        ]
        return sorted(files, key=lambda member: member.offset)
    return []


def _line(run: Run, identity: str, begin: int, place: int, in_repository: bool) -> int | None:
    if run.encoder is None or not run.has("tokens"):
        return None
    found = run.ask("SELECT list_slice(tokens, ?, ?) FROM tokens WHERE id = ? LIMIT 1", [begin + 1, place, identity])
    if not found:
        return None
    line = run.encoder.decode(found[0][0]).count("\n") + 1
    return max(line - 1, 1) if in_repository else line  # the first line is the file's path


def occurrences(run: Run, identity: str) -> list[Occurrence]:
    """Where the tokens of a document lie in the shards; a file of a repository lies in the repository's sequences."""
    if not run.has("shards"):
        return []
    owners = [identity]
    if run.has("sequences"):
        owners += [
            piece
            for (piece,) in run.ask(
                'SELECT DISTINCT pieces[f.piece + 1] FROM (SELECT pieces, unnest("order") AS f FROM sequences) '
                "WHERE f.document = ?",
                [identity],
            )
        ]
    marks = ", ".join("?" * len(owners))
    found = run.ask(
        "SELECT file, row, s.position, s.length, s.offset FROM "
        "(SELECT file, row, unnest(segments) AS s FROM shards) "
        f"WHERE s.document IN ({marks}) ORDER BY 1, 2, 3 LIMIT {PLACES}",
        owners,
    )
    start = len(run.workspace.path("shards/"))
    return [Occurrence(file[start:], row, position, length, offset) for file, row, position, length, offset in found]


def files(run: Run) -> Sequence[str]:
    """The shards by their paths below `shards/`, phase by phase."""
    return [file.path for phase in run.index.phases for file in phase.files] if run.index else []


def _sequence(run: Run, file: str, row: int) -> Sequences:
    if file not in files(run):
        raise LookupError(f"this run has no shard {file}")
    return next(found for _, found in shard_rows(run.workspace.path(f"shards/{file}"), first=row, most=1))
