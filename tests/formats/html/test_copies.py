"""What a page has twice, for wide and narrow screens, is kept once; what it says again is text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.html.blocks import cut
from winnow.formats.html.copies import LONG, drop_copies
from winnow.formats.html.extraction import extract

LINES = [
    f"In the year {1700 + 7 * number} the miller of the {number}. mill on the river wrote to the baker about flour and stones."
    for number in range(12)
]


def page(lines: list[str]) -> str:
    return "".join(f"<p>{line}</p>" for line in lines)


def article(lines: list[str]) -> list[str]:
    """The lines that are kept of an article that has them."""
    text = extract(f"<body><article><h1>The mill</h1>{page(lines)}</article></body>").text
    return [line for line in text.split("\n\n") if line in LINES]


def test_a_text_that_stands_twice_is_kept_once() -> None:
    assert article(LINES) == LINES
    assert article(LINES + LINES) == LINES
    assert article([*LINES[:8], *LINES[:8], *LINES[8:]]) == LINES


def test_refrains_and_lines_that_come_again_are_text() -> None:
    song = [line for number in range(8) for line in (LINES[number], LINES[10], LINES[11])]
    assert article(song) == song
    assert article([LINES[0]] * 6) == [LINES[0]] * 6


def naive(texts: list[bytes]) -> bool:
    """Whether any three different neighbours stand once more further down, without one standing in both."""
    size = len(texts)
    return any(
        texts[at : at + length] == texts[later : later + length] and len(set(texts[at : at + length])) >= 3
        for length in range(3, size // 2 + 1)
        for at in range(size - 2 * length + 1)
        for later in range(at + length, size - length + 1)
    )


@given(st.lists(st.integers(0, 6), max_size=14))
def test_nothing_is_dropped_that_is_no_copy_and_no_text_is_lost(numbers: list[int]) -> None:
    blocks = cut(page([LINES[number] for number in numbers]).encode())
    keep = blocks.blocks[:, 1] - blocks.blocks[:, 0] >= LONG
    before = keep.copy()
    drop_copies(blocks, keep)
    said = [blocks.string(int(block)) for block in before.nonzero()[0]]
    assert {blocks.string(int(block)) for block in keep.nonzero()[0]} == set(said)
    if (keep != before).any():
        assert naive([line.encode() for line in said])
