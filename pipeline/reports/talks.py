"""Prompts and pairs of the stage `rl` as text for a terminal: who says what, what he thinks before, what he calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.inspection import colour_of

ANSWERS = ("chosen", "rejected")


def row_count(workspace: Workspace, path: str) -> int:
    """How many rows a Parquet file says that it has."""
    with workspace.parquet(path) as file:
        return int(file.metadata.num_rows)


def rows(
    workspace: Workspace, paths: Iterable[str], *, first: int, most: int, document: str | None = None
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows of these Parquet files with their numbers, from number `first` on; with `document` only those made of it."""
    number = found = 0
    for path in paths:
        table = workspace.read_table(path)
        for place, made in enumerate(table["metadata"].to_pylist()):
            if found == most:
                return
            if number >= first and (document is None or made["id"] == document):
                found += 1
                yield number, table.slice(place, 1).to_pylist()[0]
            number += 1


def render(number: int, row: Mapping[str, Any], *, width: int) -> Text:
    """A head line with source, language and document, then each turn; at most `width` characters of what is said."""
    made = row["metadata"]
    text = Text()
    text.append(f"row {number}\n", style="bold")
    told = [made["source_name"], made["language"] or "–", made["id"]]
    told += [f"margin {row['margin']:g}"] if row.get("margin") is not None else []
    text.append(f"▌{' '.join(told)}\n", style=f"bold {colour_of(made['source_name'])}")
    if row.get("tools"):
        offered = [tool["function"]["name"] for tool in json.loads(row["tools"])]
        _said(text, "tools", ", ".join(offered), width)
    _turns(text, "", row["prompt"], width)
    for answer in ANSWERS:
        _turns(text, f"{answer}: ", row.get(answer) or (), width)
    if row.get("label") is not None:
        _said(text, "label", row["label"], width)
    return text


def _turns(text: Text, before: str, messages: Sequence[Mapping[str, Any]], width: int) -> None:
    for message in messages:
        who = f"{before}{message['role']}"
        if message["reasoning_content"]:
            _said(text, f"{who} thinks", message["reasoning_content"], width)
        if message["content"] or not message["tool_calls"]:
            _said(text, who, message["content"], width)
        for call in message["tool_calls"] or ():
            _said(text, f"{who} calls", f"{call['function']['name']} {call['function']['arguments']}", width)


def _said(text: Text, who: str, words: str, width: int) -> None:
    shown = words if len(words) <= width else f"{words[:width]} … ({len(words):,} characters)"
    text.append(f"{who}  ", style="bold")
    text.append(f"{shown}\n")
