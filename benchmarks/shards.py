"""Reading packed tokens: our shard reader beside a Megatron memory map, `datasets` and, if installed, Streaming.

The same sequences in every format, in one process, interleaved; processor time of one thread, so that a busy machine
changes little. Prints tokens a second (medians) and bits a token on disk, after every reader gave the same tokens.

    python -m benchmarks.shards [--tokens 20000000] [--run RUN]

`--run` takes tokens from a finished run; without it they are drawn from Zipf's law.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.exporters import megatron, mosaic
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import INDEX, Phase, build_index, write_shard

LENGTH = 4_096
ROUNDS = 5
VARIANTS = {
    "zstd + BYTE_STREAM_SPLIT": {"column_encoding": {"input_ids.list.element": "BYTE_STREAM_SPLIT"}},
    "zstd + dictionary": {"use_dictionary": True},
    "zstd, plain": {"use_dictionary": False},
    "uncompressed": {"use_dictionary": False, "compression": "none"},
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--tokens", type=int, default=20_000_000)
    arguments.add_argument("--run")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), packed(tokens_of(asked.run, asked.tokens)))


def tokens_of(run: str | None, count: int) -> np.ndarray:
    """`count` 16-bit ids, from the run's shards (repeated as needed) or from Zipf's law over 16,384 tokens."""
    if run is None:
        draws = np.random.default_rng(0).zipf(1.2, count)
        return np.minimum(draws, 16_383).astype(np.uint16)
    reader = ShardReader(Workspace(run).path(INDEX), "length-512")
    found = np.concatenate([batch.input_ids.reshape(-1) for batch in reader]).astype(np.uint16)
    return np.resize(found, count)


def packed(tokens: np.ndarray) -> Sequences:
    """Rows of four documents each."""
    ids = tokens[: len(tokens) // LENGTH * LENGTH].reshape(-1, LENGTH)
    count = 4 * len(ids)
    part = LENGTH // 4
    segments = pa.StructArray.from_arrays(
        [
            pa.array([f"{zlib.crc32(b'%d' % i):08x}" * 4 for i in range(count)]),
            pa.array(["web", "code", "laws", "books"] * len(ids)),
            pa.array(["en", None, "zh", "en"] * len(ids)),
            pa.array(np.tile(np.arange(0, LENGTH, part), len(ids)), pa.int64()),
            pa.array(np.full(count, part), pa.int64()),
            pa.array(np.zeros(count, np.int64)),
            pa.array(np.zeros(count, bool)),
        ],
        fields=list(SEGMENT),
    )
    return Sequences(input_ids=ids, segments=segments, bounds=np.arange(0, count + 1, 4))


def compare(folder: Path, sequences: Sequences) -> None:
    workspace = Workspace(str(folder))
    write_shard(workspace, "shards/base/part-00000.parquet", sequences)
    phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer={}, phases=phases)
    index = workspace.path(INDEX)
    shard = workspace.path("shards/base/part-00000.parquet")
    megatron.export(index, "base", str(folder / "megatron"), whole_rows=True)
    readers: dict[str, tuple[Callable[[], Iterator[np.ndarray]], int]] = {
        "ours, one thread": (lambda: ours(index), Path(shard).stat().st_size),
        "Megatron .bin": (lambda: from_megatron(folder / "megatron"), (folder / "megatron.bin").stat().st_size),
        "datasets, as Arrow": (lambda: from_datasets(shard, folder), Path(shard).stat().st_size),
    }
    if streaming_is_there():
        mosaic.export(index, "base", str(folder / "mosaic"))
        size = sum(path.stat().st_size for path in (folder / "mosaic").iterdir())
        readers["MosaicML Streaming"] = (lambda: from_streaming(folder / "mosaic"), size)
    table = pq.read_table(shard)
    for name, options in VARIANTS.items():
        path = folder / f"{len(readers)}.parquet"
        group = {"row_group_size": 64, "write_statistics": False}
        pq.write_table(table, path, **{"compression": "zstd", "use_dictionary": False, **group, **options})
        readers[f"list<uint16>, {name}"] = (lambda path=path: ids_of(path), path.stat().st_size)
    report(readers, sequences.input_ids)


def report(readers: dict[str, tuple[Callable[[], Iterator[np.ndarray]], int]], expected: np.ndarray) -> None:
    """Checks that all read the same, then times them in turn."""
    wanted = int(expected.sum(dtype=np.int64))
    for name, (read, _) in readers.items():
        assert sum(int(ids.sum(dtype=np.int64)) for ids in read()) == wanted, f"{name} read other tokens"
    speeds: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(ROUNDS):
        for name, (read, _) in readers.items():
            begun = time.process_time()
            count = sum(touch(ids) for ids in read())
            speeds[name].append(count / (time.process_time() - begun))
    base = statistics.median(speeds["ours, one thread"])
    print(f"{expected.size:,} tokens in rows of {expected.shape[1]:,}\n")
    print(f"{'reader':<40}{'M tokens/s':>12}{'of ours':>10}{'bits/token':>12}")
    for name, (_, size) in readers.items():
        speed = statistics.median(speeds[name])
        print(f"{name:<40}{speed / 1e6:>12.0f}{speed / base:>10.2f}{8 * size / expected.size:>12.2f}")


def touch(ids: np.ndarray) -> int:
    """Counts tokens and reads one of each page, so that a memory map is really read."""
    ids.reshape(-1)[::2_048].sum()
    return int(ids.size)


def ours(index: str) -> Iterator[np.ndarray]:
    for batch in ShardReader(index, "base", prefetch=0):
        yield batch.input_ids


def from_megatron(target: Path) -> Iterator[np.ndarray]:
    lengths, pointers, tokens = megatron.read(str(target))
    for length, pointer in zip(lengths.tolist(), (pointers // 2).tolist(), strict=True):
        yield tokens[pointer : pointer + length]


def from_datasets(shard: str, folder: Path) -> Iterator[np.ndarray]:
    from datasets import load_dataset

    cache = str(folder / "cache")
    rows = load_dataset("parquet", data_files=shard, split="train", streaming=True, cache_dir=cache)
    for batch in rows.with_format("arrow").iter(batch_size=64):
        yield batch["input_ids"].combine_chunks().flatten().to_numpy()


def from_streaming(folder: Path) -> Iterator[np.ndarray]:
    from streaming import LocalDataset

    dataset = LocalDataset(str(folder))
    for number in range(dataset.num_samples):
        yield dataset[number]["input_ids"]


def ids_of(path: Path) -> Iterator[np.ndarray]:
    with pq.ParquetFile(path, memory_map=True) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["input_ids"], use_threads=False)
            yield table["input_ids"].combine_chunks().flatten().to_numpy()


def streaming_is_there() -> bool:
    if importlib.util.find_spec("streaming") is None:
        print("mosaicml-streaming isn't installed (it wants an older transformers): left out")
        return False
    return True


if __name__ == "__main__":
    main()
