"""A huge archive through the command that users run: documents/s, and the memory of the workers from start to end.

    python -m benchmarks.ingest_whole --gigabytes 5      by 2 workers, then by 1; about an hour on two cores
    python -m benchmarks.ingest_whole --gigabytes 0.8    the same of a smaller archive

The archive is made of the gold archives' records, repeated, each compressed by itself, as crawlers write them; `winnow run
--until ingest` reads it. Every record must come back as a document or a rejection, and each number of workers must give the
same documents, before anything is printed. Memory is what the kernel counts for each worker, looked at every half second:
the largest in each quarter of the time, which would grow if anything were kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
import psutil

from benchmarks.ingest import MEGABYTE, fastwarc, synthetic

MANIFEST = """\
stage: pretrain
seed: 1
packing: concatenate
mixture: {sources: {web: 100}}
curriculum: [{length: 4096, share: 100}]
"""
PROFILE = """\
root: ROOT
sources: {web: [{kind: web, paths: [synthetic.warc.gz]}]}
"""
LOOK = 0.5  # seconds between two looks at the workers
QUARTERS = 4
Memory = list[tuple[float, int]]  # of each look: seconds since the start, MB of the largest worker


def ingest(folder: Path, workers: int) -> tuple[Path, Memory]:
    """A run up to its documents, and what its workers needed."""
    out = folder / f"by-{workers}"
    command = [
        sys.executable, "-m", "winnow.pipeline.cli", "run", "--stage", str(folder / "manifest.yaml"), "--until", "ingest",
        "--profile", str(folder / "profile.yaml"), "--out", str(out), "--workers", str(workers),
    ]  # fmt: skip
    start = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    memory: Memory = []
    while process.poll() is None:
        memory.append((time.perf_counter() - start, max(map(resident, process.children(recursive=True)), default=0)))
        time.sleep(LOOK)
    if process.returncode:
        sys.exit(f"the run by {workers} workers ended with {process.returncode}")
    return out, memory


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss) // MEGABYTE
    except psutil.NoSuchProcess:
        return 0


def outcome(run: Path) -> tuple[Counter[str], list[str]]:
    """Documents and rejections of a run, and the digests of what it wrote."""
    counts: Counter[str] = Counter()
    digests = []
    for path in sorted((run / "receipts/ingest").iterdir()):
        receipt = json.loads(path.read_text())
        counts["documents"] += receipt["counts"]["documents"]
        counts["rejections"] += sum(receipt["counts"].get("rejected", {}).values())
        digests += [output["digest"] for output in receipt["outputs"]]
    return counts, digests


@click.command(help=__doc__)
@click.option("--gigabytes", default=5.0, help="size of the archive")
@click.option("--workers", multiple=True, type=int, default=(2, 1), help="worker processes; once for each run")
def main(gigabytes: float, workers: tuple[int, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = folder / "synthetic.warc.gz"
        synthetic(archive, int(gigabytes * 1024 * MEGABYTE))
        (folder / "manifest.yaml").write_text(MANIFEST)
        (folder / "profile.yaml").write_text(PROFILE.replace("ROOT", str(folder)))
        records = sum(1 for _ in fastwarc(archive))
        digests = []
        for count in workers:
            run, memory = ingest(folder, count)
            counts, written = outcome(run)
            digests.append(written)
            if counts.total() != records:
                sys.exit(f"{records:,} records, but {dict(counts)}")
            if written != digests[0]:
                sys.exit(f"{count} workers gave other documents than {workers[0]}")
            seconds = memory[-1][0]
            largest = [
                max((size for at, size in memory if quarter <= QUARTERS * at / seconds <= quarter + 1), default=0)
                for quarter in range(QUARTERS)
            ]
            print(
                f"workers {count}: {records:,} records = {counts['documents']:,} documents + {counts['rejections']:,} "
                f"rejections, {counts['documents'] / seconds:,.0f} documents/s in {seconds:,.0f} s; "
                f"largest worker in each quarter {', '.join(map(str, largest))} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
