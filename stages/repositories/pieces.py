"""How the files of a repository are shared out over sequences when one sequence can't hold them all.

No file is cut unless it alone is longer than a sequence, and then where a line begins. A group of files that imports
connect stays together where it fits; a larger one is shared out along its order, so that a file stays beside what it
depends on; files that nothing connects follow by path and fill what is left. In a piece, files keep the repository's
order.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

NEWLINE = 10
WINDOW = 2048  # files that are looked at to fill the gap at the end of a piece


@dataclass
class Piece:
    """Files of one sequence and the tokens still free in it."""

    free: int
    files: list[int] = field(default_factory=list)

    def put(self, file: int, size: int) -> None:
        self.files.append(file)
        self.free -= size


def share_out(
    order: Sequence[int], sizes: npt.NDArray[np.int64], edges: npt.NDArray[np.int32], capacity: int
) -> list[list[int]]:
    """The pieces of a repository: lists of files, each within `capacity` tokens and in the given order.

    `order` holds the files as they are to be read, `sizes` the tokens of each file (none above `capacity`), `edges` the
    pairs (dependent, dependency). Raises `ValueError` where a file is larger than a piece.
    """
    if len(order) and int(sizes.max()) > capacity:
        raise ValueError(f"a file of {int(sizes.max())} tokens doesn't fit a piece of {capacity}")
    if int(sizes.sum()) <= capacity:
        return [list(order)] if len(order) else []
    place = {file: i for i, file in enumerate(order)}
    groups = _groups(order, edges)
    beside: dict[int, list[int]] = {}
    for dependent, dependency in edges.tolist():
        beside.setdefault(dependent, []).append(dependency)
    pieces: list[Piece] = []
    totals = [int(sizes[group].sum()) for group in groups]
    for group, total in zip(groups, totals, strict=True):
        if total > capacity:
            _stream(group, sizes, capacity, beside, pieces, [])
    whole = [(-total, i) for i, total in enumerate(totals) if total <= capacity and len(groups[i]) > 1]
    _best_fit([groups[i] for _, i in sorted(whole)], sizes, capacity, pieces)
    alone = [group[0] for group in groups if len(group) == 1]
    _stream(alone, sizes, capacity, {}, pieces, sorted(pieces, key=lambda piece: (-piece.free, place[piece.files[0]])))
    found = [sorted(piece.files, key=place.__getitem__) for piece in pieces if piece.files]
    return sorted(found, key=lambda files: place[files[0]])


def _groups(order: Sequence[int], edges: npt.NDArray[np.int32]) -> list[list[int]]:
    """The weakly connected groups, each in order, by the place of their first file."""
    root = {file: file for file in order}

    def find(file: int) -> int:
        while root[file] != file:
            root[file] = root[root[file]]
            file = root[file]
        return file

    for dependent, dependency in edges.tolist():
        a, b = find(dependent), find(dependency)
        root[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = {}
    for file in order:
        groups.setdefault(find(file), []).append(file)
    return list(groups.values())


def _stream(
    files: Sequence[int],
    sizes: npt.NDArray[np.int64],
    capacity: int,
    beside: dict[int, list[int]],
    pieces: list[Piece],
    opened: list[Piece],
) -> None:
    """Shares files out along their order, over the opened pieces first, then over new ones.

    Where the next file doesn't fit, later ones of the next 2,048 fill the gap: those that depend on the piece's files
    first, those that depend on a file still to come last, large before small.
    """
    pending, reopened = list(files), iter(opened)
    while pending:
        piece = next(reopened, None)
        if piece is None:
            piece = Piece(capacity)
            pieces.append(piece)
        taken = 0
        while taken < len(pending) and sizes[pending[taken]] <= piece.free:
            piece.put(pending[taken], int(sizes[pending[taken]]))
            taken += 1
        pending = pending[taken:]
        fitting = [file for file in pending[:WINDOW] if sizes[file] <= piece.free]
        inside, waiting = set(piece.files), set(pending)
        fitting.sort(key=lambda file: (_closeness(beside.get(file, ()), inside, waiting), -int(sizes[file])))
        filled = set()
        for file in fitting:
            if sizes[file] <= piece.free:
                piece.put(file, int(sizes[file]))
                filled.add(file)
        pending = [file for file in pending if file not in filled] if filled else pending


def _closeness(needs: Sequence[int], inside: set[int], waiting: set[int]) -> int:
    """0: the file needs what is in the piece; 1: it needs nothing that is to come; 2: it does."""
    return 0 if not inside.isdisjoint(needs) else 1 if waiting.isdisjoint(needs) else 2


def _best_fit(groups: list[list[int]], sizes: npt.NDArray[np.int64], capacity: int, pieces: list[Piece]) -> None:
    """Puts each group, the largest first, into the piece that it leaves the least room in, or into a new one."""
    room = sorted((piece.free, i) for i, piece in enumerate(pieces))
    for group in groups:
        total = int(sizes[group].sum())
        at = bisect_left(room, (total, -1))
        if at == len(room):
            pieces.append(Piece(capacity))
            number = len(pieces) - 1
        else:
            number = room.pop(at)[1]
        for file in group:
            pieces[number].put(file, int(sizes[file]))
        insort(room, (pieces[number].free, number))


def line_cuts(text: bytes, lengths: npt.NDArray[np.int64], capacity: int) -> list[int]:
    """Where to cut a file of more than `capacity` tokens: ascending token positions, each the last line start that
    fits.

    `lengths` are the bytes of `text` that each token stands for. A token that holds a line's border stays whole and
    goes to what follows; a line that is longer than a piece is cut where the piece is full. With a tokenizer that
    normalises text, bytes and tokens don't match exactly; then positions are in proportion.
    """
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    lines = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == NEWLINE) + 1
    if starts[-1] not in (0, len(text)):
        lines = (lines * (starts[-1] / len(text))).astype(np.int64)
    borders = np.unique(np.searchsorted(starts, lines, side="right") - 1)
    cuts, last, count = [], 0, len(lengths)
    while count - last > capacity:
        at = int(np.searchsorted(borders, last + capacity, side="right")) - 1
        cut = int(borders[at]) if at >= 0 and borders[at] > last else last + capacity
        cuts.append(cut)
        last = cut
    return cuts
