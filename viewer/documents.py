"""One document with all that happened to it: verdict, text with marks, measures beside their bounds, places in shards."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.stages.decide import STAGE as DECIDE
from winnow.tokenizer.chat import encode_conversation
from winnow.tokenizer.special import ROLES
from winnow.viewer import records
from winnow.viewer.evidence import pairs_of
from winnow.viewer.marks import Marked, Span, differences, line_of, plain, span_of_bytes, why
from winnow.viewer.measures import Bound, bounds_of
from winnow.viewer.runs import Run
from winnow.viewer.sequences import Occurrence, occurrences, spelled

IDENTITY = re.compile(r"[0-9a-f]{32}\b")
LONGEST = 400_000  # characters of a text that a page shows
CONTAMINATED = "decontaminate"


@dataclass(frozen=True)
class Measured:
    """A measure of the document and the rules that decide by it; `broken`: it lies outside one of them."""

    name: str
    value: Any
    bounds: tuple[Bound, ...]
    broken: bool


@dataclass(frozen=True)
class Turn:
    """A message of a conversation, and whether the model is to learn to say it."""

    role: str
    text: str
    learned: bool


@dataclass(frozen=True)
class Story:
    part: str
    place: tuple[int, int]
    fields: dict[str, Any]
    drop: dict[str, Any] | None
    text: Marked
    other: tuple[str, Marked] | None  # id and text of the document that stays in its place
    turns: tuple[Turn, ...]
    measured: tuple[Measured, ...]
    occurrences: tuple[Occurrence, ...]
    alike: tuple[tuple[str, float], ...]
    cut: bool  # the text is longer than a page shows


def story(run: Run, part: int, row: int, line: int | None = None) -> Story:
    """Everything of the document at a part's row. Raises `LookupError` where there is none."""
    fields = records.record(run, part, row)
    identity, text = fields["id"], fields["text"]
    whole = len(text) <= LONGEST
    fields["text"] = text if whole else text[:LONGEST]
    drop = records.drop(run, part, row)
    marked, other = plain(fields["text"]), None
    if line is not None:
        marked = line_of(marked, line)
    elif drop is not None:
        marked, other = _marked(run, fields, drop)
    measures = records.measures(run, part, row)
    return Story(
        part=run.parts[part].name,
        place=(part, row),
        fields={name: value for name, value in fields.items() if name not in ("text", "messages")},
        drop=drop,
        text=marked,
        other=other,
        turns=tuple(_turns(run, fields["messages"])),
        measured=tuple(_measured(run, fields, measures)),
        occurrences=tuple(occurrences(run, identity)),
        alike=tuple(pairs_of(run, identity)),
        cut=not whole,
    )


def _marked(run: Run, fields: dict[str, Any], drop: dict[str, Any]) -> tuple[Marked, tuple[str, Marked] | None]:
    """The text with what made the rule fire marked; for a duplicate, beside the one that stays."""
    if drop["stage"] == DECIDE:
        return why(run, fields, drop["rule"]), None
    if named := IDENTITY.match(drop["value"] or ""):
        try:
            text = records.record(run, *run.locate(named[0]), ["text"])["text"][:LONGEST]
        except LookupError:
            return plain(fields["text"]), None
        ours, theirs = differences(fields["text"], text)
        return ours, (named[0], theirs)
    if drop["stage"].startswith(CONTAMINATED) and run.has("contamination"):
        found = run.ask(
            'SELECT start, "end" FROM contamination WHERE id = ? ORDER BY overlap DESC LIMIT 1', [fields["id"]]
        )
        if found:
            return span_of_bytes(fields["text"], *found[0]), None
    return plain(fields["text"], f"{drop['rule']} is no matter of lines of the text"), None


def _measured(run: Run, fields: dict[str, Any], measures: dict[str, Any]) -> list[Measured]:
    concerning = [bound for bound in bounds_of(run) if (fields["source"], fields["kind"]) in run.concerned(bound.entry)]
    found = []
    for name, value in measures.items():
        if value is None or "." not in name:
            continue
        bounds = tuple(bound for bound in concerning if bound.rule.measure == name)
        broken = not isinstance(value, str) and any(_outside(float(value), bound) for bound in bounds)
        found.append(Measured(name, value, bounds, broken))
    return sorted(found, key=lambda entry: (not entry.broken, not entry.bounds, entry.name))


def _outside(value: float, bound: Bound) -> bool:
    rule = bound.rule
    low = rule.minimum is not None and (value <= rule.minimum if rule.strict else value < rule.minimum)
    high = rule.maximum is not None and (value >= rule.maximum if rule.strict else value > rule.maximum)
    return bool(low or high)


def _turns(run: Run, messages: str | None) -> list[Turn]:
    """The messages of a conversation. What is learned is read from its loss mask; without a tokenizer, from the roles."""
    if not messages:
        return []
    talk = json.loads(messages)
    turns = [Turn(message["role"], _said(message), message["role"] == "assistant") for message in talk["messages"]]
    if run.encoder is None:
        return turns
    try:
        ids, learned = encode_conversation(talk["messages"], talk.get("tools"), run.encoder)
    except (ValueError, KeyError):
        return turns
    roles = run.encoder.conventions.roles
    begins = np.isin(ids, [roles[role] for role in ROLES if role in roles])
    starts = [*np.flatnonzero(begins).tolist(), len(ids)]
    if len(starts) - 1 < len(turns):
        return turns
    # A template may put a turn of its own (the tools) before the first.
    starts = starts[len(starts) - 1 - len(turns) :]
    return [
        Turn(turn.role, turn.text, bool(learned[first:last].any()))
        for turn, first, last in zip(turns, starts[:-1], starts[1:], strict=True)
    ]


def rendered(run: Run, messages: str) -> Marked | None:
    """A conversation as the tokenizer's template writes it, what is learned marked; None where it can't be encoded."""
    if run.encoder is None:
        return None
    talk = json.loads(messages)
    try:
        ids, learned = encode_conversation(talk["messages"], talk.get("tools"), run.encoder)
    except (ValueError, KeyError):
        return None
    spans = [Span(token.text, "learned" if token.learned else "") for token in spelled(ids, learned, 0, run.encoder)]
    return Marked(tuple(spans), "marked: what the model learns to say")


def _said(message: dict[str, Any]) -> str:
    parts = []
    if message.get("reasoning"):
        parts.append(f"(thinking) {message['reasoning']}")
    content = message.get("content")
    if content:
        parts.append(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
    parts += [json.dumps(call, ensure_ascii=False) for call in message.get("tool_calls") or ()]
    return "\n\n".join(parts)
