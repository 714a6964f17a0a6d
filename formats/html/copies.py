"""What a page says twice: tabs, tables or a whole text once for wide screens and once more for narrow ones.

A style sheet shows one of the two, which no bytes of the page tell. So of a run of blocks that stands on the page a second
time, in the same order and without a gap, the first is kept, where it is a good part of the page: refrains, forms and
recipes that say a few lines again and again are text.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.formats.html.blocks import Blocks
from winnow.formats.html.elements import END, PRESERVED, START

LEAST_RUN = 3  # different blocks
LONG = 60  # bytes of a block that a copy is found by
LEAST_SHARE = 0.3  # of the bytes of a page's long blocks that one copy has


def drop_copies(page: Blocks, keep: npt.NDArray[np.bool_]) -> None:
    """Keeps of what a page has twice the first alone. Listings are left as they are."""
    kept = np.flatnonzero(keep & (page.blocks[:, PRESERVED] == 0))
    spans = page.blocks[kept][:, [START, END]].tolist()
    long = sum(end - start for start, end in spans if end - start >= LONG)
    if not long:
        return
    whole = page.text.tobytes()
    texts = [whole[start:end] for start, end in spans]
    first: dict[bytes, int] = {}
    place = end = 0
    while place < len(texts):
        text = texts[place]
        source = first.setdefault(text, place) if len(text) >= LONG else place
        if source == place:
            place += 1
            continue
        begin, end = _run(texts, place, place - source, end)
        copy = texts[begin:end]
        if len(set(copy)) >= LEAST_RUN and sum(len(text) for text in copy if len(text) >= LONG) >= LEAST_SHARE * long:
            keep[kept[begin:end]] = False
        place = end


def _run(texts: list[bytes], place: int, offset: int, least: int) -> tuple[int, int]:
    """The blocks from `least` on around one that are those `offset` before them, none of which they are themselves."""
    begin, end = place, place + 1
    while end < len(texts) and end - begin < offset and texts[end] == texts[end - offset]:
        end += 1
    while begin > max(least, offset) and end - begin < offset and texts[begin - 1] == texts[begin - 1 - offset]:
        begin -= 1
    return begin, end
