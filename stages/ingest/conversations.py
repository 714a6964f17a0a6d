"""Conversations as sources: chat, instruction, preference and tool-use tables, all brought to `dialogue`'s schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from winnow.formats.containers.records import COLUMNAR, Record, read_records, record_splits, table_format
from winnow.formats.dialogues.dialects import FIELDS, conversations, recognise
from winnow.formats.dialogues.forms import renamed
from winnow.formats.dialogues.json_values import Misfit, without_nulls
from winnow.formats.splits import SPLIT_BYTES, Split
from winnow.stages.document import Content
from winnow.stages.ingest.source import Builder, SourceSettings
from winnow.stages.ingest.tables import beside, found_in, text_of

LICENSE_FIELDS = ("license", "licence")
LANGUAGE_FIELDS = ("language", "lang")
LANGUAGE_TAG = re.compile(r"[a-z]{2,3}([-_]\w+)?")
OF_DOCUMENTS = frozenset({"title", "url", "date", "license", "language"})
# 2: a row of Parquet or Arrow above 64 MiB is rejected, and a file that swells; 3: any record above a bound
VERSION = 4  # 4: charsets of Albanian, Greek and French are told apart
OPTIONAL = ("python_calamine",)  # spreadsheets are rejections without it
CONTENT = Content.CONVERSATIONS


class Settings(SourceSettings):
    """`columns`: what the dialects read, or a column of documents, → where the records keep it. See extending.md."""

    dialect: Literal[
        "auto",
        "openai",
        "sharegpt",
        "conversation",
        "trajectory",
        "alpaca",
        "preference",
        "calls",
        "transcript",
        "tree",
        "seeds",
        "toolbench",
        "bfcl",
    ] = Field("auto", description="the form of the records; `auto` tells it from the fields of each")
    columns: Mapping[str, str] = Field(
        {}, description="a field of the dialect, or title, url, date …: the column, path or template that holds it"
    )
    metadata: tuple[str, ...] = Field((), description="columns kept beside each document")
    split_bytes: int = Field(SPLIT_BYTES, description="size of the pieces that files are cut into")

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := sorted(set(columns) - FIELDS - OF_DOCUMENTS):
            raise ValueError(f"no dialect reads {unknown}; they read {', '.join(sorted(FIELDS | OF_DOCUMENTS))}")
        return columns


def splits(path: str, settings: Settings) -> list[Split]:
    return record_splits(path, settings.split_bytes)


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """One document a conversation; a record that doesn't fit is a rejection that names the record and the field."""

    reject = builder.rejecting(split.path)

    columnar = table_format(split.path) in COLUMNAR
    for place, record in read_records(split, reject):
        try:
            record = without_nulls(record) if columnar else record
            mapped = found_in(record, settings.columns)
            moved = {settings.columns[name] for name in mapped if name in FIELDS}
            record = {**{name: value for name, value in record.items() if name not in moved}, **mapped}
            dialect = (recognise(mapped) or recognise(record)) if settings.dialect == "auto" else settings.dialect
            if dialect is None and (other := renamed(record)) is not None:
                record, dialect = other, recognise(other)
            if dialect is None:
                reject(place, "dialect", f"unknown, say by `columns` what is what: {', '.join(sorted(record))}")
                continue
            label = text_of(mapped["label"]) if "label" in mapped else None
            kept = beside(record, settings.metadata)
            found = conversations(record, dialect, label)
        except Misfit as misfit:
            reject(place, "field", misfit)
            continue
        for number, conversation in enumerate(found):
            builder.add(
                text=conversation.text(),
                locator=f"{split.path}#{place}" + (f".{number}" if number else ""),
                **_provenance(record, mapped),
                messages=conversation.json(),
                metadata={**kept, "dialect": dialect},
            )


def _provenance(record: Record, mapped: Mapping[str, Any]) -> dict[str, str | None]:
    """Where the document comes from: what is mapped, and licence and language by their usual names.

    A language is told by its tag; its name (English) would be taken for a programming language, and is measured later.
    """
    language = _first(record, LANGUAGE_FIELDS)
    usual = {
        "license": _first(record, LICENSE_FIELDS),
        "language": language if language and LANGUAGE_TAG.fullmatch(language) else None,
    }
    return usual | {name: text_of(mapped[name]) or None for name in OF_DOCUMENTS & set(mapped)}


def _first(record: Record, names: tuple[str, ...]) -> str | None:
    return next((record[name] for name in names if isinstance(record.get(name), str) and record[name]), None)
