"""The language of a document: scripts counted first, fastText where they don't settle it, on a fixed sample.

Sample: a document of up to 32 KiB is read whole; of a longer one, 8 windows of 4 KiB, evenly spaced from its
beginning to its end, each moved forward to the next space (or, where none comes within 256 bytes, to the next whole
character). It depends on the document alone, so that the answer never changes from run to run.

Segments: the sample is cut at the first line break after 256 bytes, or at the first space after 1,024. Each segment
gets a language of its own, and `language.segments` tells what share of the letters lies in segments of each language.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.kernels.bytes import Offsets, text_buffers
from winnow.filters.kernels.fasttext import classify_pieces
from winnow.filters.kernels.fasttext_model import Model, load_model
from winnow.filters.kernels.scripts import JAPANESE_KANA, SCRIPTS, Script, count_letters, script_table
from winnow.filters.kernels.segments import cut_segments
from winnow.filters.language_labels import language_of
from winnow.filters.language_words import NO_PROSE, words_alone
from winnow.filters.recipes import Recipe, Rule
from winnow.filters.second_opinion import Asked, correct

Counts = npt.NDArray[np.int64]

UNDETERMINED = "und"
PLAIN_SHARE = 0.9
"""Share of its letters that must be in one script for it to settle the language; Latin letters count a third."""
PLAIN_LETTERS = 16
LATIN_WEIGHT = 1 / 3
"""Three Latin letters say about as much as one Chinese character or syllable: the bytes they take in UTF-8, too."""
FUNCTION_WORDS = r"(?i)\b(?:the|of|to|that|this|are|be|by|from|which|we|you|was|an|can|has|have|will)\b"
LETTERS_PER_FUNCTION_WORD = 24
"""English prose has one of these words in 19 to 25 letters; none of them is a keyword of a common programming
language.
"""
FEWEST_CHINESE = 16
SURE = 0.65
"""Probability from which a segment's language counts as known; FineWeb's for a document."""

# Scripts that only one of the languages of lid.176 is written in.
LANGUAGE_OF_SCRIPT: Mapping[Script, str] = {
    Script.HANI: "zh",
    Script.KANA: "ja",
    Script.HANG: "ko",
    Script.THAI: "th",
    Script.GREK: "el",
    Script.ARMN: "hy",
    Script.KHMR: "km",
    Script.LAOO: "lo",
    Script.TAML: "ta",
    Script.TELU: "te",
    Script.KNDA: "kn",
    Script.MLYM: "ml",
    Script.SINH: "si",
    Script.GUJR: "gu",
    Script.GURU: "pa",
    Script.ORYA: "or",
}
# Columns of merged counts: Chinese characters of all three kinds in HANI, both kana in KANA.
_MERGED = [script for script in Script if script not in (Script.NONE, Script.HANS, Script.HANT, Script.HIRA)]
_HANI, _KANA, _LATN = (_MERGED.index(script) for script in (Script.HANI, Script.KANA, Script.LATN))


def measure(documents: pa.Table, *, model: str, second: str = "") -> pa.Table:
    """Language, script and their shares, n rows:

    - `language.label` string: ISO 639-1 or -3 as the model names it, `zh` for every Chinese, `und` where nothing tells
    - `language.score` float64: the model's probability, or the plain script's share of the letters
    - `language.certainty` float64: the score or, where it is larger, the share of the letters that lie in segments whose
      language is known: a page in two languages has a low score and a high certainty
    - `language.method` string: `script`, `fasttext`, `second` (the second model's answer), `prose` (Chinese prose among code,
      see below) or `none`
    - `language.script` string, ISO 15924: `Latn`, `Hans`, `Hant`, `Hani` (either), `Jpan`, `Kore` …, `Zyyy` without
      letters
    - `language.letters` int64: letters in the sample; `language.han`, `.latin`, `.kana`, `.hangul`, `.cyrillic`,
      `.arabic` float64: their shares
    - `language.traditional` float64: traditional among the characters that only one orthography writes; null without
      any, and where the language isn't Chinese
    - `language.segments` string: `{"en": 0.9, "zh": 0.1}` as JSON, shares of letters; `language.segment_share`
      float64: that of the document's own language

    `model` is the path of a fastText language model, usually `lid.176.ftz` (Joulin et al. 2016, CC BY-SA 3.0); a user's
    own may have any labels, and those with a script (`eng_Latn`) are read as ISO 639-1. `second` is `cld2` or nothing
    (`second_opinion.py`). Raises `FileNotFoundError` or `ValueError` when the model can't be read, `LookupError` when the
    second can't be had.
    """
    data, offsets = text_buffers(documents["text"])
    starts, ends, groups = cut_segments(data, offsets)
    segment_counts = np.zeros((starts.size, SCRIPTS), np.int32)
    count_letters(data, starts, ends, script_table(), segment_counts)
    counts = _sum_groups(segment_counts, groups)
    segment_scripts, document_scripts = _merge(segment_counts.astype(np.int64)), _merge(counts)
    segment_labels, _ = _plain_languages(segment_scripts)
    labels, scores = _plain_languages(document_scripts)
    sure = segment_labels != UNDETERMINED
    methods = np.where(labels == UNDETERMINED, "none", "script").astype(object)
    letters = document_scripts.sum(axis=1)
    asked = np.flatnonzero((labels == UNDETERMINED) & (letters > 0))
    owners = np.repeat(np.arange(groups.size - 1), np.diff(groups))
    if asked.size:
        loaded = load_model(model)
        found = _ask_model(loaded, data, starts, ends, groups, asked)
        labels[asked], scores[asked] = found.labels, found.scores
        methods[asked] = np.where(found.labels == UNDETERMINED, "none", "fasttext")
        _prefer_chinese_prose(labels, scores, methods, data, starts, ends, groups, asked, document_scripts)
        open_segments = segment_labels[found.segments] == UNDETERMINED
        sure[found.segments[open_segments]] = found.segment_scores[open_segments] >= SURE
        segment_labels[found.segments[open_segments]] = found.segment_labels[open_segments]
        if second:
            first = labels.copy()
            asked_texts = Asked(asked, found.shown, found.bounds)
            correct(second, {language_of(label) for label in loaded.labels}, SURE, asked_texts, labels, scores, methods)
            changed = (labels != first)[owners] & (segment_labels != UNDETERMINED)
            changed &= ~sure | (segment_labels == first[owners])
            segment_labels[changed] = labels[owners[changed]]
    # Segments of a document that its script settled, but that are mixed themselves, count as that language.
    undecided = segment_labels == UNDETERMINED
    segment_labels[undecided] = labels[owners[undecided]]
    known = _sum_groups((segment_scripts.sum(axis=1) * sure)[:, None], groups)[:, 0] / np.maximum(letters, 1)
    known[methods == "prose"] = 1.0  # Chinese and English by their words, code left out
    shares = _segment_shares(segment_labels, segment_scripts.sum(axis=1), owners, groups.size - 1)
    columns: dict[str, Any] = {
        "language.label": pa.array(labels, pa.string()),
        "language.score": pa.array(scores, pa.float64()),
        "language.certainty": pa.array(np.maximum(scores, np.where(labels == UNDETERMINED, 0.0, known)), pa.float64()),
        "language.method": pa.array(methods, pa.string()),
        "language.script": pa.array(_script_codes(counts, document_scripts, labels), pa.string()),
        "language.letters": pa.array(letters, pa.int64()),
    }
    merged: list[Script] = list(_MERGED)
    for name, script in _SHARES.items():
        share = document_scripts[:, merged.index(script)] / np.maximum(letters, 1)
        columns[f"language.{name}"] = pa.array(share, pa.float64())
    evidence = counts[:, Script.HANS] + counts[:, Script.HANT]
    traditional = counts[:, Script.HANT] / np.maximum(evidence, 1)
    columns["language.traditional"] = pa.array(traditional, pa.float64(), mask=(evidence == 0) | (labels != "zh"))
    columns["language.segments"] = pa.array([json.dumps(share, sort_keys=True) for share in shares], pa.string())
    own = [share.get(label, 0.0) for share, label in zip(shares, labels, strict=True)]
    columns["language.segment_share"] = pa.array(own, pa.float64())
    return pa.table(columns)


_SHARES = {
    "han": Script.HANI,
    "latin": Script.LATN,
    "kana": Script.KANA,
    "hangul": Script.HANG,
    "cyrillic": Script.CYRL,
    "arabic": Script.ARAB,
}


def _sum_groups(values: npt.NDArray[Any], groups: Offsets) -> Counts:
    """Sums rows group by group; an empty group gives zeros."""
    totals = np.zeros((values.shape[0] + 1, values.shape[1]), np.int64)
    np.cumsum(values, axis=0, out=totals[1:])
    return totals[groups[1:]] - totals[groups[:-1]]


def _merge(counts: npt.NDArray[Any]) -> Counts:
    merged = counts[:, [int(script) for script in _MERGED]].astype(np.int64)
    merged[:, _HANI] += counts[:, Script.HANS] + counts[:, Script.HANT]
    merged[:, _KANA] += counts[:, Script.HIRA]
    return merged


def _plain_languages(merged: Counts) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Labels that the script alone settles (`und` elsewhere), and the script's weighted share of the letters."""
    weighted = merged.astype(np.float64)
    weighted[:, _LATN] *= LATIN_WEIGHT
    characters = weighted[:, _HANI] + weighted[:, _KANA]
    japanese = weighted[:, _KANA] >= JAPANESE_KANA * np.maximum(characters, 1)
    weighted[:, _KANA] = np.where(japanese, characters, weighted[:, _KANA])
    weighted[:, _HANI] = np.where(japanese, 0, weighted[:, _HANI])
    total = weighted.sum(axis=1)
    winner = weighted.argmax(axis=1)
    share = weighted[np.arange(len(weighted)), winner] / np.maximum(total, 1)
    names = np.array([LANGUAGE_OF_SCRIPT.get(script, UNDETERMINED) for script in _MERGED], object)
    plain = (share >= PLAIN_SHARE) & (total >= PLAIN_LETTERS) & (names[winner] != UNDETERMINED)
    return np.where(plain, names[winner], UNDETERMINED).astype(object), np.where(plain, share, 0.0)


