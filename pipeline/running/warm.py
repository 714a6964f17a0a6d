"""Compiles the kernels that a manifest needs, once per machine, by working a small part of each kind of source.

numba compiles a kernel when it is first called and keeps it beside the source. Done here, in one process, the workers
of the first run find every kernel ready instead of compiling the same ones at the same time.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from winnow.formats.splits import size_of
from winnow.pipeline.configuration.manifest import Packing
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.planning.parts import Part, find_parts
from winnow.pipeline.planning.plan import steps
from winnow.pipeline.record.receipt import fingerprint
from winnow.pipeline.running.runner import work_unit
from winnow.stages.run.unit import Unworkable
from winnow.stages.shards.pack import pack_best_fit, split

LAST_STEP = "encode"  # what comes after it has no kernels but those of packing, and needs more than small parts
LENGTHS, CAPACITY = (8, 4, 2, 3, 4, 2, 2, 5), 10  # of which best fit makes one sequence more than patterns do
VOCABULARY = 8000  # pieces: room for the signs of a Chinese text, and a small text caps it
SMALLEST_INPUT = 100_000  # bytes: enough text to train a vocabulary on


def warm(settings: Settings) -> int:
    """Works one small part of every kind in a temporary folder; returns how many parts those were.

    Where a step can't work so little text, the kernels from there on are left to the first run.
    """
    parts = representatives(find_parts(settings))
    tokenizer = settings.manifest.tokenizer.model_copy(update={"vocabulary_size": VOCABULARY})
    small = Settings(settings.manifest.model_copy(update={"tokenizer": tokenizer}), settings.profile)
    digests: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="winnow-warm-") as folder, suppress(Unworkable):
        for step, units in steps(parts, small):
            for unit in units:
                receipt = work_unit(str(Path(folder)), step, unit, fingerprint(step, unit, digests))
                digests.update({written.path: written.digest for written in receipt.outputs})
            if step.name == LAST_STEP:
                break
    if settings.manifest.packing == Packing.BEST_FIT:
        pack_best_fit(split(LENGTHS, CAPACITY), CAPACITY)
    return len(parts)


def representatives(parts: list[Part]) -> list[Part]:
    """For each kind of source the part of the smallest input that isn't tiny; the largest, where all are."""
    chosen: dict[str, Part] = {}
    for part in sorted(parts, key=lambda part: (size_of(part.split.path) < SMALLEST_INPUT, size_of(part.split.path))):
        chosen.setdefault(part.input.kind, part)
    return sorted(chosen.values(), key=lambda part: part.name)
