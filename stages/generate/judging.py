"""The step that reads answers, grades them and chooses: `generated/<part>.jsonl`, and rejections by name.

It asks nobody, so another grade or bound costs no request. Of every answer there is a record or a rejection in
`rejections/generate/<part>.parquet`, whose text stays in `answers/<part>.parquet`. Records are what the kinds
`conversations` and `tables` read, so that the next run filters, compares and decontaminates what was made like anything else.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa

from winnow.formats.dialogues.json_values import Misfit
from winnow.formats.dialogues.thoughts import told_apart
from winnow.stages.document import REJECTION, document_id
from winnow.stages.generate.finals import boxed, equal, form
from winnow.stages.generate.kept import answers_path
from winnow.stages.generate.prompts import asked_of
from winnow.stages.generate.server import ANSWERED
from winnow.stages.generate.settings import CONSISTENCY, LABEL, Generation, Recipe
from winnow.stages.run.code import Code, brought, code_of
from winnow.stages.run.unit import Counts, File, Step, Unit, Units, Unworkable
from winnow.stages.run.workspace import Workspace

STAGE = "generate"
FOLDER = "generated"
COLUMNS = ("id", "source", "locator", "text", "title", "url", "license", "language", "messages")
_AROUND = re.compile(r"^[\W_]+|[\W_]+$")
Grade = Callable[[Sequence[Mapping[str, Any]], str], float]


@dataclass(frozen=True, kw_only=True)
class JudgePart:
    """The answers of a part, what they were asked for, and what is made of them."""

    documents: File
    answers: File
    recipe: Recipe
    model: str
    template: str
    system: str | None
    labels: tuple[str, ...]
    grade: str | None
    minimum: float
    code: tuple[Code, ...] = ()


@dataclass(kw_only=True)
class _Answer:
    """One answer of a document: its text, and the grade or label that it got, or the rule that it fell by."""

    number: int
    row: Mapping[str, Any]
    text: str = ""
    reasoning: str = ""
    rule: str = ""
    value: str = ""
    grade: float = 0.0
    label: str = ""


def judge_part(workspace: Workspace, unit: Unit[JudgePart]) -> Counts:
    """Writes the part's records as JSON lines, and its rejections."""
    asked = unit.asked
    for code in asked.code:
        code.check()
    chosen = {Recipe.REPHRASE: _rephrased, Recipe.LABEL: _labelled, Recipe.REJECTION_SAMPLING: _best}[asked.recipe]
    documents = workspace.read_table(asked.documents, columns=list(COLUMNS))
    answers = workspace.read_table(asked.answers)
    wanted = documents.filter(pa.compute.is_in(documents["id"], answers["parent"].combine_chunks()))
    by_id = {row["id"]: row for row in wanted.to_pylist()}
    records: list[dict[str, Any]] = []
    rejections: list[dict[str, Any]] = []
    for parent, rows in groupby(answers.to_pylist(), key=lambda row: row["parent"]):
        document = by_id[parent]
        given = [_read(row) for row in rows]
        records.extend(chosen(document, given, asked))
        rejections.extend(_rejection(document, each, asked) for each in given if each.rule)
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    workspace.write_bytes(f"{FOLDER}/{unit.name}.jsonl", lines.encode())
    table = pa.Table.from_pylist(rejections, schema=REJECTION)
    workspace.write_table(f"rejections/{STAGE}/{unit.name}.parquet", table)
    rules = Counter(sorted(rejection["rule"] for rejection in rejections))
    return {"answers": answers.num_rows, "records": len(records), "rejected": rules}


def _read(row: Mapping[str, Any]) -> _Answer:
    """An answer with its thoughts apart, or the reason that it is none."""
    found = _Answer(number=row["number"], row=row)
    if row["status"] != ANSWERED:
        found.rule, found.value = row["status"], row["detail"]
    elif row["finish"] == "length":
        found.rule, found.value = "cut", f"{row['completion_tokens']} tokens"
    else:
        try:
            found.reasoning, found.text = told_apart(row["text"], row["reasoning"], "answer")
        except Misfit as misfit:
            found.rule, found.value = "thoughts", str(misfit)
        found.text = found.text.strip()
        if not found.rule and not found.text:
            found.rule = "empty"
    return found


def _rephrased(document: Mapping[str, Any], given: Sequence[_Answer], asked: JudgePart) -> Iterator[dict[str, Any]]:
    """Each answer is a text of its own; one that only gives the document back is none."""
    seen = {document["text"].strip(): "unchanged"}
    for each in _sound(given):
        each.rule = seen.get(each.text, "")
        seen.setdefault(each.text, "repeated")
        if not each.rule:
            yield {**_origin(document, each, asked, each.text), "title": document["title"], "text": each.text}


def _labelled(document: Mapping[str, Any], given: Sequence[_Answer], asked: JudgePart) -> Iterator[dict[str, Any]]:
    """The document with the label that most of the answers are; those that are another one, or none, are out."""
    for each in _sound(given):
        each.label = _named(each.text, asked.labels)
        if not each.label:
            each.rule, each.value = "unparsed", each.text[:80]
    votes = Counter(each.label for each in _sound(given))
    if not votes:
        return
    label, most = min(votes.items(), key=lambda vote: (-vote[1], asked.labels.index(vote[0])))
    agreement = most / len(given)
    first = next(each for each in given if each.label == label)
    for each in _sound(given):
        if agreement < asked.minimum:
            each.rule, each.value, each.grade = "disagreement", each.label, agreement
        elif each.label != label:
            each.rule, each.value = "outvoted", each.label
        elif each is not first:
            each.rule, each.value = "agreeing", each.label
    if agreement >= asked.minimum:
        text = document["text"]
        yield {**_origin(document, first, asked, text), "text": text, "label": label, "agreement": agreement}


