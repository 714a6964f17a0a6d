"""The benchmarks that everybody looks for, by name: which of their keys hold what, as their authors publish them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple


class Keys(NamedTuple):
    """Keys of an item, dotted where they lie inside another; each field has the first that an item holds."""

    identifier: tuple[str, ...]
    question: tuple[str, ...]
    answer: tuple[str, ...] = ()
    passage: tuple[str, ...] = ()
    code: bool = False  # compared as code too


KNOWN: Mapping[str, Keys] = {
    "humaneval": Keys(("task_id",), ("prompt",), ("canonical_solution",), code=True),
    "mbpp": Keys(("task_id",), ("text", "prompt"), ("code",), code=True),
    "gsm8k": Keys(("id",), ("question",), ("answer",)),
    "math": Keys(("unique_id", "id"), ("problem",), ("solution", "answer")),
    "aime": Keys(("ID", "id"), ("Problem", "problem", "question"), ("Solution", "solution", "Answer", "answer")),
    "gpqa": Keys(("Record ID",), ("Question", "question"), ("Explanation", "Correct Answer", "answer")),
    "livecodebench": Keys(("question_id",), ("question_content",), ("starter_code",)),
    "swebench": Keys(("instance_id",), ("problem_statement",), ("patch",), ("hints_text",)),
    "tau2": Keys(
        ("id",),
        ("user_scenario.instructions", "user_scenario", "instruction"),
        ("evaluation_criteria.actions", "actions"),
    ),
    "gaia": Keys(("task_id",), ("Question",), ("Annotator Metadata.Steps", "Final answer")),
}
OTHER_NAMES = {"τ2": "tau2", "τ²": "tau2", "taubench": "tau2", "hendrycksmath": "math", "lcb": "livecodebench"}
EDITION = (
    r"(?:\d|v\d|i|level\d|plus|bench|test|train|validation|val|dev|verified|lite|pro|main|diamond|extended|sanitized|full"
    r"|retail|airline|telecom|tasks)*"
)
NAME = re.compile(rf"{EDITION}({'|'.join(sorted([*KNOWN, *OTHER_NAMES], key=len, reverse=True))}){EDITION}")


def name_of(name: str) -> str | None:
    """The benchmark in `KNOWN` that a name says, with a number, a split or an edition: `SWE-bench_Verified`, `aime-2025`.

    None for any other: MathVista is no edition of MATH.
    """
    found = NAME.fullmatch(re.sub(r"[\W_]", "", name.lower()))
    return None if found is None else OTHER_NAMES.get(found[1], found[1])


def keys_of(name: str) -> Keys | None:
    """The keys of the benchmark that a name says; None for any other."""
    known = name_of(name)
    return None if known is None else KNOWN[known]
