"""Reading packed rows from page cache: our reader, as one rank and as one of 64, beside peers on the same tokens.

    PYTHONPATH=. python -m benchmarks.readers --tokens 176000000

Peers: Megatron-core's `IndexedDataset` over our export, Hugging Face `datasets` over the same files, as Arrow, and, where
`make readers-test` has made their environments, MosaicML Streaming over our export and litdata over the same files. All
answers are compared with the ids that were written before a speed is printed: million tokens a second, median of five, and
how many row groups ranks decode for each that there is. With few row groups the cuts between lanes weigh: below some
640 of them (168 M tokens) 64 lanes share row groups, and those are decoded twice.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.exporters import megatron, mosaic
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import Phase, build_index, write_shard

LENGTH, PIECES, FILES, RANKS = 4096, 4, 8, 64
PEER_ROUNDS = 3
Longs = np.ndarray


def rows(count: int, seed: int) -> Sequences:
    """Rows of four segments; ids by Zipf's law, so that they compress as text does."""
    random = np.random.default_rng(seed)
    part = LENGTH // PIECES
    segments = count * PIECES
    columns = [
        pa.array([f"{seed:08x}{number:024x}" for number in range(segments)]),
        pa.array(np.resize(["web", "code", "books"], segments)),
        pa.array(np.resize(["en", "zh"], segments)),
        pa.array(np.tile(np.arange(PIECES) * part, count)),
        pa.array(np.full(segments, part)),
        pa.array(np.zeros(segments, np.int64)),
        pa.array(np.zeros(segments, bool)),
    ]
    return Sequences(
        input_ids=np.minimum(random.zipf(1.2, (count, LENGTH)), 60_000).astype(np.uint16),
        segments=pa.StructArray.from_arrays(columns, fields=list(SEGMENT)),
        bounds=np.arange(0, segments + 1, PIECES),
    )


def total(batches: Iterable[Sequences]) -> tuple[int, int]:
    """Rows read, and the sum of their ids."""
    count = ids = 0
    for batch in batches:
        count += len(batch)
        ids += int(batch.input_ids.sum(dtype=np.int64))
    return count, ids


def timed(read: Callable[[], tuple[int, int]], wanted: tuple[int, int] | None) -> float:
    """Tokens a second. Raises `ValueError` where the answer is another one."""
    speeds = []
    for _ in range(5):
        begun = time.process_time()
        found = read()
        speeds.append(found[0] * LENGTH / (time.process_time() - begun))
        if wanted is not None and found != wanted:
            raise ValueError(f"read {found}, written were {wanted}")
    return statistics.median(speeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=176_000_000)
    count = parser.parse_args().tokens // LENGTH // FILES
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        written = [0, 0]
        for number in range(FILES):
            part = rows(count, number)
            write_shard(workspace, f"shards/base/{number:05d}.parquet", part)
            written = [written[0] + count, written[1] + int(part.input_ids.sum(dtype=np.int64))]
        phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
        build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={"vocabulary_size": 65_536}, phases=phases)
        index, wanted = workspace.path("shards/index.json"), (written[0], written[1])
        print(f"{wanted[0]:,} rows of {LENGTH:,} tokens; million tokens a second of processor time")
        show("ours, as written", timed(lambda: total(ShardReader(index, "base", lanes=1)), wanted))
        show(
            "ours, in order of lanes, batches of 16", timed(lambda: total(ShardReader(index, "base", batch=16)), wanted)
        )
        shuffled = {"batch": 16, "order_seed": 1}
        show("ours, rows shuffled, batches of 16", timed(lambda: total(ShardReader(index, "base", **shuffled)), wanted))
        one = {"rank": 3, "world_size": RANKS}
        show(f"ours, one of {RANKS} ranks", timed(lambda: total(ShardReader(index, "base", **one)), None))
        peers(workspace, index, wanted)
        groups = len(set(ShardReader(index, "base").row_groups()))
        read = sum(len(ShardReader(index, "base", rank=r, world_size=RANKS).row_groups()) for r in range(RANKS))
        print(f"{RANKS} ranks decode {read} row groups where there are {groups}: {read / groups:.2f} each")


def peers(workspace: Workspace, index: str, wanted: tuple[int, int]) -> None:
    import datasets
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    target = workspace.path("megatron/data")
    megatron.export(index, "base", target, whole_rows=True)
    mapped = IndexedDataset(target)
    show(
        "Megatron's memory map",
        timed(lambda: (len(mapped), sum(int(row.sum(dtype=np.int64)) for row in mapped)), wanted),
    )
    mosaic.export(index, "base", workspace.path("mosaic"))
    for name, folder in (("mosaic", "mosaic"), ("litdata", "shards/base")):
        python = Path(__file__).parents[1] / ".venv-readers" / name / "bin" / "python"
        if not python.exists():
            print(f"without {name}: `make readers-test` installs it")
            continue
        program = Path(__file__).with_name("readers_peers.py")
        command = [python, program, name, workspace.path(folder), str(PEER_ROUNDS)]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        if tuple(told["found"]) != wanted:
            raise ValueError(f"{name} read {told['found']}, written were {wanted}")
        show(
            {"mosaic": "MosaicML Streaming, local", "litdata": "litdata, rows of Parquet"}[name],
            statistics.median(told["speeds"]),
        )
    files = [workspace.path(name) for name in workspace.list("shards/base", ".parquet")]
    options = {"data_files": files, "split": "train", "streaming": True}
    stream = datasets.load_dataset("parquet", columns=["input_ids", "segments"], **options).with_format("arrow")

    def streamed() -> tuple[int, int]:
        count = ids = 0
        for table in stream.iter(batch_size=64):
            values = table["input_ids"].combine_chunks().flatten().to_numpy()
            count, ids = count + table.num_rows, ids + int(values.sum(dtype=np.int64))
        return count, ids

    show("datasets, streamed as Arrow", timed(streamed, wanted))


def show(name: str, speed: float) -> None:
    print(f"{name:<44} {speed / 1e6:8.0f}")


if __name__ == "__main__":
    main()