class _Answers(NamedTuple):
    labels: npt.NDArray[Any]
    scores: npt.NDArray[np.float64]
    segments: npt.NDArray[Any]  # numbers of the documents' segments
    segment_labels: npt.NDArray[Any]
    segment_scores: npt.NDArray[np.float32]
    shown: pa.Array  # segments as the model was shown them
    bounds: npt.NDArray[Any]  # of the documents among them


def _ask_model(
    model: Model, data: Any, starts: Offsets, ends: Offsets, groups: Offsets, asked: npt.NDArray[Any]
) -> _Answers:
    """What the model says of the documents `asked` for and of their segments."""
    lengths = np.diff(groups)[asked]
    asked_groups = np.concatenate([[0], np.cumsum(lengths)])
    segments = np.repeat(groups[asked] - asked_groups[:-1], lengths) + np.arange(asked_groups[-1])
    words = words_alone(data, starts[segments], ends[segments])
    shown, bounds = text_buffers(words)
    piece_labels, piece_scores, labels, scores = classify_pieces(model, shown, bounds[:-1], bounds[1:], asked_groups)
    names = np.array([*map(language_of, model.labels), UNDETERMINED], object)
    return _Answers(
        names[labels],
        np.minimum(scores, 1.0).astype(np.float64),
        segments,
        names[piece_labels],
        piece_scores,
        words,
        asked_groups,
    )


