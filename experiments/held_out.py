"""What no proxy sees: documents held out of every arm, as rows to score on, and texts of the user's own.

Of each source, groups are taken in the order of a draw until their windows come to `tokens`. A group is one document or
all sequences of one repository, and is excluded as a whole, though only its first windows may be scored: parts of one
repository are too alike. The draw is of the group's name, so that a document which two arms share is held out of both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.experiments.corpus import Corpus, Documents
from winnow.experiments.windows import cut, windows_in
from winnow.pipeline.standalone import read_documents
from winnow.stages.document import REJECTION
from winnow.stages.run.chance import draws
from winnow.stages.run.unit import Counts, File, Place, Step, Unit, Unworkable
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import write_shard
from winnow.stages.tokens.sample import FOLDER as TOKENIZER_FOLDER
from winnow.stages.tokens.sample import TOKENIZER
from winnow.stages.tokens.schema import list_lengths, list_offsets, list_values, tokens_path
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load

MOST_EXCLUDED = 0.1  # of a source's tokens …
LARGE = 0.05  # … and a group of more than this part of them is held out only where there is no other
PER_GROUP = 0.25  # of the tokens wanted of a domain may be one group's
ROWS = File("held_out/rows.parquet")
EXCLUDED = File("held_out/excluded.json")


@dataclass(frozen=True, kw_only=True)
class Gold:
    """A file of texts that are a domain of their own: third-party text, of no arm's sources."""

    domain: str
    place: Place
    digest: str


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """What is held out of which corpora: about `tokens` of each domain, in rows of `length`."""

    corpora: tuple[Corpus, ...]
    gold: tuple[Gold, ...]
    tokenizer: File
    length: int
    tokens: int
    seed: int
    own: bool = field(default=True)  # also the corpora's own sources, not the gold alone


def domain_of(source: str, corpus: Corpus, corpora: Sequence[Corpus]) -> str:
    """The name of what is held out of a source: of several arms each has its own text of it."""
    return source if len(corpora) == 1 else f"{source} of {corpus.name}"


def hold_out(workspace: Workspace, unit: Unit[HoldOut]) -> Counts:
    """Writes `held_out/rows.parquet`, a shard whose sources are the domains, and the ids that nobody may train on.

    Raises `Unworkable` for a source of which nothing can be held out.
    """
    asked = unit.asked
    pieces: dict[str, list[Piece]] = {}
    excluded: set[str] = set()
    for corpus in asked.corpora:
        documents = corpus.documents()
        taken, out = choose(documents, tokens=asked.tokens, length=asked.length, seed=asked.seed)
        excluded.update(out)
        if asked.own:
            for source, rows in taken.items():
                pieces[domain_of(source, corpus, asked.corpora)] = list(_read(corpus, documents, rows, asked.length))
    encoder = load(workspace.path(TOKENIZER_FOLDER))
    for gold in asked.gold:
        pieces[gold.domain] = list(_gold(gold, encoder, asked))
    mask = any(corpus.loss_mask for corpus in asked.corpora)
    for domain, found in pieces.items():
        if not any(piece.mask is None or piece.mask.any() for piece in found):
            raise Unworkable(f"of what is held out of {domain} not a token is learned: more --held-out-tokens")
    dtype = np.dtype(json.loads(workspace.read_bytes(asked.tokenizer))["dtype"])
    laid = (laid_out(domain, found, asked.length, dtype, mask=mask) for domain, found in pieces.items())
    write_shard(workspace, ROWS, chain.from_iterable(laid))
    workspace.write_bytes(EXCLUDED, (json.dumps(sorted(excluded), indent=0) + "\n").encode())
    return {"tokens": {domain: sum(len(piece.tokens) for piece in found) for domain, found in pieces.items()}}


@dataclass(frozen=True)
class Piece:
    """Some tokens of a document, and which of them are learned (None: all)."""

    document: str
    tokens: npt.NDArray[np.unsignedinteger]
    mask: npt.NDArray[np.bool_] | None = None


def choose(documents: Documents, *, tokens: int, length: int, seed: int) -> tuple[dict[str, dict[int, int]], set[str]]:
    """For each source the rows that are scored, each with how many of its tokens; and the ids of all excluded documents."""
    groups = documents.by_group()
    ids, sources = documents.table["id"].to_pylist(), documents.table["source"].to_pylist()
    drawn = dict(zip(groups, draws(pa.array(list(groups), pa.string()), seed, "held out").tolist(), strict=True))
    by_source: dict[str, list[str]] = {}
    for group, rows in groups.items():
        by_source.setdefault(sources[rows[0]], []).append(group)
    taken: dict[str, dict[int, int]] = {}
    excluded: set[str] = set()
    for source, mine in sorted(by_source.items()):
        sizes = {group: int(documents.lengths[groups[group]].sum()) for group in mine}
        whole = sum(sizes.values())
        ordered = sorted(mine, key=lambda group: (sizes[group] > LARGE * whole, drawn[group], group))
        if len(ordered) < 2:
            raise Unworkable(f"of {source} nothing can be held out: it is one document or one repository")
        scored: dict[int, int] = {}
        out = 0
        for group in ordered:
            if scored and (sum(scored.values()) >= tokens or out + sizes[group] > MOST_EXCLUDED * whole):
                break
            out += sizes[group]
            excluded.update(ids[row] for row in groups[group])
            left = max(length, min(round(PER_GROUP * tokens), tokens - sum(scored.values())))
            for row in groups[group]:
                size = min(left, int(documents.lengths[row]))
                if size > 1:
                    scored[row] = size
                    left -= size
        taken[source] = scored
    return taken, excluded


