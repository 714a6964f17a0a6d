"""Words, lines, repeated pieces and n-grams of a block against slow and obvious Python."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.filters.kernels import lines, ngrams, repeats, words
from winnow.filters.kernels.block import Block, Pieces, Scratch, Splitter
from winnow.filters.kernels.bytes import text_buffers

AWKWARD = [
    *"aàbcZ 1#'\"-.!?{[]•…",
    *" \n\n\n\t\r\x0b\x1c\x85\xa0\u1680\u2003\u2028\u202f\u3000",
    *"的是中国文字。，！？；“”【】Ａ１😀\ufffd",
]
PIECES = ["the ", "and", "of", "...", "\n\n", "\r\n", "- a", "same line\n", "一样的一行。\n"]
awkward_text = st.lists(st.sampled_from(AWKWARD + PIECES), max_size=150).map("".join)
repeating_text = st.lists(st.sampled_from(["a", "bb", "c ", " ", "\n", "的", "中 "]), max_size=200).map("".join)
texts = st.lists(st.one_of(awkward_text, repeating_text, st.text(max_size=80)), max_size=6)


def block_of(documents: list[str]) -> Block:
    return Block(*text_buffers(pa.array(documents, pa.large_string())), Scratch())


def words_of(block: Block, splitter: Splitter) -> list[list[str]]:
    found = block.words(splitter)
    spans = found.bounds[: 2 * found.offsets[-1]].reshape(-1, 2)
    cut = [bytes(block.data[start:end]).decode() for start, end in spans]
    return [cut[found.offsets[row] : found.offsets[row + 1]] for row in range(block.size)]


@given(texts)
@settings(max_examples=300)
def test_words_are_those_of_str_split(documents):
    assert words_of(block_of(documents), Splitter.WHITESPACE) == [text.split() for text in documents]


@given(texts)
def test_characters_as_words_are_the_text(documents):
    assert words_of(block_of(documents), Splitter.CHARACTERS) == [list(text) for text in documents]


@given(texts)
@settings(max_examples=300)
def test_kinds_of_words_are_counted(documents):
    block = block_of(documents)
    counts = block.words(Splitter.WHITESPACE).counts
    for row, text in enumerate(documents):
        cut = text.split()
        symbols = [word for word in cut if all(character in PUNCTUATION_SET for character in word)]
        assert counts[row, words.WORDS] == len(cut)
        assert counts[row, words.NON_SYMBOL_WORDS] == len(cut) - len(symbols)
        assert counts[row, words.CHARACTERS] == sum(map(len, cut))
        assert counts[row, words.NON_SYMBOL_CHARACTERS] == sum(map(len, cut)) - sum(map(len, symbols))
        assert counts[row, words.LETTER_WORDS] == sum(any(c.isalpha() for c in word) for word in cut)


@given(texts)
def test_hashes_of_words_tell_them_apart_and_ends_measure_them(documents):
    block = block_of(documents)
    found = block.words(Splitter.WHITESPACE)
    cut = [word for text in documents for word in text.split()]
    hashes = found.hashes[: len(cut)].tolist()
    assert len(set(hashes)) == len(set(cut))
    assert dict(zip(cut, hashes, strict=True)) == dict(zip(reversed(cut), reversed(hashes), strict=True))
    assert found.ends[: len(cut)].tolist() == np.cumsum([len(word) for word in cut]).tolist()


@given(texts)
def test_listed_words_are_counted_once_and_each_time(documents):
    listed = {"the", "be", "to", "of", "and", "that", "have", "with"}
    block = block_of([*documents, "the The of of THE a", "and\nhave that"])
    plain = block.listed_words(Splitter.WHITESPACE, "gopher_stop_words").tolist()
    any_case = block.listed_words(Splitter.WHITESPACE, "gopher_stop_words_any_case").tolist()
    for row, text in enumerate([*documents, "the The of of THE a", "and\nhave that"]):
        exact = [word for word in text.split() if word in listed]
        folded = [word.lower() for word in text.split() if word.isascii() and word.lower() in listed]
        assert plain[row] == [len(set(exact)), len(exact)]
        assert any_case[row] == [len(set(folded)), len(folded)]


@given(texts)
@settings(max_examples=300)
def test_lines_and_signs_are_counted(documents):
    counts = block_of(documents).lines()
    for row, text in enumerate(documents):
        split, pieces = text.splitlines(), text.split("\n")
        filled = [piece for piece in pieces if piece.strip()]
        expected = {
            lines.CHARACTERS: len(text),
            lines.NEWLINES: text.count("\n"),
            lines.HASHES: text.count("#"),
            lines.ELLIPSES: text.count("...") + text.count("…"),
            lines.SPLIT_LINES: len(split),
            lines.BULLET_LINES: sum(line.lstrip().startswith(("•", "-")) for line in split),
            lines.ELLIPSIS_LINES: sum(line.rstrip().endswith(("...", "…")) for line in split),
            lines.FILLED_LINES: len(filled),
            lines.TERMINAL_LINES: sum(piece[-1] in TERMINAL_PUNCTUATION for piece in filled),
            lines.SHORT_LINES: sum(len(piece) <= 30 for piece in filled),
            lines.PIECES: len(pieces),
            lines.LONG_LINES: sum(len(piece) >= 200 for piece in pieces),
        }
        assert {column: counts[row, column] for column in expected} == expected


def pieces_of(text: str, pieces: Pieces) -> list[str]:
    """The definition, step by step."""
    if pieces is Pieces.PARAGRAPHS:
        text = text.strip()
    newlines = 2 if pieces in (Pieces.PARAGRAPHS, Pieces.STRIPPED_PARAGRAPHS) else 1
    cut, current, run = [], "", 0
    for character in [*text, None]:
        if character == "\n":
            run += 1
            continue
        if run >= newlines:
            cut.append(current)
            current = ""
        else:
            current += "\n" * run
        run = 0
        current += character or ""
    cut.append(current)
    stripped = pieces in (Pieces.STRIPPED_LINES, Pieces.STRIPPED_PARAGRAPHS)
    return [piece.strip() for piece in cut if piece.strip()] if stripped else cut


@given(texts, st.sampled_from(Pieces))
@settings(max_examples=400)
def test_repeated_pieces_are_counted_in_both_ways(documents, pieces):
    counts = block_of(documents).repeats(pieces)
    for row, text in enumerate(documents):
        cut = pieces_of(text, pieces)
        times = Counter(cut)
        again = [piece for index, piece in enumerate(cut) if piece in cut[:index]]
        copies = [piece for piece in cut if times[piece] > 1]
        expected = {
            repeats.PIECES: len(cut),
            repeats.PIECE_CHARACTERS: sum(map(len, cut)),
            repeats.REPEATS: len(again),
            repeats.REPEAT_CHARACTERS: sum(map(len, again)),
            repeats.BLANK_REPEAT_CHARACTERS: sum(len(piece) for piece in again if not piece.strip()),
            repeats.COPIES: len(copies),
            repeats.COPY_CHARACTERS: sum(map(len, copies)),
        }
        assert {column: counts[row, column] for column in expected} == expected


def top_ngram(cut: list[str], length: int) -> list[int]:
    grams = [tuple(cut[start : start + length]) for start in range(len(cut) - length + 1)]
    if not grams:
        return [0, 0, 0]
    times = Counter(grams)
    gram, most = times.most_common(1)[0]
    longest = max(sum(map(len, other)) for other, count in times.items() if count == most)
    return [most, sum(map(len, gram)), longest if most > 1 else sum(map(len, gram))]


def covered_characters(cut: list[str], length: int) -> int:
    grams = [tuple(cut[start : start + length]) for start in range(len(cut) - length + 1)]
    times = Counter(grams)
    inside = {at for start, gram in enumerate(grams) if times[gram] > 1 for at in range(start, start + length)}
    return sum(len(cut[at]) for at in inside)


def repeated_characters(cut: list[str], length: int) -> int:
    """What datatrove's `find_all_duplicate` counts, words kept apart where it joins them."""
    met: set[tuple[str, ...]] = set()
    characters = place = 0
    while place + length <= len(cut):
        gram = tuple(cut[place : place + length])
        if gram in met:
            characters += sum(map(len, gram))
            place += length
        else:
            met.add(gram)
            place += 1
    return characters


