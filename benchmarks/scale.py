"""What grows with the number of parts: the plan, its fingerprints, an exchange, every step; with the exponent of each.

    python -m benchmarks.scale plan 1000 4000 16000        seconds and memory of the driver for a manifest's whole plan
    python -m benchmarks.scale exchange 250 1000 4000      scatter, join and gather, files and opens counted
    python -m benchmarks.scale run 1000 4000 16000         plan, resume, verify, report, status of a finished run
    python -m benchmarks.scale work 1000 4000 16000        every step of a run as its units took, and the driver

Parts are synthetic: for `plan` 64 MiB pieces of empty files, whose digests are made up; for `exchange` tables of
`--rows` random keys, and a bucket for every 16 parts, as many as their rows ask for; for `run` a run's files and
receipts (`benchmarks/synthetic_run.py`), kept in `--folder`, over which the commands themselves are called; for `work`
inputs of 1 MiB that hold twelve pages of made-up prose, worked for real by two workers. Each size
runs in a process of its own; times are those of the processor. The exponent is that of the cost between one size and
the next: 1 is linear.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.synthetic_run import prose

PART_BYTES = 64 << 20
PARTS_OF_A_FILE = 16
PARTS_OF_A_BUCKET = 16

Found = dict[str, float]


def plan(parts: int, manifest: str, rows: int) -> Found:
    """Plans a run over so many parts and takes every unit's fingerprint, step by step as the runner does."""
    from winnow.formats.splits import Split
    from winnow.pipeline.configuration.settings import load_settings
    from winnow.pipeline.planning.parts import Part
    from winnow.pipeline.planning.plan import steps
    from winnow.pipeline.record.receipt import Fingerprints

    settings = load_settings(manifest, "sample")
    buckets = max(4, parts // PARTS_OF_A_BUCKET)
    settings = settings.__class__(settings.manifest, settings.profile.model_copy(update={"buckets": buckets}))
    sources = {name: settings.profile.sources[name][0] for name in settings.manifest.weights()}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.jsonl" for number in range(-(-parts // PARTS_OF_A_FILE))]
        for file in files:
            file.touch()
        made = []
        for number in range(parts):
            file, place = files[number // PARTS_OF_A_FILE], number % PARTS_OF_A_FILE
            source = list(sources)[number * len(sources) // parts]
            split = Split(str(file), place * PART_BYTES, (place + 1) * PART_BYTES)
            made.append(
                Part(
                    name=f"{source}-{number:06d}",
                    source=source,
                    input=sources[source],
                    pieces=(split,),
                    inputs=(split.path,),
                )
            )
        before = time.process_time()
        planned = steps(made, settings)
        planning = time.process_time() - before
        before = time.process_time()
        units = names = 0
        for step, asked in planned:
            marks = Fingerprints(step, _Digests())
            for unit in asked:
                marks.of(unit)
                units += 1
                names += len(unit.inputs) if units % 97 == 0 else 0
        marking = time.process_time() - before
    return {"units": units, "names_of_a_unit": names * 97 / units, "plan_s": planning, "fingerprints_s": marking}


class _Digests(dict[str, str]):
    """A digest for every file, as if all steps had run."""

    def __missing__(self, name: str) -> str:
        return f"{hash(name) & (1 << 64) - 1:032x}"


def exchange(parts: int, manifest: str, rows: int) -> Found:
    """An exchange of random keys in which every bucket is gathered, and what every unit opens."""
    from winnow.stages.run.exchange import gather, joined, scatter
    from winnow.stages.run.unit import File
    from winnow.stages.run.workspace import Workspace

    opened: Counter[str] = Counter()

    class Counting(Workspace):
        def open_input(self, name: str, *, reads_ahead: bool = True) -> pa.NativeFile:
            opened["opens"] += 1
            return super().open_input(name, reads_ahead=reads_ahead)

    buckets = max(4, parts // PARTS_OF_A_BUCKET)
    draw = np.random.default_rng(parts)
    found: Found = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Counting(folder)
        files = tuple(File(f"exchange/{number:06d}.buckets") for number in range(parts))
        sums = 0

        def send() -> None:
            nonlocal sums
            for number, name in enumerate(files):
                keys = draw.integers(0, 1 << 64, rows, np.uint64)
                sums = (sums + int(keys.sum())) % (1 << 64)
                scatter(workspace, name, pa.table({"key": keys, "part": np.full(rows, number, np.int32)}), buckets)

        found["scatter_s"] = _seconds(send)
        joining, targets = joined("exchange", files)
        found["join_s"] = _seconds(lambda: [step.work(workspace, unit) for step, units in joining for unit in units])
        taken = []

        def take() -> None:
            taken.extend(gather(workspace, targets, bucket)["key"].to_numpy() for bucket in range(buckets))

        found["gather_s"] = _seconds(take)
        keys = np.concatenate(taken)
        assert keys.size == parts * rows and int(keys.sum()) == sums and (keys[1:] >= keys[:-1]).all()
    return {"buckets": buckets, "opens": opened["opens"], **found}


COMMANDS = ("plan", "run", "status", "verify", "report")


def run(parts: int, folder: Path) -> Found:
    """The commands over a finished run in which nothing is left to do: seconds of the processor, and the most memory."""
    from benchmarks.synthetic_run import finished_run, winnow

    options = finished_run(folder, parts)
    arguments = {"plan": options, "run": options}
    found: Found = {}
    for name in COMMANDS:
        process = subprocess.Popen(winnow(name, *arguments.get(name, options[-1:])), stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"winnow {name} over {parts:,} parts ends with {process.returncode}: {told[-2000:]}")
        found[f"{name}_s"] = used.ru_utime + used.ru_stime
        found[f"{name}_mb"] = used.ru_maxrss / 1024
    return found


def work(parts: int, folder: Path, workers: int) -> Found:
    """A run over so many inputs from nothing to the lock: seconds of the processor that the units of each step took, and
    those and the memory of the process that conducts it, in which Dask's scheduler is."""
    from winnow.pipeline.record.rates import read_rates
    from winnow.stages.run.workspace import Workspace

    place = folder / f"worked-{parts}"
    told = place / "driver.json"
    if not told.exists():
        shutil.rmtree(place, ignore_errors=True)
        options = [*prose(place, parts), "--workers", str(workers)]
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            told.write_text(json.dumps(pool.submit(conducted, options).result()))
    rates = read_rates(Workspace(str(place / "run")))
    steps = {step: sum(rate.seconds for rate in kinds.values()) for step, kinds in rates.items()}
    return {**steps, "all units": sum(steps.values()), **json.loads(told.read_text())}


def conducted(options: Sequence[str]) -> Found:
    """Calls `winnow run` in this process, with its output thrown away."""
    from winnow.pipeline.cli import main as winnow_main

    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        try:
            winnow_main(["run", *options])
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(f"winnow run ends with {ended.code}") from None
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"driver": used.ru_utime + used.ru_stime, "driver MB": used.ru_maxrss / 1024}


def report_steps(found: Sequence[tuple[int, Found]]) -> None:
    """A row for each step, a column for each size, with the exponent from the one before."""
    print("seconds".ljust(34), *(f"{size:,} parts".rjust(18) for size, _ in found))
    for name in dict.fromkeys(name for _, values in found for name in values):
        cells, before = [], None
        for size, values in found:
            if name not in values:  # a join that fewer files don't ask for
                cells.append("–".rjust(18))
                continue
            grown = ""
            if before is not None and before[1] > 0 and values[name] > 0:
                grown = f" ({math.log(values[name] / before[1]) / math.log(size / before[0]):.2f})"
            cells.append(f"{values[name]:,.1f}{grown}".rjust(18))
            before = size, values[name]
        print(name.ljust(34), *cells)


def _seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def measured(work: Callable[[int, str, int], Found], size: int, manifest: str, rows: int) -> Found:
    found = work(size, manifest, rows)
    found["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def report(found: Sequence[tuple[int, Found]]) -> None:
    names = list(found[0][1])
    print("parts".rjust(8), *(name.rjust(18) for name in names))
    before: tuple[int, Found] | None = None
    for size, values in found:
        cells = []
        for name in names:
            grown = ""
            if before is not None and values[name] > 0 and before[1][name] > 0:
                exponent = math.log(values[name] / before[1][name]) / math.log(size / before[0])
                grown = f" ({exponent:.2f})"
            cells.append(f"{values[name]:,.1f}{grown}".rjust(18))
        print(f"{size:8,}", *cells)
        before = size, values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["plan", "exchange", "run", "work"])
    parser.add_argument("parts", nargs="+", type=int)
    parser.add_argument("--manifest", default="pretrain")
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/winnow-scale"), help="where synthetic runs are kept")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if given.what == "run":
        report([(size, run(size, given.folder)) for size in given.parts])
        return
    if given.what == "work":
        report_steps([(size, work(size, given.folder, given.workers)) for size in given.parts])
        return
    calling = {"plan": plan, "exchange": exchange}[given.what]
    found = []
    for size in given.parts:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found.append((size, pool.submit(measured, calling, size, given.manifest, given.rows).result()))
    report(found)


if __name__ == "__main__":
    main()
