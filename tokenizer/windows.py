"""Windows: a very long unit cut where its ids stay the same, so that it is merged in bounded memory.

Symbols side by side are what BPE makes of their text if and only if it makes each two neighbours of the text of these
two: the first merge across a border would happen just as well with nothing else around. So a window of the unit is
merged, cut at the border of two symbols, and what follows is merged as the next window. If the last symbol before the cut
and the first behind it come out again when their text is merged alone, the cut changes nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import Bytes, Offsets, kernel
from winnow.tokenizer.merges import Integer, Scratch, Tables, symbols_of

WINDOW = 1 << 16  # bytes; a unit as long as that is merged at once
MARGIN = 64  # symbols at the end of a window that what follows may still change
TRIES = 32  # borders tried before the unit is merged as a whole


def cuts_of(
    data: Bytes, start: int, end: int, tables: Tables, window: Scratch, pair: Scratch, *, size: int = WINDOW
) -> npt.NDArray[np.int64]:
    """Ascending cuts of a unit, `size` bytes apart or less, down to a quarter; none where no sound cut was found."""
    cuts = np.empty(4 * (end - start) // size + 2, np.int64)
    borders = np.empty(TRIES + 1, np.int64)
    return cuts[: _cuts(data, start, end, size, tables, window, pair, borders, cuts)]


@kernel
def _cuts(
    data: Bytes,
    start: Integer,
    end: Integer,
    size: Integer,
    tables: Tables,
    window: Scratch,
    pair: Scratch,
    borders: Offsets,
    cuts: Offsets,
) -> Integer:
    found = 0
    stop = window_end(data, start, end, size)
    count = symbols_of(data, start, stop, tables, window)
    while stop < end:
        last = count - MARGIN
        if last <= TRIES:
            return 0
        for back in range(TRIES + 1):
            borders[back] = start + window.unit[1][last - back]
        sound = False
        for back in range(TRIES):
            cut = borders[back]
            if found == cuts.size or cut - start < size // 4:
                return 0
            stop = window_end(data, cut, end, size)
            count = symbols_of(data, cut, stop, tables, window)
            behind = cut + window.unit[1][1] if count > 1 else stop
            if behind - borders[back + 1] >= pair.unit.shape[1]:
                continue
            alone = symbols_of(data, borders[back + 1], behind, tables, pair)
            if alone == 2 and pair.unit[1][1] == cut - borders[back + 1]:
                cuts[found] = cut
                found += 1
                start = cut
                sound = True
                break
        if not sound:
            return 0
    return found


@kernel
def window_end(data: Bytes, start: Integer, end: Integer, size: Integer) -> Integer:
    """The end of the window that begins at `start`, between two characters."""
    stop = min(start + size, end)
    while stop < end and data[stop] & 0xC0 == 0x80:
        stop -= 1
    return stop
