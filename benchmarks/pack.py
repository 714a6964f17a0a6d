"""Best-fit packing beside TRL's, and what next-fit and cropping would lose, on a million real document lengths.

    python -m benchmarks.pack [DOCUMENTS]

Lengths are those of the gold sets' documents in bytes ÷ 4, drawn with replacement, split where a sequence can't hold
them. Two speeds are ours: which sequence each piece goes to, and from documents to segments, cutting included. Times
are of the processor, interleaved, medians. Winnow and TRL are each in a process of its own: in one process our page
faults rise from 1,208 to 4,334 a packing once TRL has run. Before a speed is printed the packing is checked: every
length once, no sequence too full, nothing cut that fits. Beside the fill stands one that no packing of these lengths can
be above (`benchmarks.pack_bound` has a lower one). TRL packs a sample, of tokens of one byte, because it moves the tokens
too; for all of them it would take minutes. On the sample its answer is compared with ours.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from statistics import median

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.gold import PROSE, rows
from winnow.stages.shards.pack import best_fit, pack_best_fit, split

CAPACITIES = (4096, 8192, 32_768, 131_072)
ROUNDS = 5
SAMPLE = 20_000  # lengths for TRL
BYTES_PER_TOKEN = 4

Lengths = npt.NDArray[np.int64]


@lru_cache(maxsize=1)
def real_lengths(documents: int) -> Lengths:
    """Lengths of whole documents of every kind, drawn with replacement."""
    names = sorted({name for group in PROSE.values() for name in group} | {"math/openlogic_tex", "zh_en/vue_docs"})
    sizes = [
        max(len(value.encode()) // BYTES_PER_TOKEN, 1)
        for name in names
        for row in rows(name)
        for key, value in row.items()
        if isinstance(value, str) and key != "html" and len(value) > 200
    ]
    return np.random.default_rng(0).choice(np.array(sizes, np.int64), documents)


def next_fit(lengths: Lengths, capacity: int) -> int:
    """Sequences when each document goes into the open sequence or begins the next."""
    sequences, free = 0, 0
    for length in lengths.tolist():
        if length > free:
            sequences, free = sequences + 1, capacity
        free -= length
    return sequences


def cropped(lengths: Lengths, capacity: int) -> float:
    """Share of tokens lost when whole documents fill a sequence and the last one is cropped to fit."""
    free, lost = capacity, 0
    for length in lengths.tolist():
        taken = min(length, free)
        lost += length - taken
        free = free - taken or capacity
    return lost / int(lengths.sum())


def fewest(lengths: Lengths, capacity: int) -> int:
    """Sequences that any packing needs at least: the bound L2 of Martello and Toth (1990).

    For each limit: pieces that leave less than it are alone, others above a half are apart from each other, and what of
    the pieces from the limit to a half doesn't fit beside these needs sequences of its own.
    """
    pieces = np.sort(lengths)
    sums = np.concatenate([[0], np.cumsum(pieces)])
    limits = np.unique(np.append(pieces[pieces <= capacity // 2], 0))
    halves = np.searchsorted(pieces, capacity // 2, side="right")
    alone = np.searchsorted(pieces, capacity - limits, side="right")
    small = np.searchsorted(pieces, limits)
    free = (alone - halves) * capacity - (sums[alone] - sums[halves])
    rest = np.maximum(sums[halves] - sums[small] - free, 0)
    return int((len(pieces) - halves + -(-rest // capacity)).max())


def by_trl(lengths: Lengths, capacity: int) -> Callable[[], int]:
    """TRL's best-fit decreasing over a table of token lists, without the `datasets.map` that it is called in."""
    from trl.data_utils import _pack_bfd

    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(np.zeros(offsets[-1], np.int8)))
    table = pa.table({"input_ids": ids})
    return lambda: len(_pack_bfd(table, capacity))


@lru_cache(maxsize=4)
def prepare(what: str, documents: int, capacity: int) -> tuple[Callable[[], object], int]:
    """What is timed, and of how many lengths."""
    lengths = real_lengths(documents)
    pieces = split(lengths, capacity).length
    sample = pieces[:SAMPLE]
    match what:
        case "sequences":
            return lambda: best_fit(pieces, capacity), len(pieces)
        case "segments":
            return lambda: pack_best_fit(split(lengths, capacity), capacity), len(lengths)
        case "sample":
            return lambda: best_fit(sample, capacity), len(sample)
    return by_trl(sample, capacity), len(sample)


def processor_seconds(what: str, documents: int, capacity: int) -> float:
    """For one length."""
    function, count = prepare(what, documents, capacity)
    start = time.process_time()
    function()
    return (time.process_time() - start) / count


def sequences_of_trl(documents: int, capacity: int) -> int:
    return int(prepare("trl", documents, capacity)[0]())  # type: ignore[call-overload]


def check(lengths: Lengths, capacity: int) -> float:
    """The fill of our packing; leaves the program where the packing is wrong."""
    pieces = split(lengths, capacity)
    packing = pack_best_fit(pieces, capacity)
    used = np.bincount(packing.sequence, packing.length, packing.sequences)
    whole = np.bincount(packing.document, packing.length, len(lengths))
    segments = np.bincount(packing.document, minlength=len(lengths))
    if used.max() > capacity or (whole != lengths).any() or (segments[lengths <= capacity] != 1).any():
        sys.exit(f"{capacity}: the packing is wrong")
    return float(lengths.sum() / (packing.sequences * capacity))


def main(documents: int) -> None:
    lengths = real_lengths(documents)
    print(f"{documents:,} documents, {lengths.sum() / 1e9:.2f} G tokens, median {int(np.median(lengths)):,}")
    alone = partial(ProcessPoolExecutor, max_workers=1, mp_context=get_context("spawn"))
    with alone() as ours, alone() as peer:
        for capacity in CAPACITIES:
            report(lengths, capacity, ours, peer)


def report(lengths: Lengths, capacity: int, ours: Executor, peer: Executor) -> None:
    pieces = split(lengths, capacity)
    fill, most = check(lengths, capacity), lengths.sum() / (fewest(pieces.length, capacity) * capacity)
    sample = pieces.length[:SAMPLE]
    by_us, by_peer = best_fit(sample, capacity)[1], peer.submit(sequences_of_trl, len(lengths), capacity).result()
    places = {"sequences": ours, "segments": ours, "sample": ours, "trl": peer}
    times: dict[str, list[float]] = {what: [] for what in places}
    for turn in range(ROUNDS + 1):
        for what, place in places.items():
            seconds = place.submit(processor_seconds, what, len(lengths), capacity).result()
            if turn > 0:  # the first loads kernels and touches memory
                times[what].append(seconds)
    rates = {what: 1e-6 / median(seconds) for what, seconds in times.items()}
    spread = next_fit(pieces.length, capacity)
    print(
        f"{capacity:7,}: {rates['sequences']:5.1f} M pieces/s, {rates['segments']:5.1f} M documents/s to segments, "
        f"fill {fill:.5f} of at most {most:.5f} "
        f"(next-fit {lengths.sum() / (spread * capacity):.3f}, "
        f"cropping loses {cropped(lengths, capacity):.1%}); TRL on {len(sample):,}: {rates['trl']:.3f} M/s, "
        f"{rates['sample'] / rates['trl']:.0f}× slower, fill {sample.sum() / (by_peer * capacity):.5f} "
        f"to our {sample.sum() / (by_us * capacity):.5f}",
        flush=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
