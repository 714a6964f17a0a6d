"""What near-duplicates are compared by: the words of a text, its numbers where they matter, what a conversation teaches.

Shingles of prose read every number as 0, so that pages of one template with other dates are one; where a number is what
a text is about (problems, tables, conversations) it stays. A conversation's words are all that is learned from it.

Two sides of a text must be alike by themselves, too, or the pair's similarity is that of the side: in mathematics and
conversations the numbers with the sign before them (one other number makes another problem, in however many equal
words), and in conversations what is taught (two answers to a long question are two). A side is a set of hashes beside
the shingles, told apart by the two highest bits of each hash.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.kernels.sets import SIDE_BITS, SIDES
from winnow.formats.dialogues.identity import RECORD, identity
from winnow.stages.deduplicate.orthography import in_simplified, orthographies
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.deduplicate.signature import Minima, shingle_sets, sign

COLUMNS = ("text", "kind", "messages")
"""What is read of a document."""
FOLDED_KINDS = ("web", "longform", "bilingual", "repositories")
"""Kinds whose numbers say little: dates, counters, versions."""
COUNTED_KINDS = ("mathematics", "conversations")
NUMBERS, TAUGHT, SCRIPT = 1, 2, 3
"""Sides; 0 are the shingles. The third is a mark, of pairs across scripts: nothing to be alike in."""

_NUMBER = re.compile(r"(?:[-+−*/×÷·^=<>≤≥≈]\s?)?\d+(?:[.,:/]\d+)*")
_MASK = np.uint32((1 << SIDE_BITS) - 1)
_PRESENT = "\0"
"""Stands in the set of every side that a document has, so that a side without a single hash is told from no side."""


def compared(documents: pa.Table, settings: MinHashSettings) -> tuple[pa.ChunkedArray, npt.NDArray[np.bool_]]:
    """The texts that n documents are compared by, and in which of them numbers are folded."""
    texts = as_written(documents)
    if settings.across_scripts:
        texts = in_simplified(texts)
    talks = documents["messages"].is_valid()
    if settings.numbers == "by_kind":
        folded = pc.and_not(pc.is_in(documents["kind"], pa.array(FOLDED_KINDS)), talks).to_numpy(zero_copy_only=False)
    else:
        folded = np.full(documents.num_rows, settings.numbers == "fold")
    return texts, folded


def as_written(documents: pa.Table) -> pa.ChunkedArray:
    """Of n documents the text, of conversations all that is learned of it."""
    texts = documents["text"]
    if not pc.any(documents["messages"].is_valid()).as_py():
        return texts
    said = [None if talk is None else _learned(talk) for talk in documents["messages"].to_pylist()]
    return pc.coalesce(pa.chunked_array([pa.array(said, pa.large_string())]), texts.cast(pa.large_string()))


def sign_content(documents: pa.Table, settings: MinHashSettings) -> tuple[Minima, npt.NDArray[np.int64]]:
    """Signatures of n documents, n × permutations of uint32, and how many shingles each has, repeats included."""
    texts, folded = compared(documents, settings)

    def work(chosen: pa.ChunkedArray, fold: bool, rows: npt.NDArray[Any]) -> tuple[Minima, npt.NDArray[np.int64]]:
        return sign(
            chosen,
            permutations_=settings.permutations,
            shingle=settings.shingle,
            characters=settings.unit == "characters",
            seed=settings.seed,
            fold_numbers=fold,
            simplified=settings.across_scripts,
        )

    minima = np.empty((len(texts), settings.permutations), np.uint32)
    counts = np.zeros(len(texts), np.int64)
    for rows, (signed, counted) in _by_folding(texts, folded, work):
        minima[rows], counts[rows] = signed, counted
    return minima, counts


def content_sets(documents: pa.Table, counts: npt.NDArray[np.int64], settings: MinHashSettings) -> pa.LargeListArray:
    """The distinct hashes of n documents by side, uint32; `counts` are those of `sign_content`."""
    texts, folded = compared(documents, settings)

    def work(chosen: pa.ChunkedArray, fold: bool, rows: npt.NDArray[Any]) -> tuple[Minima, npt.NDArray[np.int64]]:
        return _shingles(chosen, counts[rows], settings, fold)

    found: list[list[Minima]] = [[] for _ in range(len(texts))]
    for rows, (values, bounds) in _by_folding(texts, folded, work):
        for place, row in enumerate(rows.tolist()):
            found[row].append(values[bounds[place] : bounds[place + 1]])
    _add_numbers(found, documents, texts, settings)
    _add_taught(found, documents, settings)
    if settings.across_scripts:
        for row, script in enumerate(orthographies(as_written(documents)).tolist()):
            found[row].append(_tagged({script}, SCRIPT))
    sizes = [sum(map(len, sets)) for sets in found]
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    joined = [piece for sets in found for piece in sets]
    return pa.LargeListArray.from_arrays(offsets, np.concatenate(joined) if joined else np.zeros(0, np.uint32))


def _by_folding(texts: pa.ChunkedArray, folded: npt.NDArray[np.bool_], work: Callable[..., Any]) -> Any:
    """What `work` makes of the texts whose numbers are folded, and of the others, each with its rows."""
    for fold in (True, False):
        rows = np.flatnonzero(folded == fold)
        if len(rows):
            chosen = texts if len(rows) == len(texts) else texts.take(pa.array(rows))
            yield rows, work(chosen, fold, rows)


def _shingles(
    texts: pa.ChunkedArray | pa.Array, counts: npt.NDArray[np.int64], settings: MinHashSettings, fold: bool
) -> tuple[Minima, npt.NDArray[np.int64]]:
    values, bounds = shingle_sets(
        texts, counts, shingle=settings.shingle, characters=settings.unit == "characters", fold_numbers=fold,
        simplified=settings.across_scripts, bits=SIDE_BITS,
    )  # fmt: skip
    return values, bounds


def _add_numbers(
    found: list[list[Minima]], documents: pa.Table, texts: pa.ChunkedArray, settings: MinHashSettings
) -> None:
    counted = pc.or_(pc.is_in(documents["kind"], pa.array(COUNTED_KINDS)), documents["messages"].is_valid())
    if settings.numbers == "fold":
        return
    for row in np.flatnonzero(counted.to_numpy(zero_copy_only=False)).tolist():
        numbers = {re.sub(r"\s", "", number) for number in _NUMBER.findall(texts[row].as_py())}
        found[row].append(_tagged({zlib.crc32(number.encode()) for number in (*numbers, _PRESENT)}, NUMBERS))


def _add_taught(found: list[list[Minima]], documents: pa.Table, settings: MinHashSettings) -> None:
    talks = np.flatnonzero(documents["messages"].is_valid().to_numpy(zero_copy_only=False))
    if not len(talks):
        return
    taught = pa.array(
        [_taught(talk) for talk in documents["messages"].take(pa.array(talks)).to_pylist()], pa.large_string()
    )
    characters, fold = settings.unit == "characters", settings.numbers == "fold"
    taught = in_simplified(taught) if settings.across_scripts else taught
    _, counts = sign(
        taught,
        permutations_=1,
        shingle=settings.shingle,
        characters=characters,
        seed=1,
        fold_numbers=fold,
        simplified=settings.across_scripts,
    )
    values, bounds = _shingles(taught, counts, settings, fold)
    for place, row in enumerate(talks.tolist()):
        own = {*values[bounds[place] : bounds[place + 1]].tolist(), zlib.crc32(_PRESENT.encode())}
        found[row].append(_tagged(own, TAUGHT))


def _tagged(hashes: set[int], side: int) -> Minima:
    values = np.fromiter(hashes, np.uint32, len(hashes)) & _MASK
    return np.unique(values) | np.uint32(side << SIDE_BITS)


def _learned(messages: str) -> str:
    """All that is learned of a conversation, as one text; white space, case and punctuation don't count here."""
    talk = identity(messages)
    return RECORD.join((talk.asked, talk.taught, talk.label or ""))