def _named(text: str, labels: Sequence[str]) -> str:
    """The label that an answer or its last line is, but for capitals, signs around it and a `Label:` before it."""
    for said in (text, text.rpartition("\n")[2]):
        bare = _AROUND.sub("", said.rpartition(":")[2]).casefold()
        for label in labels:
            if bare == _AROUND.sub("", label).casefold():
                return label
    return ""


def _best(document: Mapping[str, Any], given: Sequence[_Answer], asked: JudgePart) -> Iterator[dict[str, Any]]:
    """The answer of the highest grade as a conversation, of equals the first; the others are rejections with theirs."""
    labels = ", ".join(asked.labels)
    messages, tools = asked_of(document, template=asked.template, system=asked.system, labels=labels)
    talk = json.loads(document["messages"] or "{}")
    _graded(given, messages, talk.get("label"), asked.grade)
    ranked = sorted(_sound(given), key=lambda each: (-each.grade, each.number))
    for place, each in enumerate(ranked):
        each.value = f"{each.grade:g}"
        if each.grade < asked.minimum:
            each.rule = "grade"
        elif place:
            each.rule = "not_best"
    if ranked and not ranked[0].rule:
        best = ranked[0]
        thought = {"reasoning_content": best.reasoning} if best.reasoning else {}
        said = [*messages, {"role": "assistant", "content": best.text, **thought}]
        yield {
            **_origin(document, best, asked, best.text),
            "messages": said,
            **({"tools": tools} if tools else {}),
            "reward": best.grade,
        }


def _graded(
    given: Sequence[_Answer], messages: Sequence[Mapping[str, Any]], wanted: str | None, grade: str | None
) -> None:
    """Grades all answers that are still in; those that can't be graded are out."""
    finals = {id(each): boxed(each.text) for each in _sound(given)}
    if grade == LABEL:
        for each in _sound(given):
            if wanted is None:
                each.rule = "no_label"
            else:
                each.grade = float(equal(finals[id(each)], wanted))
    elif grade == CONSISTENCY:
        votes = Counter(form(final) for final in finals.values() if final is not None)
        for each in _sound(given):
            final = finals[id(each)]
            if final is None:
                each.rule = "unparsed"
            else:
                each.grade = votes[form(final)] / len(given)
    else:
        own = grader(str(grade))
        for each in _sound(given):
            each.grade = float(own(messages, each.text))
            if not math.isfinite(each.grade):
                raise Unworkable(f"{grade} graded an answer {each.grade}: a grade is a finite number")


def grader(name: str) -> Grade:
    """The user's function `package.module:NAME`. Raises `LookupError` where there is none."""
    module, _, inside = name.partition(":")
    found = getattr(brought(module, f"the grade {name!r}"), inside, None)
    if not callable(found):
        raise LookupError(f"{module} has no function {inside!r} for the grade {name!r}")
    return found  # type: ignore[no-any-return]


def _sound(given: Sequence[_Answer]) -> list[_Answer]:
    return [each for each in given if not each.rule]


def _origin(document: Mapping[str, Any], answer: _Answer, asked: JudgePart, text: str) -> dict[str, Any]:
    """What all records say: their own id, what they share with their parent, and how they came to be."""
    kept = {name: document[name] for name in ("language", "license", "url")}
    lineage = {
        "parent": document["id"],
        "source": document["source"],
        "locator": document["locator"],
        "recipe": str(asked.recipe),
        "model": asked.model,
        "answered_by": answer.row["model"],
        "prompt": hashlib.blake2b(f"{asked.system or ''}\0{asked.template}".encode(), digest_size=8).hexdigest(),
        "number": answer.number,
        "seed": answer.row["seed"],
    }
    return {"id": document_id(document["source"], _place(document, answer), text), **kept, "generation": lineage}


def _place(document: Mapping[str, Any], answer: _Answer) -> str:
    return f"{document['id']}#{answer.number}"


def _rejection(document: Mapping[str, Any], answer: _Answer, asked: JudgePart) -> dict[str, Any]:
    bounded = answer.rule in ("grade", "disagreement")
    return {
        "id": document["id"],
        "locator": _place(document, answer),
        "source": document["source"],
        "stage": STAGE,
        "rule": f"{STAGE}.{answer.rule}",
        "value": answer.value,
        "threshold": f"≥ {asked.minimum:g}" if bounded else None,
    }


JUDGE = Step(name="generate.judge", version=1, work=judge_part)


def judge_units(parts: Sequence[str], asked: Generation) -> Sequence[Unit[JudgePart]]:
    """One unit a part, after those of `asking`."""
    code = code_of(asked.grade) if asked.grade else ()
    return Units(
        parts,
        lambda _, part: JudgePart(
            documents=File(f"documents/{part}.parquet"),
            answers=answers_path(part),
            recipe=asked.recipe,
            model=asked.model,
            template=asked.template(),
            system=asked.system,
            labels=asked.labels,
            grade=asked.grade,
            minimum=asked.minimum,
            code=code,
        ),
    )
