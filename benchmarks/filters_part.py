"""The FineWeb chain from Parquet to Parquet: beside datatrove's reader, filters and writer, and the memory of one part.

    python -m benchmarks.filters_part [speed | memory]

Speed: read, measure, edit, decide, write what is kept. datatrove's executor takes seconds to start and to load spaCy,
so it runs twice, on one document and on a sample, and its speed is that of the difference; Winnow is timed on 16 MB of
the same documents, warm. Times are those of the processor, all in one process; both cut words alike. Memory: a process
of its own, warm, filters a part of 64 MiB of real text; its resident memory is read every 5 ms from outside.
"""

from __future__ import annotations

import argparse
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.datatrove_chain import CHAINS, WhitespaceWords, peer_filters
from benchmarks.filters import OWN_MEGABYTES, chain, cut, seconds, size, table
from benchmarks.gold import all_pages
from winnow.stages.ingest.source import FLUSH_BYTES

SAMPLE_MEGABYTES = {"shipped": 4.0, "whitespace": 12.0}
PART_BYTES = 64 << 20
POLL_SECONDS = 0.005


def filter_part(source: Path, kept: Path, names: Sequence[str]) -> None:
    """Reads documents from Parquet, by row groups as a run does, and writes those that the chain keeps, as edited."""
    with pq.ParquetFile(source) as file, pq.ParquetWriter(kept, file.schema_arrow, compression="zstd") as writer:
        for group in range(file.num_row_groups):
            writer.write_table(kept_of(file.read_row_group(group), names))


def kept_of(documents: pa.Table, names: Sequence[str]) -> pa.Table:
    verdicts, edited = chain(documents, names)
    rows = pa.array(range(documents.num_rows), pa.int64())
    return edited.filter(pc.invert(pc.is_in(rows, pa.array(list(verdicts), pa.int64()))))


def write_part(texts: Sequence[str], path: Path) -> None:
    """A part as ingest writes it: a row group for each 16 MiB of text."""
    groups = max(1, math.ceil(size(texts) * 1e6 / FLUSH_BYTES))
    pq.write_table(table(texts), path, compression="zstd", row_group_size=math.ceil(len(texts) / groups))


def datatrove_part(source: Path, folder: Path, kind: str) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter

    pipeline = [
        ParquetReader(str(source.parent), text_key="text", id_key="id"),
        *(peer for _, peer in peer_filters(kind)),
        ParquetWriter(str(folder / "out"), compression="zstd"),
    ]
    LocalPipelineExecutor(pipeline, tasks=1, logging_dir=str(folder / "logs"), skip_completed=False).run()


def rows_of(path: Path) -> set[str]:
    return set(pq.read_table(path, columns=["id"])["id"].to_pylist())


def speed(texts: Sequence[str], kind: str, rounds: int) -> None:
    sample = cut(texts, SAMPLE_MEGABYTES[kind])
    with tempfile.TemporaryDirectory() as name, WhitespaceWords() if kind == "whitespace" else nullcontext():
        folder = Path(name)
        source, kept = folder / "in" / "part.parquet", folder / "kept.parquet"
        source.parent.mkdir()
        write_part(sample[:1], source)
        datatrove_part(source, folder, kind)
        start = seconds(lambda: datatrove_part(source, folder, kind), 1)
        write_part(sample, source)
        peer = seconds(lambda: datatrove_part(source, folder, kind), 1) - start
        theirs = set().union(*(rows_of(path) for path in (folder / "out").glob("*.parquet")))
        filter_part(source, kept, CHAINS[kind])
        alike = len(sample) - len(rows_of(kept) ^ theirs)
        copies = math.ceil(OWN_MEGABYTES / size(sample))
        write_part([*sample] * copies, source)
        own = seconds(lambda: filter_part(source, kept, CHAINS[kind]), rounds) / copies
    megabytes = size(sample)
    print(
        f"Parquet to Parquet, {kind} words, {len(sample)} documents, {megabytes:.1f} MB: {alike / len(sample):.2%} alike"
    )
    print(
        f"  Winnow {megabytes / own:.1f} MB/s, datatrove {megabytes / peer:.3f} MB/s without {start:.1f} s of start: "
        f"{peer / own:.0f} times"
    )


def memory(texts: Sequence[str]) -> None:
    part = cut(texts, PART_BYTES / 1e6)
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("whitespace", "shipped"):
            source = Path(folder, "part.parquet")
            write_part(part, source)
            write_part(part[:20], source.with_name("few.parquet"))
            child = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.filters_part", "child", "--source", str(source), "--kind", kind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            assert child.stdin is not None and child.stdout is not None
            child.stdout.readline()
            watched = psutil.Process(child.pid)
            before = peak = watched.memory_info().rss
            child.stdin.write(b"go\n")
            child.stdin.flush()
            while child.poll() is None and watched.status() != psutil.STATUS_ZOMBIE:
                peak = max(peak, watched.memory_info().rss)
                time.sleep(POLL_SECONDS)
            if child.wait():
                raise SystemExit("the process that filters a part failed")
            added, whole = (peak - before) / 2**20, size(part) * 1e6 / 2**20
            print(f"memory, {kind} words: a part of {whole:.0f} MiB of text, {before / 2**20:.0f} MiB resident before,")
            print(f"  {added:.0f} MiB more at the peak: {added / whole:.2f} parts")


def child(source: Path, kind: str) -> None:
    """Warms on a few documents, waits for a line, filters the part."""
    filter_part(source.with_name("few.parquet"), source.with_name("kept.parquet"), CHAINS[kind])
    print("warm", flush=True)
    sys.stdin.readline()
    filter_part(source, source.with_name("kept.parquet"), CHAINS[kind])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["speed", "memory", "child"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--source", type=Path, help="for the process whose memory is measured")
    parser.add_argument("--kind", choices=list(SAMPLE_MEGABYTES), help="the same")
    arguments = parser.parse_args()
    if arguments.what == "child":
        child(arguments.source, arguments.kind)
        return
    texts = all_pages("en")
    random.Random(0).shuffle(texts)
    if arguments.what != "memory":
        for kind in SAMPLE_MEGABYTES:
            speed(texts, kind, arguments.rounds)
    if arguments.what != "speed":
        memory(texts)


if __name__ == "__main__":
    main()
