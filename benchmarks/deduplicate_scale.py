"""Memory and time of every step as documents grow, each step in a process of its own; and hard inputs.

    python -m benchmarks.deduplicate_scale grow 100000 1000000    peak memory per step (synthetic repeats of real pages)
    python -m benchmarks.deduplicate_scale equal 1000000          that many identical documents, at every level
    python -m benchmarks.deduplicate_scale long 100               one document of so many megabytes, twice

Documents of `grow` are slices of real pages, about 200 bytes, with a dozen words of their own; of every ten, one repeats
the first word for word, one with two words added, and one has its address. Parts have 100,000 documents, whatever their
number: what grows with it must be the number of units, not their memory.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.gold import pages, rows
from winnow.stages.decontaminate import steps as decontaminate
from winnow.stages.decontaminate.settings import Benchmark, DecontaminationSettings
from winnow.stages.deduplicate import exact, lines, minhash, url
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.run.unit import Step, Unit
from winnow.stages.run.workspace import Workspace

PER_PART = 100_000
SLICE = 200
OWN_WORDS = 12
LETTERS = str.maketrans("0123456789", "ghijklmnop")
FOLDERS = ("documents", "signatures", "exchange", "pairs", "drops", "clusters", "spans")

Planned = Sequence[tuple[Step, list[Unit]]]
Record = tuple[str, str]
"""Address and text."""


def records(count: int) -> Iterator[Record]:
    every = pages("en")
    words = [f"w{at * 40503 % 65536:04x}".translate(LETTERS) for at in range(65536)]
    for number in range(count):
        place = number % 10
        origin = number - place if place in (7, 8, 9) else number
        page = every[origin * 7 % len(every)]
        start = origin * 131 % max(1, len(page) - SLICE)
        own = " ".join(words[(origin * 7919 + at * 104729 + (origin >> 16) * 31) % 65536] for at in range(OWN_WORDS))
        text = f"{page[start : start + SLICE]} {own}"
        if place == 9:
            text += " said again"
        elif place == 7:
            text = f"{own} only the address of this page is known already {number:x}"
        yield f"https://example.org/{origin if place == 7 else number}", text


def lay_out(workspace: Workspace, found: Iterator[Record]) -> list[str]:
    names: list[str] = []
    waiting: list[dict[str, str]] = []

    def flush() -> None:
        name = f"p-{len(names):05d}"
        workspace.write_table(f"documents/{name}.parquet", pa.Table.from_pylist(waiting, schema=DOCUMENT))
        names.append(name)
        waiting.clear()

    for at, (address, text) in enumerate(found):
        identity = document_id("b", str(at), text)
        told = {"source": "b", "kind": "web", "locator": str(at), "url": address}
        waiting.append({"id": identity, "text": text, **told})
        if len(waiting) == PER_PART:
            flush()
    if waiting:
        flush()
    return names


def plans(parts: Sequence[str], folder: str) -> Iterator[Callable[[], Planned]]:
    """The plan of every level, each after those before it; a bucket for each part, so that both are as large."""
    buckets = max(1, len(parts))
    items = Path(folder, "items.jsonl")
    items.write_text(
        "".join(json.dumps({"id": row["id"], "question": row["text"]}) + "\n" for row in rows("bench/benchmark_items"))
    )
    benchmarks = (Benchmark(path=str(items)),)
    before = [url.STAGE, exact.STAGE, lines.STAGE, minhash.STAGE]
    yield lambda: url.plan(parts, url.UrlSettings(buckets=buckets))
    yield lambda: exact.plan(parts, exact.ExactSettings(buckets=buckets), before[:1])
    yield lambda: lines.plan(parts, lines.LineSettings(buckets=buckets), before[:2])
    yield lambda: minhash.plan(parts, minhash.MinHashSettings(buckets=buckets, component_rounds=6), before[:3])
    yield lambda: decontaminate.plan(parts, DecontaminationSettings(benchmarks=benchmarks, buckets=buckets), before)


def work_alone(root: str, step: Step, units: list[Unit]) -> tuple[float, float, float]:
    """Seconds of the processor, and peak memory in MB before (imports) and after all units of a step, one by one."""
    import winnow.filters.kernels.grams
    import winnow.filters.kernels.minima
    import winnow.filters.kernels.pairs
    import winnow.filters.kernels.sets

    before, start = peak_memory(), time.process_time()
    for unit in units:
        step.work(Workspace(root), unit)
    return time.process_time() - start, before, peak_memory()


def peak_memory() -> float:
    """MB of this process at most. Linux counts into `ru_maxrss` what the parent had, so that is not it."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def measure(workspace: Workspace, parts: Sequence[str], planned: Planned) -> None:
    """Works the plan, a fresh process for each step, and prints a line for each."""
    for step, units in planned:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seconds, before, peak = pool.submit(work_alone, workspace.root, step, units).result()
        print(f"{step.name:36} {len(units):5} {seconds:12.1f} {peak:8.0f} {before:9.0f}", flush=True)
    stage = planned[-1][0].name.rpartition(".")[0]
    dropped = sum(workspace.read_table(f"drops/{stage}/{part}.parquet").num_rows for part in parts)
    print(f"{stage}: {dropped:,} documents dropped")
    written = {folder: sum(workspace.size(name) for name in workspace.list(folder)) for folder in FOLDERS}
    print("MB written: " + ", ".join(f"{folder} {size / 1e6:.1f}" for folder, size in written.items() if size))
    workspace.remove("exchange")


def every_level(title: str, found: Iterator[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(f"{folder}/run")
        parts = lay_out(workspace, found)
        print(f"\n{title} in {len(parts)} parts")
        print(f"{'step':36} units  processor s  peak MB  of it imports")
        for plan in plans(parts, folder):
            measure(workspace, parts, plan())


def grow(*counts: int) -> None:
    for count in counts:
        every_level(f"{count:,} documents", records(count))


def equal(count: int) -> None:
    """Exact duplicates go first in a run; here MinHash meets all of them."""
    text = pages("en")[0][:560]
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        parts = lay_out(workspace, (("https://example.org/", text) for _ in range(count)))
        buckets = max(1, len(parts))
        print(f"{count:,} identical documents in {len(parts)} parts")
        print(f"{'step':36} units  processor s  peak MB  of it imports")
        measure(workspace, parts, url.plan(parts, url.UrlSettings(buckets=buckets)))
        measure(workspace, parts, exact.plan(parts, exact.ExactSettings(buckets=buckets)))
        measure(workspace, parts, lines.plan(parts, lines.LineSettings(buckets=buckets)))
        for rounds in (0, 2):
            settings = minhash.MinHashSettings(buckets=buckets, component_rounds=rounds)
            measure(workspace, parts, minhash.plan(parts, settings))


def long(megabytes: int) -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    words = [word for page in pages("en")[:200] for word in page.split()]
    picks = generator.integers(0, len(words), megabytes * 180_000)
    text = " ".join(words[at] for at in picks)[: megabytes * 1_000_000]
    every_level(
        f"two documents of {len(text) / 1e6:.0f} MB",
        iter([("https://example.org/1", text), ("https://example.org/2", text + " and a little more")]),
    )


if __name__ == "__main__":
    commands = {"grow": grow, "equal": equal, "long": long}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*map(int, sys.argv[2:]))