def _prefer_chinese_prose(
    labels: npt.NDArray[Any],
    scores: npt.NDArray[np.float64],
    methods: npt.NDArray[Any],
    data: Any,
    starts: Offsets,
    ends: Offsets,
    groups: Offsets,
    asked: npt.NDArray[Any],
    merged: Counts,
) -> None:
    """Corrects documents of Chinese prose whose code, links and tables made the model take them for another language.

    Latin letters count as prose only as far as function words vouch for them; Chinese stands when it outweighs that.
    """
    han, kana = merged[asked, _HANI], merged[asked, _KANA]
    doubtful = asked[(labels[asked] != "zh") & (han >= FEWEST_CHINESE) & (kana < JAPANESE_KANA * (han + kana))]
    if not doubtful.size:
        return
    samples = [
        b"".join(bytes(data[start:end]) for start, end in zip(starts[i:j], ends[i:j], strict=True))
        for i, j in zip(groups[doubtful], groups[doubtful + 1], strict=True)
    ]
    texts = pa.array(samples, pa.large_binary()).cast(pa.large_string())
    vouching = pc.count_substring_regex(pc.replace_substring_regex(texts, NO_PROSE, " "), FUNCTION_WORDS)
    prose = np.minimum(vouching.to_numpy() * LETTERS_PER_FUNCTION_WORD, merged[doubtful, _LATN]) * LATIN_WEIGHT
    others = np.delete(merged[doubtful], [_HANI, _LATN], axis=1).sum(axis=1)
    share = merged[doubtful, _HANI] / (merged[doubtful, _HANI] + prose + others)
    chinese = share > 0.5
    labels[doubtful[chinese]], scores[doubtful[chinese]] = "zh", share[chinese]
    methods[doubtful[chinese]] = "prose"


