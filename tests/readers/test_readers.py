"""Exports read back by the libraries that they are for: equal tokens, borders and masks.

Each library reads in an environment of its own, which `make readers-test` makes, by a small program beside this file.
"""

from __future__ import annotations

import json
import os
import subprocess
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.exporters import datatrove, megatron, mosaic, olmo, parquet
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import Phase, build_index, write_shard

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".venv-readers"
LENGTH, VOCABULARY, END, PAD = 64, 60_000, 59_999, 0


def read_by(library: str, program: str, *arguments: str) -> Any:
    """What a library's program prints, which it does on its last line."""
    python = ENVIRONMENTS / library / "bin" / "python"
    assert python.exists(), f"{python} is missing: run `make readers-test`"
    patient = {**os.environ, "RAY_raylet_start_wait_time_s": "300"}  # Ray gives a busy machine little time
    command = [python, HERE / f"{program}.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=patient)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def corpus() -> list[tuple[np.ndarray, np.ndarray]]:
    """Forty documents of 3 to 150 tokens with an end, all tokens of a document other ones; and what is learned of each."""
    random = np.random.default_rng(5)
    found = []
    for number in range(40):
        size = int(random.integers(2, 150))
        ids = np.append(1 + number * 200 + np.arange(size), END).astype(np.uint16)
        found.append((ids, random.random(len(ids)) < 0.6))
    return found


@pytest.fixture(scope="module", params=[np.uint16, np.uint32], ids=["uint16", "uint32"])
def index(
    request: pytest.FixtureRequest,
    corpus: list[tuple[np.ndarray, np.ndarray]],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, list[Sequences]]:
    """The documents end to end, cut every 64 tokens, the last row padded: two files of a phase and what they hold."""
    flat = np.concatenate([ids for ids, _ in corpus]).astype(request.param)
    learned = np.concatenate([mask for _, mask in corpus])
    rows = -(-len(flat) // LENGTH)
    ids, mask = np.full(rows * LENGTH, PAD, request.param), np.zeros(rows * LENGTH, bool)
    ids[: len(flat)], mask[: len(flat)] = flat, learned
    ends = np.cumsum([len(document) for document, _ in corpus])
    cuts = sorted({0, *ends.tolist(), *range(0, len(flat), LENGTH)})
    segments, counts = [], np.zeros(rows, np.int64)
    for start, stop in pairwise(cuts):
        number = int(np.searchsorted(ends, start, side="right"))
        counts[start // LENGTH] += 1
        segments.append(
            {
                "document": f"d,{number}",
                "source": ("web", "code")[number % 2],
                "language": None,
                "position": start % LENGTH,
                "length": stop - start,
                "offset": start - int(ends[number] - len(corpus[number][0])),
                "continued": stop not in ends,
            }
        )
    whole = Sequences(
        input_ids=ids.reshape(-1, LENGTH),
        segments=pa.array(segments, type=SEGMENT),
        bounds=np.concatenate([[0], np.cumsum(counts)]),
        loss_mask=mask.reshape(-1, LENGTH),
    )
    written = [whole.select(slice(0, 20)), whole.select(slice(20, rows))]
    workspace = Workspace(str(tmp_path_factory.mktemp("run")))
    for number, part in enumerate(written):
        write_shard(workspace, f"shards/base/{number}.parquet", part)
    tokenizer = {"path": "tokenizer", "vocabulary_size": VOCABULARY, "end": END}
    phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
    build_index(workspace, stage="sft", dtype=request.param, tokenizer=tokenizer, phases=phases)
    return workspace.path("shards/index.json"), written


def packed_rows(written: list[Sequences]) -> list[dict[str, Any]]:
    return [
        {
            "input_ids": ids,
            "segments": part.segments[part.bounds[row] : part.bounds[row + 1]].to_pylist(),
            "loss_mask": part.loss_mask[row].tolist(),
        }
        for part in written
        for row, ids in enumerate(part.input_ids.tolist())
    ]


def in_any_order(rows: list[dict[str, Any]]) -> list[str]:
    """Rows for libraries that take files as the folder lists them."""
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def test_mosaic(index: tuple[str, list[Sequences]], tmp_path: Path) -> None:
    mosaic.export(index[0], "base", str(tmp_path / "out"))
    assert read_by("mosaic", "mosaic", str(tmp_path / "out")) == packed_rows(index[1])


def test_litdata_reads_the_phase_itself_and_plain_columns(index: tuple[str, list[Sequences]], tmp_path: Path) -> None:
    folder = tmp_path / "phase"
    folder.mkdir()
    for path in sorted(Path(index[0]).parent.glob("base/*.parquet")):
        (folder / path.name).write_bytes(path.read_bytes())
    assert in_any_order(read_by("litdata", "litdata_rows", str(folder))) == in_any_order(packed_rows(index[1]))
    parquet.export(index[0], "base", str(tmp_path / "plain"))
    rows = read_by("litdata", "litdata_rows", str(tmp_path / "plain"))
    assert [row["input_ids"] for row in rows] == [row["input_ids"] for row in packed_rows(index[1])]
    borders = [[place for place, position in enumerate(row["position_ids"]) if position == 0] for row in rows]
    for found, row in zip(borders, packed_rows(index[1]), strict=True):
        assert found[: len(row["segments"])] == [segment["position"] for segment in row["segments"]]


def test_ray_opens_the_folder(index: tuple[str, list[Sequences]]) -> None:
    rows = read_by("ray", "ray_rows", str(Path(index[0]).parent / "base"))
    assert in_any_order(rows) == in_any_order(packed_rows(index[1]))


def test_olmo_core(index: tuple[str, list[Sequences]], corpus: list[Any], tmp_path: Path) -> None:
    target = str(tmp_path / "data")
    olmo.export(index[0], "base", target, pieces="join")
    dtype = index[1][0].input_ids.dtype.name
    found = read_by("olmo", "olmo", target, str(LENGTH), str(PAD), str(END), dtype)
    documents = sorted_by_export(corpus, target)
    whole = [ids.tolist() for ids, _ in documents]
    rows = found["fixed"]
    assert len(rows) == sum(map(len, whole)) // LENGTH
    for name, column in (("input_ids", 0), ("label_mask", 1)):
        wanted = np.concatenate([document[column] for document in documents])[: len(rows) * LENGTH]
        assert [value for row in rows for value in row[name]] == wanted.tolist()
    ends = set(np.cumsum([len(document) for document in whole]).tolist())
    for number, row in enumerate(rows):
        borders = np.cumsum(row["doc_lens"]) + number * LENGTH
        assert set(borders.tolist()[:-1]) <= ends and sum(row["doc_lens"]) == LENGTH
        assert ends & set(range(number * LENGTH + 1, (number + 1) * LENGTH)) == set(borders.tolist()[:-1])
    heads = [document[:LENGTH] for document in whole]  # of a longer document these two take its beginning
    assert [row["input_ids"] for row in found["padded"]] == [head + [PAD] * (LENGTH - len(head)) for head in heads]
    packed = [
        tuple(row["input_ids"][stop - size : stop])
        for row in found["packed"]
        for stop, size in zip(np.cumsum(row["doc_lens"]), row["doc_lens"], strict=True)
        if row["input_ids"][stop - size] != PAD
    ]
    assert sorted(packed) == sorted(map(tuple, heads))


def test_datatrove_and_nanotron(index: tuple[str, list[Sequences]], corpus: list[Any], tmp_path: Path) -> None:
    """nanotron's data set of tokenized bytes hands its folders to this class of datatrove's."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    target = str(tmp_path / "tokens" / "data")
    datatrove.export(index[0], "base", target, pieces="join")
    documents = sorted_by_export(corpus, target)
    flat = np.concatenate([ids for ids, _ in documents])
    places = np.concatenate([np.arange(len(ids)) for ids, _ in documents])
    size = index[1][0].input_ids.itemsize
    rows = DatatroveFolderDataset(str(tmp_path / "tokens"), seq_len=31, token_size=size, return_positions=True)
    assert len(rows) == len(flat) // 32
    for number in range(len(rows)):
        window = slice(number * 32, (number + 1) * 32)
        row = rows[number]
        assert row["input_ids"].tolist() == flat[window].tolist()
        wanted = places[window] - (places[window][0] if places[window][0] else 0)
        first = np.flatnonzero(places[window] == 0)
        wanted[first[0] if len(first) else 32 :] = places[window][first[0] if len(first) else 32 :]
        assert row["positions"].tolist() == wanted.tolist()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_megatron_gpt_dataset(index: tuple[str, list[Sequences]], corpus: list[Any], tmp_path: Path) -> None:
    """Positions and attention begin anew with each document, ends aren't learned, and the mask beside goes along."""
    from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
    from megatron.core.datasets.indexed_dataset import IndexedDataset
    from megatron.core.datasets.utils import Split

    target = str(tmp_path / "data")
    megatron.export(index[0], "base", target, pieces="join")
    tokenizer = SimpleNamespace(vocab_size=VOCABULARY, eod=END, pad=PAD, unique_identifiers={"class": "test"})

    def rows(path: str) -> GPTDataset:
        config = GPTDatasetConfig(
            random_seed=7,
            sequence_length=LENGTH,
            tokenizer=tokenizer,
            reset_position_ids=True,
            reset_attention_mask=True,
            eod_mask_loss=True,
            path_to_cache=str(tmp_path / "cache"),
            split="1",
        )
        stored = IndexedDataset(path)
        return GPTDataset(stored, path, np.arange(len(stored), dtype=np.int32), 50, Split.train, config)

    learned = {int(token): bool(flag) for ids, mask in corpus for token, flag in zip(ids, mask, strict=True)}
    following = {int(a): int(b) for ids, _ in corpus for a, b in pairwise(ids)}
    firsts = {int(ids[0]) for ids, _ in corpus}
    tokens, masks = rows(target), rows(f"{target}.loss")
    begun = 0
    for number in range(50):
        row, beside = tokens[number], masks[number]
        ids, positions = row["tokens"].tolist(), row["position_ids"].tolist()
        for place, (token, label, taught) in enumerate(
            zip(ids, row["labels"].tolist(), row["loss_mask"].tolist(), strict=True)
        ):
            if token == END:
                assert taught == 0 and label in firsts  # what follows an end is a stranger, and isn't taught
            else:
                assert taught == 1 and label == following[token]
                assert beside["labels"][place] == learned[label] or label == END
            if place and ids[place - 1] == END:
                assert positions[place] == 0 and token in firsts
                assert row["attention_mask"][0, place, :place].all()  # masked: nothing before it is seen
                begun += 1
            elif place:
                assert positions[place] == positions[place - 1] + 1
                assert not row["attention_mask"][0, place, place - positions[place] : place + 1].any()
    assert begun > 20


def sorted_by_export(corpus: list[tuple[np.ndarray, np.ndarray]], target: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The documents in the order in which they became whole, as the table beside an export has them."""
    import pyarrow.parquet as pq

    names = pq.read_table(f"{target}.documents.parquet")["document"].to_pylist()
    assert sorted(names) == sorted(f"d,{number}" for number in range(len(corpus)))
    return [corpus[int(name.removeprefix("d,"))] for name in names]
