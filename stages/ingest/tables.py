"""Tables as sources: any Parquet, Arrow, SQLite, JSON lines, CSV or spreadsheet file, columns mapped to a document's.

A mapping names, for a column of the document, the column of the table, or a path into nested values (`meta.url`), or a
template over several (`"{question}\\n\\n{answer}"`). What isn't mapped can be kept as metadata. A row is a document, or rows
one after another are one: those alike in `group_by`, or so many as `group_rows` says. A `.txt` has a document a line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from typing import Any

from pydantic import Field, field_validator, model_validator

from winnow.formats.containers.archives import Reject
from winnow.formats.containers.decoded import Unreadable
from winnow.formats.containers.records import (
    TABLES_WITHIN,
    Record,
    read_records,
    record_splits,
    table_format,
    table_splits,
)
from winnow.formats.dialogues.dialogue import check
from winnow.formats.dialogues.json_values import DEPTH, Misfit, parsed
from winnow.formats.splits import SPLIT_BYTES, Split
from winnow.stages.document import DOCUMENT
from winnow.stages.ingest.groups import Row, grouped
from winnow.stages.ingest.source import Builder, Charset, SourceSettings

# 2: a row of Parquet or Arrow above 64 MiB is rejected, and a file that swells; 3: any record above a bound
VERSION = 4  # 4: charsets of Albanian, Greek and French are told apart
OPTIONAL = ("python_calamine",)  # spreadsheets are rejections without it
COMPUTED = {"id", "source", "kind", "locator", "metadata"}
MAPPABLE = tuple(name for name in DOCUMENT.names if name not in COMPUTED)
GIVABLE = tuple(name for name in MAPPABLE if name not in ("text", "messages"))
SLOT = re.compile(r"\{([^{}]+)\}")


class Settings(SourceSettings):
    """`columns`: document column → table column, path or template. `metadata`: table columns kept beside it."""

    columns: Mapping[str, str] = Field(
        {"text": "text"}, description="a column of documents: the table's column, path or template that holds it"
    )
    metadata: tuple[str, ...] = Field((), description="columns kept beside each document")
    given: Mapping[str, str] = Field(
        {}, description="columns of documents that the file doesn't tell: `{language: zh, license: CC-BY-SA-4.0}`"
    )
    only: Mapping[str, tuple[str, ...]] = Field(
        {}, description="a column: the values of which a row must have one, others are left out and counted"
    )
    table: str | None = Field(
        None, description="of a SQLite database the table that is read, of a spreadsheet the sheet; without it all"
    )
    group_by: tuple[str, ...] = Field(
        (), description="rows one after another that are alike in these columns are one document"
    )
    group_rows: int | None = Field(None, gt=0, description="so many rows at most are one document")
    headings: tuple[str, ...] = Field(
        (), description="in a document of many rows: columns or templates that stand above the rows that share them"
    )
    separator: str = Field("\n\n", description="what stands between the rows of one document")
    split_bytes: int = Field(SPLIT_BYTES, description="size of the pieces that files are cut into")
    charset: Charset = None

    @property
    def groups(self) -> bool:
        return bool(self.group_by or self.group_rows)

    @model_validator(mode="after")
    def _one_place_for_each(self) -> Settings:
        if unknown := sorted(set(self.given) - set(GIVABLE)):
            raise ValueError(f"documents have no column {unknown} to be given; there are {', '.join(GIVABLE)}")
        if twice := sorted(set(self.given) & set(self.columns)):
            raise ValueError(f"{', '.join(twice)} can't be both in `columns` and `given`")
        if self.headings and not self.groups:
            raise ValueError("`headings` are of documents of many rows: say `group_by` or `group_rows`")
        if self.groups and "messages" in self.columns:
            raise ValueError("a conversation is one row: `messages` and groups don't go together")
        return self

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
        unknown = sorted(set(columns) - set(MAPPABLE))
        if unknown:
            raise ValueError(f"documents have no column {unknown}; there are {', '.join(MAPPABLE)}")
        if "text" not in columns:
            raise ValueError('no column for the text: add `text: "name of the column"`')
        return columns


def splits(path: str, settings: Settings) -> list[Split]:
    """The pieces of a file or of the files of a folder; where rows come together a file is one, so that no document is cut."""
    found = record_splits(path, settings.split_bytes)
    if settings.groups:
        found = [piece if table_format(piece.path) in TABLES_WITHIN else Split(piece.path) for piece in found]
    if settings.table is not None:
        found = [
            piece
            for name in dict.fromkeys(piece.path for piece in found)
            for piece in _only(name, settings.table, found)
        ]
    return list(dict.fromkeys(found))


def _only(path: str, table: str, found: Sequence[Split]) -> list[Split]:
    """The pieces of a file, of a database only those of the table."""
    own = [piece for piece in found if piece.path == path]
    tables = table_splits(path) if table_format(path) in TABLES_WITHIN else []
    chosen = [piece for name, piece in tables if name == table]
    if tables and not chosen:
        raise ValueError(f"{path} has no table {table!r}; it has {', '.join(name for name, _ in tables)}")
    return chosen or own


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """One document a row or a group of rows.

    A row without its text, or whose text is no string, is a rejection that names the column.
    """
    rows = _rows(split, settings, builder.rejecting(split.path))
    for row in grouped(rows, settings.separator, settings.group_rows) if settings.groups else rows:
        builder.add(
            text=row.text,
            locator=f"{split.path}#{row.place}",
            metadata=row.metadata or None,
            **{**settings.given, **row.fields},
        )


def _rows(split: Split, settings: Settings, reject: Reject) -> Iterator[Row]:
    optional = {name: expression for name, expression in settings.columns.items() if name != "text"}
    expressions = (*settings.columns.values(), *settings.group_by, *settings.headings, *settings.only)
    wanted = {column for expression in expressions for column in _columns(expression)}
    for place, record in read_records(split, reject, sorted(wanted | set(settings.metadata)), settings.charset):
        try:
            if (other := _unwanted(record, settings.only)) is not None:
                reject(place, "only", other)
                continue
            text = said(look_up(record, settings.columns["text"]), settings.columns["text"])
            if not isinstance(text, str):
                raise Misfit(settings.columns["text"], f"{type(text).__name__}, not a string")
            fields = {name: _optional(record, expression) for name, expression in optional.items()}
            if talk := fields.get("messages"):
                fields["messages"] = _conversation(talk)
            key = tuple(text_of(look_up(record, column)) for column in settings.group_by)
            headings = tuple(_heading(record, expression) for expression in settings.headings)
            yield Row(place, text, key, headings, fields, beside(record, settings.metadata))
        except KeyError as error:
            reject(place, "column", error.args[0])
        except Misfit as misfit:
            reject(place, "column", misfit)


def _unwanted(record: Record, only: Mapping[str, Sequence[str]]) -> str | None:
    """The column and value for which a row is left out; None for one that is wanted."""
    for column, values in only.items():
        if (value := text_of(look_up(record, column))) not in values:
            return f"{column} is {value}"
    return None


def _heading(record: Record, expression: str) -> str:
    """A heading as its row has it; empty where nothing fills it."""
    slots = SLOT.findall(expression) or [expression]
    return text_of(look_up(record, expression)) if any(text_of(look_up(record, slot)) for slot in slots) else ""


def look_up(record: Record, expression: str) -> Any:
    """The value of a column, of a path (`meta.url`), or a template filled in. Raises `KeyError` naming what is missing.

    A column whose own name has a dot or a brace is found first.
    """
    if expression in record:
        return record[expression]
    if SLOT.search(expression):
        return SLOT.sub(lambda slot: text_of(look_up(record, slot[1])), expression)
    value: Any = record
    for step in expression.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise KeyError(f"{expression} is missing")
    return value


def said(value: Any, here: str) -> Any:
    """Text kept as bytes as text, anything else as it is. Raises `Misfit` for other bytes, and for what can't be had."""
    if isinstance(value, Unreadable):
        raise Misfit(here, str(value))
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Misfit(here, f"bytes, not UTF-8: {error}") from None


