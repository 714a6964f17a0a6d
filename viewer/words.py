"""Documents by their words: from an index that was built when somebody asked for it, or else from a sample.

The index is SQLite's FTS5 without the texts: for each word the documents and places that have it. Han characters are
words of their own in it, so that a Chinese word is found as the phrase of its characters. It lies in the user's cache, not
in the run, and knows of which documents it was built.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pyarrow as pa

from winnow.viewer.runs import Run

PART_BITS = 32  # a document's number in the index: its part, and in the lower bits its row
SAMPLE_BYTES = 48 << 20  # of text that is read where there is no index: about a second
MOST = 20_000  # documents that one question finds
HAN = re.compile("([㐀-鿿豈-﫿\U00020000-\U0003ffff])")
WORD = re.compile(r"\w+")

Place = tuple[int, int]


@dataclass(frozen=True)
class Hits:
    """Documents that hold all the words, by part and row. `looked_at` of `documents`: fewer where it was a sample."""

    places: tuple[Place, ...]
    looked_at: int
    documents: int
    indexed: bool
    more: bool = False  # the question finds more than `MOST`


def index_path(run: Run) -> Path:
    """Where the index of this run's words lies, as its documents are now."""
    root = run.workspace.path("")
    summary = hashlib.blake2b(root.encode(), digest_size=12)
    for part in run.parts:
        summary.update(f"{part.name} {part.rows} {run.workspace.size(f'documents/{part.name}.parquet')}\n".encode())
    return Path(platformdirs.user_cache_dir("winnow", appauthor=False)) / "view" / f"{summary.hexdigest()}.words"


def build_index(run: Run, tell: Callable[[int, int], None] = lambda done, all_: None) -> Path:
    """Reads every text and writes the index; `tell(documents done, documents)` after each piece. An index of the same
    documents is kept. Costs about a third of the texts on the disk."""
    target = index_path(run)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_suffix(".building")
    scratch.unlink(missing_ok=True)
    total, done = sum(part.rows for part in run.parts), 0
    with closing(sqlite3.connect(scratch)) as base:
        base.execute("PRAGMA journal_mode = OFF")
        base.execute("PRAGMA synchronous = OFF")
        base.execute(
            "CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2')"
        )
        for part, first, texts in _texts(run, range(len(run.parts))):
            base.executemany(
                "INSERT INTO words (rowid, text) VALUES (?, ?)",
                (((part << PART_BITS) + first + row, _spaced(text)) for row, text in enumerate(texts)),
            )
            done += len(texts)
            tell(done, total)
        base.commit()
    scratch.rename(target)
    return target


def find(run: Run, words: str) -> Hits:
    """The documents that hold all these words, in any order and any case; words side by side in double quotes as they
    stand. Without an index, of a sample: whole parts' pieces, drawn evenly over the run."""
    asked = phrases(words)
    documents = sum(part.rows for part in run.parts)
    if not asked:
        return Hits((), 0, documents, True)
    if (path := index_path(run)).exists():
        return _from_index(path, asked, documents)
    return _from_sample(run, asked, documents)


def phrases(words: str) -> list[str]:
    """The words as phrases to find, lower case, separated as the index has them: `"big data" 数学` is two of them."""
    found = []
    for quoted, single in re.findall(r'"([^"]*)"|(\S+)', words):
        tokens = WORD.findall(_spaced((quoted or single).lower()))
        if tokens:
            found.append(" ".join(tokens))
    return found


def _from_index(path: Path, asked: list[str], documents: int) -> Hits:
    match = " AND ".join(f'"{phrase}"' for phrase in asked)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        numbers = base.execute("SELECT rowid FROM words WHERE words MATCH ? LIMIT ?", (match, MOST + 1)).fetchall()
    places = tuple((number >> PART_BITS, number & ((1 << PART_BITS) - 1)) for (number,) in numbers[:MOST])
    return Hits(places, documents, documents, True, more=len(numbers) > MOST)


def _from_sample(run: Run, asked: list[str], documents: int) -> Hits:
    places, looked, size = [], 0, 0
    step = max(1, len(run.parts) // 16)
    order = [part for start in range(step) for part in range(start, len(run.parts), step)]
    for part, first, texts in _texts(run, order):
        for row, text in enumerate(texts):
            plain = f" {' '.join(WORD.findall(_spaced(text.lower())))} " if _may_hold(text, asked) else ""
            if plain and all(f" {phrase} " in plain for phrase in asked):
                places.append((part, first + row))
            size += len(text)
        looked += len(texts)
        if size > SAMPLE_BYTES or len(places) >= MOST:
            break
    return Hits(tuple(places), looked, documents, False)


def _may_hold(text: str, asked: list[str]) -> bool:
    """A cheap first look: are the first words there at all?"""
    lowered = text.lower()
    return all(phrase.partition(" ")[0] in lowered for phrase in asked)


def _texts(run: Run, parts: range | list[int]) -> Iterator[tuple[int, int, list[str]]]:
    """Part, first row and texts of each row group."""
    for part in parts:
        with run.workspace.parquet(f"documents/{run.parts[part].name}.parquet") as file:
            first = 0
            for group in range(file.num_row_groups):
                table: pa.Table = file.read_row_group(group, columns=["text"])
                yield part, first, table["text"].to_pylist()
                first += table.num_rows


def _spaced(text: str) -> str:
    return HAN.sub(r" \1 ", text)
