"""A second model of languages, asked where the first isn't sure: CLD2, by the package pycld2.

CLD2 (Dick Sites, 2013; Apache-2.0) knows 83 languages well and some 80 more, many of them African and of the Pacific, by
four-letter and word tables. It is wrong on short pages of commands and says so; fastText's lid.176 takes a language that it
doesn't know for another. So the first is believed where it is sure, except for a language whose only neighbour in its
script it has never seen, and CLD2 where the whole text is one language to it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.language_labels import language_of

Opinion = tuple[str, float]
"""A language and the share of the text that is written in it."""

WHOLE = 0.9
"""Share of a text in one language from which CLD2's answer counts: a page in two is left to its segments."""
UNREADABLE = r"[\x{0}-\x{8}\x{b}\x{e}-\x{1f}\x{7f}-\x{9f}\x{fdd0}-\x{fdef}\x{fffe}\x{ffff}" + (
    "".join(rf"\x{{{plane:x}fffe}}\x{{{plane:x}ffff}}" for plane in range(1, 17)) + "]"
)
"""Control characters and code points that are none: CLD2 takes no text with one."""
LEFT_TO_THE_FIRST = frozenset({"en", "zh"})
"""What the first model knows best: debris and creoles are not made English by the second."""
NEIGHBOURS = {"am": ("ti",), "hi": ("ne", "mr", "bh"), "fa": ("ps", "ku"), "ar": ("fa", "ps", "ur", "ug")}
"""Languages of one script: where the first doesn't know one of the second, it is sure of the first, and wrong."""


class Asked(NamedTuple):
    """The documents that the first model was asked about: document `documents[i]` is `shown[bounds[i]:bounds[i + 1]]`."""

    documents: npt.NDArray[Any]
    shown: pa.Array
    bounds: npt.NDArray[Any]


def correct(
    name: str,
    known: Collection[str],
    unsure: float,
    asked: Asked,
    labels: npt.NDArray[Any],
    scores: npt.NDArray[np.float64],
    methods: npt.NDArray[Any],
) -> None:
    """Gives documents that the first model isn't sure of, or can't know, the second one's answer where that is sure.

    `known` are the languages of the first model, `unsure` the probability below which its answer is a guess; `labels`,
    `scores` and `methods` of n documents are changed in place, where the method was `fasttext`. Errors: `opinions`.
    """
    taken = [one for one, others in NEIGHBOURS.items() if not set(others) <= set(known)]
    doubted = (scores[asked.documents] < unsure) | np.isin(labels[asked.documents].astype(str), taken)
    doubtful = np.flatnonzero((methods[asked.documents] == "fasttext") & doubted).tolist()
    bounds = asked.bounds.tolist()
    texts = ["\n".join(asked.shown[bounds[one] : bounds[one + 1]].to_pylist()) for one in doubtful]
    answers = opinions(name, pa.array(texts, pa.large_string()))
    for document, answer in zip(asked.documents[doubtful].tolist(), answers, strict=True):
        if answer is not None and answer[0] != labels[document]:
            labels[document], scores[document] = answer
            methods[document] = "second"


def opinions(name: str, texts: pa.Array) -> Sequence[Opinion | None]:
    """For each text the language that the second model is sure of; None where it isn't.

    Raises `LookupError` for another name than `cld2`, or where its package isn't installed.
    """
    ask = _cld2(name)
    if pc.any(pc.match_substring_regex(texts, UNREADABLE)).as_py():
        texts = pc.replace_substring_regex(texts, UNREADABLE, " ")
    return [ask(text) for text in texts.to_pylist()]


def _cld2(name: str) -> Callable[[str], Opinion | None]:
    if name != "cld2":
        near = "; did you mean 'cld2'?" if get_close_matches(name, ["cld2"]) else ""
        raise LookupError(f"no second model of languages is called {name!r}; there is cld2{near}")
    try:
        detect: Any = importlib.import_module("pycld2").detect
    except ModuleNotFoundError as error:
        raise LookupError("the second model cld2 needs the package pycld2: pip install winnow[languages]") from error

    def ask(text: str) -> Opinion | None:
        sure, _, ((_, code, percent, _), *_) = detect(text, isPlainText=True)
        label = language_of(code)
        plain = sure and percent >= 100 * WHOLE and len(label) <= 3 and label not in LEFT_TO_THE_FIRST
        return (label, percent / 100) if plain else None

    return ask
