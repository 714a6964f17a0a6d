"""What in a text made a rule fire, and where two texts differ: spans that a page marks.

A rule is explained by leaving out: the text is measured again without each of its lines, and those lines are marked
without which the measure would lie nearest to its bound. That holds for every recipe, a user's own too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.filters.measure import measure
from winnow.filters.recipes import Recipe, Rule
from winnow.stages.document import DOCUMENT
from winnow.stages.passes import RESOURCE, recipe_of
from winnow.stages.run.unit import Place
from winnow.viewer.runs import Run

PIECES = 200  # into which a text is cut at the most
MEASURED = 16 << 20  # characters that are measured to explain one rule: a long text is cut into fewer pieces
LEAST = 0.25  # of the strongest line's weight: weaker ones aren't marked
STRENGTHS = 3
COMPARED = 6_000  # words of either text: longer ones are compared line by line
SENTENCE = re.compile(r"[^.!?。！？\n]*(?:[.!?。！？]+\s*|\n+|$)")
WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Span:
    """A stretch of a text with the classes that the page gives it; no class: plain."""

    text: str
    marks: str = ""
    title: str = ""


@dataclass(frozen=True)
class Marked:
    """A text in spans, and a sentence that says what the marks mean."""

    spans: tuple[Span, ...]
    note: str


def plain(text: str, note: str = "") -> Marked:
    return Marked((Span(text),), note)


def why(run: Run, document: dict[str, Any], rule_name: str) -> Marked:
    """The text with the lines marked that made a rule fire; `rule_name` as a drop has it, `gopher_quality.words`."""
    text = document["text"]
    found = _rule(run, rule_name)
    if found is None:
        return plain(text, "the run's manifest isn't known here, so nothing is marked")
    recipe, rule = found
    pieces = cut(text)
    most = max(1, min(PIECES, MEASURED // max(len(text), 1)))
    pieces = _joined(pieces, most)
    if len(pieces) < 2:
        return plain(text, f"{rule.measure} is a matter of the whole text")
    variants = [text, *("".join(pieces[:place] + pieces[place + 1 :]) for place in range(len(pieces)))]
    rows = [{**{name: None for name in DOCUMENT.names}, **document, "text": variant} for variant in variants]
    table = pa.Table.from_pylist([{name: row[name] for name in DOCUMENT.names} for row in rows], schema=DOCUMENT)
    try:
        values = _values(table, recipe, rule)
    except Exception as error:  # whatever a recipe of the user's own or a model that isn't at hand raises
        return plain(text, f"{rule.measure} can't be measured here, so nothing is marked: {error}")
    weights = _weights(values, rule)
    strongest = float(weights.max(initial=0.0))
    if strongest <= 0:
        return plain(text, f"no line alone moves {rule.measure}: it is a matter of the whole text")
    spans = []
    for piece, weight in zip(pieces, weights, strict=True):
        strength = 0 if weight < LEAST * strongest else min(STRENGTHS, 1 + int(STRENGTHS * weight / strongest))
        title = f"without it: {values[0] - weight if rule.maximum is not None else values[0] + weight:.4g}"
        spans.append(Span(piece, f"why why-{strength}" if strength else "", title if strength else ""))
    return Marked(
        tuple(spans), f"marked: the lines without which {rule.measure} ({values[0]:.4g}) would lie nearest to its bound"
    )


def _rule(run: Run, name: str) -> tuple[Recipe, Rule] | None:
    resources = {}
    if run.profile is not None:
        resources = {f"{RESOURCE}{key}": Place(run.place(path)) for key, path in run.profile.resources.items()}
    for entry in run.manifest.filters if run.manifest else ():
        try:
            recipe = entry.application().recipe
            for rule in recipe.rules:
                if f"{recipe.name}.{rule.name}" == name:
                    return replace(recipe_of(entry.measuring(), resources), rules=recipe.rules), rule
        except (LookupError, OSError, ImportError):  # a recipe of the user's whose code or model isn't here
            continue
    return None


def _values(table: pa.Table, recipe: Recipe, rule: Rule) -> npt.NDArray[np.float64]:
    if recipe.measure is not None:
        found = measure(table, [recipe])
    else:
        assert recipe.edit is not None
        found = recipe.edit(table, **recipe.options)[1]
    column = found[rule.measure]
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values: npt.NDArray[np.float64] = np.nan_to_num(np.asarray(column.cast(pa.float64()).fill_null(0.0).to_numpy()))
    return values


def _weights(values: npt.NDArray[np.float64], rule: Rule) -> npt.NDArray[np.float64]:
    """How much nearer to its bound the measure comes without each piece."""
    moved = values[0] - values[1:]
    above = rule.maximum is not None and (values[0] > rule.maximum or rule.minimum is None)
    weights: npt.NDArray[np.float64] = moved if above else -moved
    return weights


def cut(text: str) -> list[str]:
    """The lines of a text, their ends with them; of a text of one line, its sentences."""
    lines = text.splitlines(keepends=True)
    if len(lines) > 1:
        return lines
    return [sentence for sentence in SENTENCE.findall(text) if sentence]


def _joined(pieces: Sequence[str], most: int) -> list[str]:
    if len(pieces) <= most:
        return list(pieces)
    edges = np.linspace(0, len(pieces), most + 1).astype(int)
    return ["".join(pieces[first:last]) for first, last in pairwise(edges)]


def differences(left: str, right: str) -> tuple[Marked, Marked]:
    """Two texts, each with the words marked that the other hasn't; lines, where they are long."""
    words, others = WORD.findall(left), WORD.findall(right)
    if max(len(words), len(others)) > COMPARED:
        words, others = left.splitlines(keepends=True), right.splitlines(keepends=True)
    ours: list[Span] = []
    theirs: list[Span] = []
    for same, first, last, begin, end in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        if last > first:
            ours.append(Span("".join(words[first:last]), "" if same == "equal" else "only"))
        if end > begin:
            theirs.append(Span("".join(others[begin:end]), "" if same == "equal" else "only other"))
    note = "marked: what the other text hasn't"
    return Marked(tuple(ours), note), Marked(tuple(theirs), note)


def span_of_bytes(text: str, start: int, end: int) -> Marked:
    """A text with the bytes `[start, end)` of its UTF-8 marked."""
    data = text.encode()
    before, inside, after = data[:start], data[start:end], data[end:]
    return Marked(
        (
            Span(before.decode(errors="replace")),
            Span(inside.decode(errors="replace"), "why why-3"),
            Span(after.decode(errors="replace")),
        ),
        "marked: what the benchmark's item has, too",
    )


def line_of(marked: Marked, line: int) -> Marked:
    """A text with one more line marked, counted from 1."""
    text = "".join(span.text for span in marked.spans)
    lines = text.splitlines(keepends=True)
    if not 1 <= line <= len(lines):
        return marked
    spans = (Span("".join(lines[: line - 1])), Span(lines[line - 1], "here"), Span("".join(lines[line:])))
    return Marked(spans, f"marked: line {line}, on which the token begins")