def _segment_shares(
    labels: npt.NDArray[Any], letters: Counts, owners: npt.NDArray[Any], documents: int
) -> list[dict[str, float]]:
    """For each document, the share of its letters in segments of each language, to four places."""
    totals: list[dict[str, int]] = [{} for _ in range(documents)]
    for owner, label, count in zip(owners.tolist(), labels.tolist(), letters.tolist(), strict=True):
        if count:
            total = totals[owner]
            total[label] = total.get(label, 0) + count
    return [{label: round(count / sum(total.values()), 4) for label, count in total.items()} for total in totals]


def _script_codes(counts: Counts, merged: Counts, labels: npt.NDArray[Any]) -> Sequence[str]:
    """The script of the document's language where that is Chinese; else the one with the most (weighted) letters."""
    codes = np.array([script.name.capitalize() for script in _MERGED], object)
    codes[_KANA], codes[_MERGED.index(Script.HANG)], codes[_MERGED.index(Script.OTHER)] = "Jpan", "Kore", "Zzzz"
    weighted = merged.astype(np.float64)
    weighted[:, _LATN] *= LATIN_WEIGHT
    chosen = codes[weighted.argmax(axis=1)]
    kana = merged[:, _KANA] >= JAPANESE_KANA * np.maximum(merged[:, _HANI] + merged[:, _KANA], 1)
    simplified, traditional = counts[:, Script.HANS], counts[:, Script.HANT]
    han = np.select([simplified > traditional, traditional > simplified], ["Hans", "Hant"], "Hani")
    chosen = np.where((chosen == "Hani") & kana, "Jpan", np.where((chosen == "Hani") | (labels == "zh"), han, chosen))
    return list(np.where(merged.sum(axis=1) == 0, "Zyyy", chosen))


RECIPES = (
    Recipe(
        name="language",
        summary="Language, script, traditional or simplified Chinese, and the languages of its segments",
        source="fastText lid.176, Joulin et al. 2016, arXiv 1607.01759; scripts after Unicode 16, GB 2312 and Big5",
        measure=measure,
        rules=(
            Rule(
                name="score",
                measure="language.certainty",
                minimum=SURE,
                source="FineWeb (arXiv 2406.17557), section 3.2, asks it of the score alone",
            ),
        ),
        cost=2,
    ),
)
