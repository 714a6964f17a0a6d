"""Conversations as sources: chat, instruction, preference and tool-use tables, all brought to `dialogue`'s schema."""

from __future__ import annotations

from typing import Literal

from stages.containers.records import Record, read_records, record_splits
from stages.dialogues.dialects import DIALECTS, recognise
from stages.dialogues.dialogue import Misfit, check
from stages.ingest.source import SPLIT_BYTES, Builder, SourceSettings, Split

LICENSE_FIELDS = ("license", "licence")
LANGUAGE_FIELDS = ("language", "lang")


class Settings(SourceSettings):
    """`dialect`: the form of the records, or `auto` to tell it from the fields of each."""

    dialect: Literal[
        "auto", "openai", "trajectory", "sharegpt", "alpaca", "seeds", "preference", "toolbench", "bfcl"
    ] = "auto"
    split_bytes: int = SPLIT_BYTES


def splits(path: str, settings: Settings) -> list[Split]:
    return record_splits(path, settings.split_bytes)


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """One document a conversation; a record that doesn't fit is a rejection that names the record and the field."""

    def reject(place: str, rule: str, value: object) -> None:
        builder.reject(locator=f"{split.path}#{place}", rule=rule, value=value)

    for place, record in read_records(split, reject):
        dialect = recognise(record) if settings.dialect == "auto" else settings.dialect
        if dialect is None:
            reject(place, "dialect", f"unknown: {', '.join(sorted(record))}")
            continue
        missing = [field for field in DIALECTS[dialect][0] if field.partition(".")[0] not in record]
        if missing:
            reject(place, "field", f"{missing[0]}: missing")
            continue
        try:
            conversations = [check(**arguments) for arguments in DIALECTS[dialect][1](record)]
        except Misfit as misfit:
            reject(place, "field", misfit)
            continue
        for number, conversation in enumerate(conversations):
            builder.add(
                text=conversation.text(),
                locator=f"{split.path}#{place}" + (f".{number}" if number else ""),
                license=_first(record, LICENSE_FIELDS),
                language=_first(record, LANGUAGE_FIELDS),
                messages=conversation.json(),
                metadata={"dialect": dialect},
            )


def _first(record: Record, names: tuple[str, ...]) -> str | None:
    return next((record[name] for name in names if isinstance(record.get(name), str) and record[name]), None)