@given(st.lists(st.lists(st.sampled_from(["a", "bb", "c", "ddd"]), max_size=60), max_size=4))
@settings(max_examples=300)
def test_ngrams_are_counted_as_three_tools_count_them(documents):
    counts = block_of([" ".join(cut) for cut in documents]).ngrams(Splitter.WHITESPACE)
    for row, cut in enumerate(documents):
        for length in range(2, 5):
            found = counts[row, length - 2, [ngrams.TOP_COUNT, ngrams.TOP_CHARACTERS, ngrams.TOP_LONGEST_CHARACTERS]]
            assert found.tolist() == top_ngram(cut, length)
        for length in range(5, 11):
            assert counts[row, length - 2, ngrams.REPEATED_CHARACTERS] == repeated_characters(cut, length)
            assert counts[row, length - 2, ngrams.COVERED_CHARACTERS] == covered_characters(cut, length)


@given(texts)
def test_a_document_measures_the_same_in_any_company(documents):
    together = block_of(documents)
    for row, text in enumerate(documents):
        alone = block_of([text])
        assert alone.lines().tolist() == together.lines()[row : row + 1].tolist()
        assert (
            alone.ngrams(Splitter.WHITESPACE).tolist() == together.ngrams(Splitter.WHITESPACE)[row : row + 1].tolist()
        )