def beside(record: Record, names: Sequence[str]) -> dict[str, Any]:
    """What is kept beside a document, as `plain` has it. Raises `Misfit` naming the column."""
    kept = {}
    for name in names:
        try:
            kept[name] = plain(record.get(name))
        except Misfit as misfit:
            raise Misfit(name, str(misfit).partition(": ")[2]) from None
    return kept


def found_in(record: Record, columns: Mapping[str, str]) -> dict[str, Any]:
    """What the columns hold; what a record lacks isn't among it."""
    found = {}
    for name, expression in columns.items():
        with suppress(KeyError):
            found[name] = look_up(record, expression)
    return found


@cache
def _columns(expression: str) -> frozenset[str]:
    """The table columns that an expression may read: itself, and the first step of each path in it."""
    names = SLOT.findall(expression) or [expression]
    return frozenset([expression, *names, *(name.split(".")[0] for name in names)])


def text_of(value: Any) -> str:
    """A value in a place for text: dates in ISO 8601, lists and objects as JSON, null as nothing."""
    value = plain(value)
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _optional(record: Record, expression: str) -> str | None:
    try:
        return text_of(look_up(record, expression)) or None
    except KeyError:
        return None


def _conversation(stored: str) -> str:
    """A conversation as the column `messages` has it, from its messages or from an object that holds them."""
    value = parsed(stored, "messages")
    talk = value if isinstance(value, Mapping) else {"messages": value}
    beside = {name: talk.get(name) for name in ("rejected", "scores", "label")}
    return check(talk.get("messages"), talk.get("tools"), **beside).json()


def plain(value: Any, depth: int = DEPTH) -> Any:
    """A value that JSON holds: dates, decimals and what is no number as text, bytes as what they say.

    Raises `Misfit` for one that is nested deeper than `DEPTH`.
    """
    if depth < 0:
        raise Misfit("value", f"nested deeper than {DEPTH}")
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Unreadable):
        raise Misfit("value", str(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
