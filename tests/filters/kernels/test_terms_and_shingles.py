"""Terms, shingles, minima and sets against slow and obvious Python."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.gram_terms import PROSE, count_terms
from winnow.filters.kernels.minima import LANES, band_keys, sign_documents
from winnow.filters.kernels.normalise import characters
from winnow.filters.kernels.sets import SIDES, distinct, set_table, shared_counts, side_sizes
from winnow.filters.kernels.shingles import list_shingles
from winnow.filters.kernels.terms import WINDOW, scratch, window_terms

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
)
SPECIMENS = [
    "The Café’s naïve façade, №5 — ＡＢＣ １２３ x² don't e-mail me@x.org 3.14",
    "盘子里一共有15条鱼，小猫吃掉了几条后。abc中文def",
    "Straße ÄÖÜ äöü Größe, Ελληνικά ΑΒΓ, русский ЁЖ, العَرَبِيَّة ١٢٣",
    "ภาษาไทย และ한국어 형태소 日本語カタカナｶﾀｶﾅ",
    "a" * 7 + " " + "b" * 8 + " " + "c" * 9 + " " + "d" * 15 + " " + "e" * 16 + " " + "f" * 17 + " " + "g" * 40,
    "so\u00adft\u200bly e\u0301 \ufeffstart 12ab34 a1 1a 007",
    "",
    "…!?",
    "x",
]
PIECES = st.sampled_from(
    [*"aZé9 中三。\n-_", "word", "ＷＩＤＥ", "１２", "longerthansixteenletters", "ß", "Ñandú", "ไทย", "한글", "\u0301"]
)
TEXT = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=80)


def plain_terms(text: str, *, zero: bool) -> list[str]:
    """The documented normalisation, with one regular expression: words, and characters of unspaced scripts."""
    out = []
    for character in text:
        category = unicodedata.category(character)
        if ord(character) in (0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF) or 0x300 <= ord(character) < 0x370:
            continue
        if 0xFE00 <= ord(character) < 0xFE10:
            continue
        if "가" <= character <= "힣" or category in ("Cn", "Co", "Cs"):
            folded = character
        else:
            folded = "".join(
                part for part in unicodedata.normalize("NFKD", character) if not 0x300 <= ord(part) < 0x370
            ).lower()
            if len(folded) != 1 or ord(folded) >= 0x20000:
                folded = character.lower() if len(character.lower()) == 1 else character
        kind = unicodedata.category(folded)
        if re.match(f"[{UNSPACED}]", character) and kind[0] in "LMN" and kind != "Nd":
            out.append(f"\0{folded}\0")
        elif ord(character) >= 0x20000:
            out.append(f"\0{character}\0")
        elif kind == "Nd":
            out.append(str(unicodedata.digit(folded)))
        else:
            out.append(folded if kind[0] in "LMN" else "\0")
    joined = "".join(out)
    return [word for word in (re.sub("[0-9]+", "0", joined) if zero else joined).split("\0") if word]


def kernel_terms(text: str, *, zero: bool) -> list[int]:
    data, offsets = text_buffers(pa.array([text], pa.large_string()))
    room = scratch(5)
    count = window_terms(data, 0, int(offsets[-1]), characters(), zero, bool(count := 0), room, np.int64(count))
    return room.terms[:count].tolist()


def same_partition(left: list, right: list) -> bool:
    """Whether both lists have equal elements in the same places: names differ, equality doesn't."""
    return len(left) == len(right) and len(set(zip(left, right, strict=True))) == len(set(left)) == len(set(right))


def test_specimens_have_the_terms_of_the_plain_reading():
    text = "\n".join(SPECIMENS)
    for zero in (True, False):
        assert same_partition(kernel_terms(text, zero=zero), plain_terms(text, zero=zero))


@given(TEXT)
@settings(max_examples=300)
def test_any_text_has_the_terms_of_the_plain_reading(text):
    assert same_partition(kernel_terms(text, zero=True), plain_terms(text, zero=True))


def test_equal_words_are_equal_however_they_are_written():
    spellings = ["café menu 7", "CAFE\u0301 Menu 123", "Ｃａｆｅ mEnU ４", "ca\u00adfé menü 99"]
    assert len({tuple(kernel_terms(text, zero=True)) for text in spellings}) == 1