def _read(corpus: Corpus, documents: Documents, rows: Mapping[int, int], length: int) -> Iterator[Piece]:
    """The first tokens of the chosen documents, in pieces of a row's length."""
    first = np.searchsorted(documents.part, np.arange(len(corpus.parts)))
    for number in sorted({int(documents.part[row]) for row in rows}):
        table = corpus.workspace.read_table(tokens_path(corpus.parts[number]))
        mine = [row for row in rows if documents.part[row] == number]
        inside = table.take(pa.array([row - int(first[number]) for row in mine]))
        yield from pieces_of(inside, length, [rows[row] for row in mine])


def pieces_of(table: pa.Table, length: int, most: Sequence[int]) -> Iterator[Piece]:
    """The documents of a table of tokens in pieces of `length`, each document's first `most` tokens."""
    windows = windows_in(table["id"], list_lengths(table["tokens"]), length)
    within = windows.number * length < np.asarray(most)[windows.row]
    found = cut(table, windows, np.flatnonzero(within), length)
    values, starts = list_values(found["tokens"]), list_offsets(found["tokens"])
    masks = found["loss"].to_pylist()
    for row, document in enumerate(found["id"].to_pylist()):
        mask = None if masks[row] is None else np.array(masks[row], dtype=bool)
        yield Piece(document, values[starts[row] : starts[row + 1]], mask)


def _gold(gold: Gold, encoder: Encoder, asked: HoldOut) -> Iterator[Piece]:
    """The texts of a file until their tokens are as many as wanted. Raises `Unworkable` where there are none."""
    given = 0
    for table in read_documents((str(gold.place),), source=gold.domain):
        if table.schema == REJECTION:
            continue
        for text, name in zip(table["text"].to_pylist(), table["id"].to_pylist(), strict=True):
            tokens = encoder.encode(pa.array([text], pa.large_string())).ids
            for first in range(0, len(tokens), asked.length):
                if given >= asked.tokens:
                    return
                piece = tokens[first : first + asked.length]
                given += len(piece)
                yield Piece(name, piece)
    if not given:
        raise Unworkable(f"--held-out {gold.domain}={gold.place} holds no text")


def laid_out(
    domain: str, pieces: Iterable[Piece], length: int, dtype: np.dtype[np.unsignedinteger], *, mask: bool
) -> Iterator[Sequences]:
    """Pieces one after another in rows of `length`, none of them cut; what is left of a row is padding."""
    row: list[Piece] = []
    for piece in pieces:
        if row and sum(len(one.tokens) for one in row) + len(piece.tokens) > length:
            yield _row(domain, row, length, dtype, mask=mask)
            row = []
        row.append(piece)
    if row:
        yield _row(domain, row, length, dtype, mask=mask)


def _row(
    domain: str, pieces: Sequence[Piece], length: int, dtype: np.dtype[np.unsignedinteger], *, mask: bool
) -> Sequences:
    ids, learned = np.zeros((1, length), dtype), np.zeros((1, length), bool)
    segments, filled = [], 0
    for piece in pieces:
        size = len(piece.tokens)
        ids[0, filled : filled + size] = piece.tokens
        learned[0, filled : filled + size] = True if piece.mask is None else piece.mask
        segments.append(
            {
                "document": piece.document,
                "source": domain,
                "language": None,
                "position": filled,
                "length": size,
                "offset": 0,
                "continued": False,
            }
        )
        filled += size
    return Sequences(
        input_ids=ids,
        segments=pa.array(segments, type=SEGMENT),
        bounds=np.array([0, len(segments)]),
        loss_mask=learned if mask else None,
    )


HOLD_OUT = Step(name="held_out", version=1, work=hold_out)


def hold_out_unit(
    corpora: Sequence[Corpus], gold: Sequence[Gold], *, length: int, tokens: int, seed: int, own: bool = True
) -> Unit[HoldOut]:
    """One unit for all arms."""
    asked = HoldOut(
        corpora=tuple(corpora),
        gold=tuple(gold),
        tokenizer=TOKENIZER,
        length=length,
        tokens=tokens,
        seed=seed,
        own=own,
    )
    return Unit(name="held_out", asked=asked)
