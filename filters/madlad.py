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
match. These run over Python strings and not in a kernel: they are meant for what cheaper rules have kept.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.recipes import Recipe, Rule

FEWEST_WORDS = 12
SHORTEST, LONGEST = 20, 500
MOST_CAPITALS, MOST_TECHNICAL = 0.5, 0.2

_SENTENCE_END = re.compile(r"[.!?]+\s+")
_TECHNICAL = re.compile(r"[0-9{}+/()>]")
_SUBSTRINGS = (
    " №", "\ufffd\ufffd\ufffd", r"\|\s*$", r" nr\.$", "aute irure dolor ", " sunt in culpa qui ", "orem ipsum ",
    " quis nostrud ", " adipisicing ", " dolore eu ", " cupidatat ", "autem vel eum", "wisi enim ad", " sex ", " porn ",
    "黄色电影", "mp3", "ownload", r"Vol\.", r" Ep\.", "Episode", r" г\.\s*$", r" кг\.\s*$", r" шт\.", "Develop",
    "Facebook", " crusher ", " xxx ",
)  # fmt: skip
_PATTERNS = (" ..." * 9, " ...." * 9, " [^ ]" * 9, "," + " ..,,?" * 4)
_CURSED = re.compile("|".join((*_SUBSTRINGS, *_PATTERNS)))
_CURSED_AS_WRITTEN = re.compile("|".join((*map(re.escape, _SUBSTRINGS), *_PATTERNS)))


def measure(documents: pa.Table) -> pa.Table:
    """Sentences and what is wrong with them, n rows:

    `madlad.sentences` (int64), and of those, as float64 fractions that are null without any, `madlad.list_fraction`,
    `madlad.length_fraction`, `madlad.technical_fraction`, `madlad.cursed_fraction`, `madlad.questionable_fraction` (any
    of the four) and `madlad.olmo3_fraction` (capitals or patterns, as OLMo 3 counts them).
    """
    texts = documents["text"].to_pylist()
    pages = [[sentence for sentence in _SENTENCE_END.split(text or "") if sentence.strip()] for text in texts]
    sentences = [sentence for page in pages for sentence in page]
    faults = {
        "list": np.array([_is_list(sentence) for sentence in sentences], bool),
        "length": np.array([not SHORTEST <= len(sentence) <= LONGEST for sentence in sentences], bool),
        "technical": np.array([_is_technical(sentence) for sentence in sentences], bool),
        "cursed": np.array([_CURSED.search(sentence) is not None for sentence in sentences], bool),
    }
    faults["questionable"] = faults["list"] | faults["length"] | faults["technical"] | faults["cursed"]
    as_written = np.array([_CURSED_AS_WRITTEN.search(sentence) is not None for sentence in sentences], bool)
    faults["olmo3"] = as_written | _unicode_lists(sentences)
    counts = np.array([len(page) for page in pages], np.int64)
    pages_of = np.repeat(np.arange(counts.size), counts)
    columns: dict[str, pa.Array] = {"madlad.sentences": pa.array(counts, pa.int64())}
    for name, fault in faults.items():
        faulty = np.bincount(pages_of[fault], minlength=counts.size)
        shares = np.divide(faulty, counts, out=np.full(counts.size, np.nan), where=counts > 0)
        columns[f"madlad.{name}_fraction"] = pa.array(shares, pa.float64(), from_pandas=True)
    return pa.table(columns)


def _is_list(sentence: str) -> bool:
    words = sentence.split()
    return len(words) >= FEWEST_WORDS and sum(word[0].isupper() for word in words) > MOST_CAPITALS * len(words)


def _is_technical(sentence: str) -> bool:
    return len(_TECHNICAL.findall(sentence)) > MOST_TECHNICAL * len(sentence)


def _unicode_lists(sentences: list[str]) -> npt.NDArray[np.bool_]:
    """Which sentences have twelve words of Unicode or more, over half of them with a capital first."""
    from filters.kernels import unicode_words
    from filters.kernels.bytes import text_buffers
    from filters.kernels.characters import class_table

    data, offsets = text_buffers(pa.array(sentences, pa.large_string()))
    bounds = np.empty(2 * int(offsets[-1] - offsets[0]) + 2 * offsets.size, np.int64)
    words = np.empty(offsets.size, np.int64)
    unicode_words.split_documents(data, offsets, class_table(), unicode_words.word_kinds(), bounds, words)
    starts = bounds[: 2 * words[-1] : 2]
    capital = (data[starts] >= ord("A")) & (data[starts] <= ord("Z"))
    for place in np.flatnonzero(data[starts] > 0x7F):
        capital[place] = data[starts[place] : starts[place] + 4].tobytes().decode(errors="ignore")[0].isupper()
    sizes = np.diff(words)
    owners = np.repeat(np.arange(sizes.size), sizes)
    capitals = np.bincount(owners[capital], minlength=sizes.size)
    return (sizes >= FEWEST_WORDS) & (capitals > MOST_CAPITALS * sizes)


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