def signed(texts: list[str], shingle: int = 5, permutations: int = 32):
    multipliers = np.arange(1, 2 * permutations, 2, dtype=np.uint32) * np.uint32(2654435761)
    addends = np.arange(permutations, dtype=np.uint32) * np.uint32(40503)
    minima = np.full((len(texts), permutations), 0xFFFFFFFF, np.uint32)
    counts = np.zeros(len(texts), np.int64)
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    room = scratch(shingle)
    arguments = (data, offsets, characters(), True, False, shingle)
    sign_documents(*arguments, multipliers, addends, room, minima.reshape(-1), counts)
    values, bounds = np.empty(int(counts.sum()), np.uint32), np.zeros(len(texts) + 1, np.int64)
    list_shingles(*arguments, room, values, bounds)
    return minima, counts, values, bounds, multipliers, addends


@given(st.lists(TEXT, max_size=5))
@settings(max_examples=100)
def test_minima_are_the_least_of_every_permutation_and_shingles_those_of_the_words(texts):
    minima, counts, values, bounds, multipliers, addends = signed(texts)
    runs: list[tuple[str, ...]] = []
    for row, text in enumerate(texts):
        words = plain_terms(text, zero=True)
        expected = [tuple(words[at : at + 5]) for at in range(len(words) - 4)] or ([tuple(words)] if words else [])
        runs += expected
        assert counts[row] == len(expected) == bounds[row + 1] - bounds[row]
        mine = values[bounds[row] : bounds[row + 1]]
        if len(mine):
            np.testing.assert_array_equal(minima[row], (mine[:, None] * multipliers + addends).min(axis=0))
        else:
            assert (minima[row] == 0xFFFFFFFF).all()
    assert same_partition(values.tolist(), runs)


def test_windows_change_nothing():
    words = [f"{chr(97 + at % 23)}{chr(97 + at % 19)}{'中' * (at % 2)}" for at in range(3 * WINDOW)]
    text = " ".join(words)
    data, offsets = text_buffers(pa.array([text], pa.large_string()))
    counts = np.zeros(1, np.int64)
    count_terms(data, offsets, characters(), PROSE, scratch(5), counts)
    assert counts[0] == len(plain_terms(text, zero=False))
    _, _, values, _, _, _ = signed([text])
    expected = plain_terms(text, zero=True)
    assert same_partition(values.tolist(), [tuple(expected[at : at + 5]) for at in range(len(expected) - 4)])


def test_a_run_longer_than_a_window_is_cut_the_same_way_every_time():
    text = "x" * (2 * WINDOW + 100) + " end of it and more words"
    first, second = signed([text, text])[0]
    np.testing.assert_array_equal(first, second)


SETS = st.lists(st.lists(st.integers(0, 40) | st.integers(0, 2**32 - 1), max_size=30), min_size=1, max_size=6)


@given(SETS)
@settings(max_examples=200)
def test_sets_and_their_overlaps_equal_those_of_python(groups):
    values = np.array([value for group in groups for value in group], np.uint32)
    bounds = np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64)
    table = set_table(max(map(len, groups)))
    used = distinct(values, bounds, table)
    found = [values[bounds[at] : bounds[at + 1]].tolist() for at in range(len(groups))]
    assert found == [list(dict.fromkeys(group)) for group in groups]
    assert used == sum(map(len, found))
    pairs = np.array([(left, right) for left in range(len(groups)) for right in range(len(groups))])
    shared = np.empty((len(pairs), SIDES), np.int64)
    left, right = (np.ascontiguousarray(pairs[:, side]) for side in (0, 1))
    shared_counts(values, bounds, values, bounds, left, right, set_table(max(map(len, found))), shared)
    both = [set(groups[one]) & set(groups[other]) for one, other in pairs]
    assert shared.tolist() == [[sum(value >> 30 == side for value in own) for side in range(SIDES)] for own in both]
    sizes = np.zeros((len(groups), SIDES), np.int64)
    side_sizes(values, bounds, sizes)
    assert sizes.tolist() == [[sum(value >> 30 == side for value in own) for side in range(SIDES)] for own in found]


def test_band_keys_are_equal_exactly_where_bands_are():
    generator = np.random.Generator(np.random.PCG64(1))
    minima = generator.integers(0, 3, (200, 2 * LANES), dtype=np.uint32)
    keys = np.empty((200, 8), np.uint64)
    band_keys(minima, 4, keys)
    bands = [(band, *minima[row, band * 4 : band * 4 + 4].tolist()) for row in range(200) for band in range(8)]
    assert same_partition(keys.reshape(-1).tolist(), bands)
