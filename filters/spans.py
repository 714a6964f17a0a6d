"""Spans: what was found where in a text, counted for rules, or replaced by a placeholder."""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa


class Span(NamedTuple):
    """Something of a `kind` at bytes `[start, end)` of a text's UTF-8."""

    kind: str
    start: int
    end: int


Spans = Mapping[int, Sequence[Span]]
"""The spans of each document that has any, by its row, in order and without overlap."""


def place_spans(found: dict[int, list[Span]], row: int, spans: Iterable[Span]) -> None:
    """Adds spans to a document's, in order; what overlaps an earlier finding gives way."""
    for span in spans:
        others = found.setdefault(row, [])
        if not any(span.start < other.end and other.start < span.end for other in others):
            insort(others, span, key=lambda other: other.start)


def edit_spans(
    documents: pa.Table,
    family: str,
    find: Callable[[pa.Array], Spans],
    kinds: Sequence[str],
    placeholders: Mapping[str, str],
) -> tuple[pa.Table, pa.Table]:
    """The documents with a placeholder for all that `find` finds, in `text` and in the strings of `messages`.

    Beside them the measures of `span_measures`, of the text as it was.
    """
    found = find(documents["text"])
    documents = replace_column(documents, "text", found, placeholders)
    documents = replace_messages(documents, find, placeholders)
    return documents, span_measures(family, found, documents.num_rows, kinds)


def replace_column(documents: pa.Table, name: str, spans: Spans, placeholders: Mapping[str, str]) -> pa.Table:
    """The table with the spans of column `name` replaced by their kind's placeholder; untouched when there are none."""
    if not spans:
        return documents
    column = documents[name].combine_chunks()
    pieces: list[pa.Array] = []
    done = 0
    for row in sorted(spans):
        pieces.append(column.slice(done, row - done))
        content = column[row].as_py().encode()
        pieces.append(pa.array([b"".join(_replaced(content, spans[row], placeholders)).decode()], column.type))
        done = row + 1
    pieces.append(column.slice(done))
    return documents.set_column(
        documents.schema.get_field_index(name), documents.schema.field(name), pa.concat_arrays(pieces)
    )


def replace_messages(
    documents: pa.Table, find: Callable[[pa.Array], Spans], placeholders: Mapping[str, str]
) -> pa.Table:
    """The table with what `find` finds in the strings of its conversations replaced.

    A conversation is JSON: its strings are searched as they read, not as they are escaped, where `\\nme@example.org`
    would lose half of its line break.
    """
    if "messages" not in documents.column_names or documents["messages"].null_count == documents.num_rows:
        return documents
    column = documents["messages"].combine_chunks()
    talks = [None if talk is None else json.loads(talk) for talk in column.to_pylist()]
    strings = [string for talk in talks for string in _strings(talk)]
    table = pa.table({"text": pa.array(strings, pa.large_string())})
    spans = find(table["text"].combine_chunks())
    if not spans:
        return documents
    replaced = iter(replace_column(table, "text", spans, placeholders)["text"].to_pylist())
    edited = [None if talk is None else _dumped(_with_strings(talk, replaced)) for talk in talks]
    place = documents.schema.get_field_index("messages")
    return documents.set_column(place, documents.schema.field(place), pa.array(edited, column.type))


def _strings(value: object) -> Iterator[str]:
    """The strings of a JSON value, keys aside, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _with_strings(value: object, strings: Iterator[str]) -> object:
    """The JSON value with its strings replaced by the next ones, in the order of `_strings`."""
    if isinstance(value, str):
        return next(strings)
    if isinstance(value, dict):
        return {key: _with_strings(inner, strings) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_strings(inner, strings) for inner in value]
    return value


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _replaced(content: bytes, spans: Sequence[Span], placeholders: Mapping[str, str]) -> Iterator[bytes]:
    done = 0
    for kind, start, end in spans:
        yield content[done:start]
        yield placeholders[kind].encode()
        done = end
    yield content[done:]


def span_measures(family: str, found: Spans, rows: int, kinds: Sequence[str]) -> pa.Table:
    """Counts by kind, their sum and the spans as JSON, as n rows of `family.…`."""
    counts = {kind: np.zeros(rows, np.int64) for kind in kinds}
    described: list[str | None] = [None] * rows
    for row, spans in found.items():
        for span in spans:
            counts[span.kind][row] += 1
        described[row] = json.dumps([[str(span.kind), span.start, span.end] for span in spans])
    columns: dict[str, pa.Array] = {f"{family}.{kind}": pa.array(counts[kind]) for kind in kinds}
    columns[f"{family}.count"] = pa.array(np.sum(list(counts.values()), axis=0, dtype=np.int64))
    columns[f"{family}.spans"] = pa.array(described, pa.string())
    return pa.table(columns)
