"""MADLAD-400's questionable sentences.

Source: Kudugunta et al. 2023, "MADLAD-400: A Multilingual And Document-Level Large Audited Dataset", arXiv 2309.04662,
section 2.2 and its appendix. A sentence is questionable when it is a list in capitals (of twelve words or more, over
half begin with a capital), shorter than 20 or longer than 500 characters, full of technical signs (more than a fifth
of its characters are digits or {}+/()>), or holds one of the patterns below. Sentences end at . ! ? and whitespace,
as in datamap-rs. A page goes with fewer than five sentences or with a fifth of them questionable. The paper's first
rule, that each sentence is in the page's language, is `language.segments` here.

The patterns were checked against `banlists/madlad400_cursed.txt.gz` of datamap-rs at commit f771794. `madlad400` takes
all of them for the regular expressions that they are, unescaped full stops for any character. `madlad400_olmo3` is what
OLMo 3 ran (datamap-rs, `configs/all_dressed`, rules 2 and 5): capitals and patterns alone, words as Unicode cuts them,
and all patterns but the last four searched for letter by letter, backslashes and all, so that those with one hardly
match.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.recipes import Recipe, Rule

if TYPE_CHECKING:
    from winnow.filters.kernels.block import Splitter

Mask = npt.NDArray[np.bool_]

FEWEST_WORDS = 12
SHORTEST, LONGEST = 20, 500
MOST_CAPITALS, MOST_TECHNICAL = 0.5, 0.2

_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++\s+")
_TECHNICAL = r"[0-9{}+/()>]"
SUBSTRINGS = (
    " №", "\ufffd\ufffd\ufffd", r"\|\s*$", r" nr\.$", "aute irure dolor ", " sunt in culpa qui ", "orem ipsum ",
    " quis nostrud ", " adipisicing ", " dolore eu ", " cupidatat ", "autem vel eum", "wisi enim ad", " sex ", " porn ",
    "黄色电影", "mp3", "ownload", r"Vol\.", r" Ep\.", "Episode", r" г\.\s*$", r" кг\.\s*$", r" шт\.", "Develop",
    "Facebook", " crusher ", " xxx ",
)  # fmt: skip
PATTERNS = (" ..." * 9, " ...." * 9, " [^ ]" * 9, "," + " ..,,?" * 4)
_SPACE = r"[\s\x0b\x1c-\x1f\x85\pZ]"
"""RE2's own `\\s` knows the spaces of ASCII alone."""
_CURSED = "|".join(SUBSTRINGS).replace(r"\s", _SPACE)
_CURSED_AS_WRITTEN = "|".join(map(re.escape, SUBSTRINGS))
_FORMS = "|".join(PATTERNS)
BLOCK_BYTES = 1 << 21
"""Sentences whose words are found together."""


def measure(documents: pa.Table) -> pa.Table:
    """Sentences and what is wrong with them, n rows:

    `madlad.sentences` (int64), and of those, as float64 fractions that are null without any, `madlad.list_fraction`,
    `madlad.length_fraction`, `madlad.technical_fraction`, `madlad.cursed_fraction`, `madlad.questionable_fraction` (any
    of the four) and `madlad.olmo3_fraction` (capitals or patterns, as OLMo 3 counts them).
    """
    from winnow.filters.kernels.block import Splitter

    texts = documents["text"].to_pylist()
    pages = [[sentence for sentence in _SENTENCE_END.split(text or "") if sentence.strip()] for text in texts]
    sentences = pa.array([sentence for page in pages for sentence in page], pa.large_string())
    lengths = pc.utf8_length(sentences).to_numpy()
    formed = _matches(sentences, _FORMS)
    faults = {
        "list": _lists(sentences, Splitter.WHITESPACE),
        "length": (lengths < SHORTEST) | (lengths > LONGEST),
        "technical": pc.count_substring_regex(sentences, _TECHNICAL).to_numpy() > MOST_TECHNICAL * lengths,
        "cursed": formed | _matches(sentences, _CURSED),
    }
    faults["questionable"] = faults["list"] | faults["length"] | faults["technical"] | faults["cursed"]
    faults["olmo3"] = formed | _matches(sentences, _CURSED_AS_WRITTEN) | _lists(sentences, Splitter.UNICODE)
    counts = np.array([len(page) for page in pages], np.int64)
    pages_of = np.repeat(np.arange(counts.size), counts)
    columns: dict[str, pa.Array] = {"madlad.sentences": pa.array(counts, pa.int64())}
    for name, fault in faults.items():
        faulty = np.bincount(pages_of[fault], minlength=counts.size)
        shares = np.divide(faulty, counts, out=np.full(counts.size, np.nan), where=counts > 0)
        columns[f"madlad.{name}_fraction"] = pa.array(shares, pa.float64(), from_pandas=True)
    return pa.table(columns)


def _matches(sentences: pa.Array, pattern: str) -> Mask:
    return np.asarray(pc.match_substring_regex(sentences, pattern), bool)


def _lists(sentences: pa.Array, splitter: Splitter) -> Mask:
    """Which sentences have twelve words or more, over half of them with a capital first."""
    from winnow.filters.kernels.block import Block, Scratch
    from winnow.filters.kernels.bytes import text_blocks
    from winnow.filters.kernels.characters import class_table
    from winnow.filters.kernels.unicode_words import count_capitals

    found = [np.zeros(0, bool)]
    scratch = Scratch()
    for data, offsets in text_blocks(sentences, BLOCK_BYTES):
        words = Block(data, offsets, scratch).words(splitter)
        counts, capitals = np.diff(words.offsets), np.empty(offsets.size - 1, np.int64)
        count_capitals(data, words.bounds, words.offsets, class_table(), capitals)
        found.append((counts >= FEWEST_WORDS) & (capitals > MOST_CAPITALS * counts))
    return np.concatenate(found)


_PAPER = "Kudugunta et al. 2023, arXiv 2309.04662, section 2.2"

RECIPES = (
    Recipe(
        name="madlad400",
        summary="Fewer than a fifth of the sentences questionable, five sentences at least",
        source=_PAPER,
        measure=measure,
        rules=(
            Rule(name="sentences", measure="madlad.sentences", minimum=5),
            Rule(name="questionable_sentences", measure="madlad.questionable_fraction", maximum=0.2, strict=True),
        ),
        cost=8,
    ),
    Recipe(
        name="madlad400_olmo3",
        summary="The same by capitals and patterns alone, as OLMo 3 ran it",
        source=f"{_PAPER}; datamap-rs configs/all_dressed, rules 2 and 5 (OLMo 3)",
        measure=measure,
        rules=(
            Rule(name="sentences", measure="madlad.sentences", minimum=5),
            Rule(name="questionable_sentences", measure="madlad.olmo3_fraction", maximum=0.2, strict=True),
        ),
        cost=8,
    ),
)