def _taught(messages: str) -> str:
    """What its assistant says and is learned, the turns rejected, the label."""
    talk = json.loads(messages)
    turns = talk if isinstance(talk, list) else talk.get("messages") or ()
    own = [turn for turn in turns if turn.get("role") == "assistant" and turn.get("train") is not False]
    rejected = () if isinstance(talk, list) else talk.get("rejected") or ()
    label = "" if isinstance(talk, list) else talk.get("label") or ""
    said = [" ".join(_said(turn)) for turn in (*own, *rejected)]
    return RECORD.join((*said, str(label)))


def _said(turn: dict[str, Any]) -> list[str]:
    calls = [f"{call.get('name')} {json.dumps(call.get('arguments'))}" for call in turn.get("tool_calls") or ()]
    return [str(turn.get("reasoning") or ""), str(turn.get("content") or ""), *calls]


def side_similarity(
    shared: npt.NDArray[np.int64], left_sizes: npt.NDArray[np.int64], right_sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The similarity of p pairs: the least Jaccard of the sides that both have. All arguments p × `SIDES`."""
    similarity = np.ones((len(shared), SIDES))
    union = left_sizes + right_sizes - shared
    similarity[:, 0] = shared[:, 0] / np.maximum(union[:, 0], 1)
    present = shared[:, 1:] > 0  # the mark of the side itself
    own = (shared[:, 1:] - 1) / np.maximum(union[:, 1:] - 1, 1)
    similarity[:, 1:] = np.where(present & (union[:, 1:] > 1), own, 1.0)
    least: npt.NDArray[np.float64] = similarity.min(axis=1)
    return least
