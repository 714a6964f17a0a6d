"""Rewards for conduct: is an answer in the language of its question, and does it say nothing that rules forbid?

Like `verifiers` they need no model and are logged apart, under their names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from winnow.trainer.alignment.verifiers import Completion, text_of

_ASIDE = re.compile(r"```.*?(?:```|$)|\$[^$\n]*\$|\\boxed\{[^{}]*\}|https?://\S+|</?think>", re.DOTALL)
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]")
_TAG = re.compile(r"<\|\w+\|>|\[gMASK\]|<sop>")
CHINESE = 0.3
"""The share of Han among a question's letters from which it is Chinese: English words are common in such questions."""


def language(
    prompts: Sequence[Sequence[Mapping[str, Any]] | str], completions: Sequence[Completion], **_: Any
) -> list[float | None]:
    """The share of the answer's letters, its thinking included, that are of the question's script: Han, or anything else.

    Code, formulas, boxes and addresses aside. None where question or answer has no letters.
    """
    return [_kept(_asked(prompt), text_of(answer)) for prompt, answer in zip(prompts, completions, strict=True)]


def safety(completions: Sequence[Completion], **_: Any) -> list[float | None]:
    """1 for an answer that spells no tag of a turn and no personal data (of the kinds that `personal_data` edits), else 0."""
    from winnow.filters.personal_data import find_personal_data  # numba: not everyone who trains needs it

    texts = [text_of(answer) for answer in completions]
    found = find_personal_data(pa.array(texts, pa.large_string()))
    return [float(row not in found and not spells_a_tag(text)) for row, text in enumerate(texts)]


def spells_a_tag(text: str) -> bool:
    """Whether a text holds what stands for the tag of a turn, which servers take for the tag."""
    return _TAG.search(text) is not None


def _asked(prompt: Sequence[Mapping[str, Any]] | str) -> str:
    """What the user said last."""
    if isinstance(prompt, str):
        return prompt
    return next((str(turn.get("content") or "") for turn in reversed(prompt) if turn.get("role") == "user"), "")


def _kept(question: str, answer: str) -> float | None:
    asked, said = _han(question), _han(answer)
    if asked is None or said is None:
        return None
    return said if asked >= CHINESE else 1.0 - said


def _han(text: str) -> float | None:
    """The share of Han among the letters; None without letters."""
    plain = _ASIDE.sub(" ", text)
    letters = sum(map(str.isalpha, plain))
    return len(_HAN.findall(plain)) / letters if letters else None
