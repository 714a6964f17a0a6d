"""Benchmarks as they come, JSON, CSV or Parquet with question, answer and passage, made one table of entries."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.formats.addresses import opened
from winnow.formats.containers.inflate import Broken, Inflated, Limits
from winnow.stages.decontaminate.known import keys_of
from winnow.stages.decontaminate.settings import Benchmark

ENTRY = pa.schema(
    [
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("field", pa.string(), nullable=False),  # question, answer or passage
        pa.field("kind", pa.string(), nullable=False),  # what its terms are: one of KINDS
        pa.field("text", pa.large_string(), nullable=False),
    ]
)
"""One row per text of a benchmark and kind of terms: the fields of a code item come in all kinds, others as prose."""

KINDS = ("prose", "code", "string")
"""Normalised words and characters; names, numbers and signs; bytes that are no white space."""
FIELDS = ("question", "answer", "passage")
USUAL_KEYS = {
    "identifier": ("id", "task_id", "uid", "ID"),
    "question": ("question", "prompt", "problem", "input", "instruction", "problem_statement", "text"),
    "answer": ("answer", "canonical_solution", "solution", "output", "target", "golden"),
    "passage": ("passage", "context", "article"),
}


def benchmark_digest(benchmark: Benchmark) -> str:
    """BLAKE2b-128 of the benchmark's file, in hexadecimal: a changed benchmark is a changed run."""
    summary = hashlib.blake2b(digest_size=16)
    with opened(benchmark.path) as stream:
        while block := stream.read(1 << 20):
            summary.update(block)
    return summary.hexdigest()


def read_entries(benchmark: Benchmark) -> pa.Table:
    """The entries of one benchmark.

    Raises `ValueError` naming file, line and key when a line is no JSON object or lacks the question.
    """
    known = keys_of(benchmark.name)
    kinds = KINDS if benchmark.code or (known is not None and known.code) else KINDS[:1]
    rows = []
    for number, identifier, item in identified(benchmark):
        for field in FIELDS:
            text = _value(item, benchmark, field)
            if text is None and field == "question":
                wanted = benchmark.question or " or ".join(_keys(benchmark, "question"))
                raise ValueError(f"{benchmark.path}, line {number + 1}: no {wanted}; its keys are {', '.join(item)}")
            if text is None or not _text(text).strip():
                continue
            named = {"benchmark": benchmark.name, "item": identifier}
            rows += [{**named, "field": field, "kind": kind, "text": _text(text)} for kind in kinds]
    return pa.Table.from_pylist(rows, schema=ENTRY)


def identified(benchmark: Benchmark) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The items of a file as they stand there, with their line, from 0, and identifier. Raises `ValueError` naming both."""
    for number, item in _objects(benchmark):
        identifier = _value(item, benchmark, "identifier")
        yield number, str(number if identifier is None else identifier), item


def _objects(benchmark: Benchmark) -> Iterator[tuple[int, dict[str, Any]]]:
    """The items of a file, numbered from 0: rows of Parquet or CSV, a JSON array, or JSON lines."""
    path = benchmark.path
    with opened(path) as stream:
        if path.lower().endswith(".parquet"):
            rows = (row for batch in pq.ParquetFile(stream).iter_batches() for row in batch.to_pylist())
            yield from enumerate(rows)
            return
        lines = _lines(stream, path)
        if "csv" in path.rsplit("/", 1)[-1].lower().split(".")[1:]:
            csv.field_size_limit(1 << 27)
            yield from enumerate(csv.DictReader(lines))
            return
        first = next((line for line in lines if line.strip()), "")
        if first.lstrip().startswith("["):
            yield from _array(first + "".join(lines), path)
            return
        yield from _of_lines(first, lines, path)


def _array(content: str, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        items = json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: no JSON: {error}") from error
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise ValueError(f"{path}, item {number}: expected an object, found {type(item).__name__}")
        yield number, item


def _of_lines(first: str, lines: Iterator[str], path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(itertools.chain([first], lines)):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number + 1}: no JSON: {error}") from error
        if not isinstance(item, dict):
            raise ValueError(f"{path}, line {number + 1}: expected an object, found {type(item).__name__}")
        yield number, item


def _lines(stream: IO[bytes], path: str) -> Iterator[str]:
    """The lines of a file that may be compressed; one that was cut is refused, not half used."""
    try:
        yield from io.TextIOWrapper(io.BufferedReader(Inflated(stream, Limits())), encoding="utf-8")
    except Broken as broken:
        raise ValueError(f"{path}: {broken.rule}: {broken.value}") from broken


def _keys(benchmark: Benchmark, field: str) -> Sequence[str]:
    """The keys that may hold a field: the one that was named, those of a benchmark known by name, the usual ones."""
    named = getattr(benchmark, field)
    if named is not None:
        return (named,)
    known = keys_of(benchmark.name)
    return (*(getattr(known, field) if known is not None else ()), *USUAL_KEYS[field])


def _value(item: dict[str, Any], benchmark: Benchmark, field: str) -> Any:
    """What the item holds under the first of the keys for `field` that it has; None where it has none."""
    return next((found for key in _keys(benchmark, field) if (found := _inside(item, key)) is not None), None)


def _inside(item: dict[str, Any], key: str) -> Any:
    if key in item:
        return item[key]
    found: Any = item
    for name in key.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_text(part) for part in value)
    if isinstance(value, dict):  # a scenario: what it says, without its keys
        return "\n".join(_text(part) for part in value.values() if part is not None)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
