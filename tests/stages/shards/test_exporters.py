"""Exporters: the format's own reader, or the format read byte by byte, finds the tokens that the shards hold."""

from __future__ import annotations

import json
import re
import struct
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from winnow.pipeline.commands.export import command as export_command
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.exporters import datatrove, jsonl, megatron, mosaic, olmo, parquet
from winnow.stages.shards.exporters.documents import appearing
from winnow.stages.shards.exporters.found import exporter, exporters, options_of
from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError
from winnow.stages.shards.shard import Phase, build_index, write_shard

LENGTH = 16


def make_sequences(rows: int, dtype: type, seed: int) -> Sequences:
    """Rows of two segments, the second one 1 to 8 tokens long, then padding."""
    random = np.random.default_rng(seed)
    segments = []
    for row in range(rows):
        for number, (position, length) in enumerate([(0, 8), (8, int(random.integers(1, 9)))]):
            segments.append(
                {
                    "document": f"{seed}{row:08x}{number}",
                    "source": "web",
                    "language": "zh",
                    "position": position,
                    "length": length,
                    "offset": 7,
                    "continued": False,
                }
            )
    return Sequences(
        input_ids=random.integers(0, 60_000, (rows, LENGTH), dtype=dtype),
        segments=pa.array(segments, type=SEGMENT),
        bounds=np.arange(0, 2 * rows + 1, 2),
        loss_mask=random.random((rows, LENGTH)) < 0.5,
    )


@pytest.fixture(params=[np.uint16, np.uint32])
def run(request: pytest.FixtureRequest, workspace: Workspace) -> tuple[str, list[Sequences]]:
    """A run of two files of 5 and 9 sequences: the path of its index and what it holds."""
    written = [make_sequences(5, request.param, 0), make_sequences(9, request.param, 1)]
    for number, sequences in enumerate(written):
        write_shard(workspace, f"shards/base/{number}.parquet", sequences)
    phases = [Phase(name="base", length=LENGTH, rotary_base=1e4)]
    tokenizer = {"path": "tokenizer", "vocabulary_size": 60_000}
    build_index(workspace, stage="sft", dtype=request.param, tokenizer=tokenizer, phases=phases)
    return workspace.path("shards/index.json"), written


def documents_of(written: list[Sequences]) -> list[list[int]]:
    """The tokens of each segment, in order: the oracle."""
    found = []
    for sequences in written:
        for row in range(len(sequences)):
            for segment in sequences.segments[sequences.bounds[row] : sequences.bounds[row + 1]].to_pylist():
                start = segment["position"]
                found.append(sequences.input_ids[row, start : start + segment["length"]].tolist())
    return found


def test_megatron_index_and_tokens_are_read_back_by_the_formats_layout(
    run: tuple[str, list[Sequences]], tmp_path: Path
) -> None:
    index_path, written = run
    target = str(tmp_path / "out" / "data")
    counts = megatron.export(index_path, "base", target)
    documents = documents_of(written)
    assert counts == {"sequences": len(documents), "tokens": sum(map(len, documents))}

    content = Path(f"{target}.idx").read_bytes()
    dtype = written[0].input_ids.dtype
    size = len(documents)
    assert content[:9] == b"MMIDIDX\x00\x00"
    assert struct.unpack("<QBQQ", content[9:34]) == (1, {2: 8, 4: 4}[dtype.itemsize], size, size + 1)
    lengths = np.frombuffer(content, "<i4", size, 34)
    pointers = np.frombuffer(content, "<i8", size, 34 + 4 * size)
    bounds = np.frombuffer(content, "<i8", size + 1, 34 + 12 * size)
    assert len(content) == 34 + 12 * size + 8 * (size + 1)
    assert bounds.tolist() == list(range(size + 1))
    raw = Path(f"{target}.bin").read_bytes()
    found = [
        np.frombuffer(raw, dtype, length, pointer).tolist() for length, pointer in zip(lengths, pointers, strict=True)
    ]
    assert found == documents
    ours = megatron.read(target)
    assert [part.tolist() for part in ours[:2]] == [lengths.tolist(), pointers.tolist()]
    assert ours[2].tobytes() == raw


@pytest.mark.filterwarnings("ignore::UserWarning")  # that it runs without its GPU extensions
def test_megatron_reads_its_index_and_tokens(run: tuple[str, list[Sequences]], tmp_path: Path) -> None:
    indexed_dataset = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    index_path, written = run
    target = str(tmp_path / "data")
    megatron.export(index_path, "base", target)
    documents = documents_of(written)
    read = indexed_dataset.IndexedDataset(target)
    assert [read[place].tolist() for place in range(len(read))] == documents
    assert read.document_indices.tolist() == list(range(len(documents) + 1))


def test_megatron_keeps_packed_rows_when_asked(run: tuple[str, list[Sequences]], tmp_path: Path) -> None:
    index_path, written = run
    megatron.export(index_path, "base", str(tmp_path / "data"), whole_rows=True)
    lengths, _, tokens = megatron.read(str(tmp_path / "data"))
    assert lengths.tolist() == [LENGTH] * 14
    rows = np.concatenate([sequences.input_ids for sequences in written])
    assert np.array_equal(tokens.reshape(-1, LENGTH), rows)


def test_a_file_that_is_no_megatron_index_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.idx").write_bytes(b"nothing")
    with pytest.raises(ShardError, match=r"x\.idx is not a Megatron index"):
        megatron.read(str(tmp_path / "x"))


def test_datatrove_reads_its_tokenized_file(run: tuple[str, list[Sequences]], tmp_path: Path) -> None:
    dataset = pytest.importorskip("datatrove.utils.dataset")
    index_path, written = run
    target = str(tmp_path / "data")
    counts = datatrove.export(index_path, "base", target)
    documents = documents_of(written)
    assert counts == {"sequences": len(documents), "tokens": sum(map(len, documents))}
    ends = np.fromfile(f"{target}.ds.index", "<u8")
    assert ends.tolist() == np.cumsum([len(document) for document in documents]).tolist()
    size = written[0].input_ids.dtype.itemsize
    read = dataset.DatatroveFileDataset(f"{target}.ds", seq_len=3, token_size=size)
    flat = [token for document in documents for token in document]
    assert read[5]["input_ids"].tolist() == flat[20:24]
    assert len(Path(f"{target}.ds.loss").read_bytes()) == len(flat)
    assert Path(f"{target}.ds.metadata").read_text().splitlines()[:2] == [f"tokenizer|{size}", str(len(flat))]


@pytest.mark.parametrize("name", ["data.jsonl", "data.jsonl.zst"])
def test_json_lines_hold_every_row(run: tuple[str, list[Sequences]], tmp_path: Path, name: str) -> None:
    index_path, written = run
    assert jsonl.export(index_path, "base", str(tmp_path / name))["sequences"] == 14
    content = (tmp_path / name).read_bytes()
    if name.endswith(".zst"):
        content = zstandard.ZstdDecompressor().stream_reader(content).read()
    lines = [json.loads(line) for line in content.decode().splitlines()]
    assert [line["input_ids"] for line in lines] == [ids for part in written for ids in part.input_ids.tolist()]
    assert [line["loss_mask"] for line in lines] == [mask for part in written for mask in part.loss_mask.tolist()]
    assert [s for line in lines for s in line["segments"]] == [s for part in written for s in part.segments.to_pylist()]


def test_mosaic_shards_are_read_back_by_the_formats_layout(
    run: tuple[str, list[Sequences]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winnow.stages.shards.exporters.mosaic.SHARD_BYTES", 2_000)
    index_path, written = run
    counts = mosaic.export(index_path, "base", str(tmp_path))
    assert counts["sequences"] == 14
    index = json.loads((tmp_path / "index.json").read_text())
    assert len(index["shards"]) > 1 and sum(shard["samples"] for shard in index["shards"]) == 14
    dtype = written[0].input_ids.dtype
    rows = []
    for shard in index["shards"]:
        assert shard["column_names"] == ["input_ids", "loss_mask", "segments"]
        assert shard["column_encodings"] == [f"ndarray:{dtype}:{LENGTH}", f"ndarray:uint8:{LENGTH}", "json"]
        content = (tmp_path / shard["raw_data"]["basename"]).read_bytes()
        assert len(content) == shard["raw_data"]["bytes"]
        count = struct.unpack_from("<I", content)[0]
        offsets = struct.unpack_from(f"<{count + 1}I", content, 4)
        for start, stop in pairwise(offsets):
            (described,) = struct.unpack_from("<I", content, start)
            ids = np.frombuffer(content, dtype, LENGTH, start + 4)
            mask = np.frombuffer(content, np.uint8, LENGTH, start + 4 + ids.nbytes)
            segments = json.loads(content[stop - described : stop])
            rows.append((ids.tolist(), mask.astype(bool).tolist(), segments))
    expected = [
        (ids, mask, part.segments[part.bounds[row] : part.bounds[row + 1]].to_pylist())
        for part in written
        for row, (ids, mask) in enumerate(zip(part.input_ids.tolist(), part.loss_mask.tolist(), strict=True))
    ]
    assert rows == expected


# Cut documents, several phases, targets that are there.

END = 59_999
BOOK = np.arange(100, 130, dtype=np.uint16)  # a document of 30 tokens, the last of them its end


def cut_book(workspace: Workspace) -> str:
    """Two phases: in one a book in two copies that are cut at different places, in the other a beginning without rest."""

    def row(first: int, stop: int) -> tuple[np.ndarray, dict[str, object]]:
        ids = np.full(LENGTH, END, np.uint16)
        ids[: stop - first] = BOOK[first:stop]
        segment = {"document": "book", "source": "books", "language": "en", "position": 0, "length": stop - first}
        return ids, {**segment, "offset": first, "continued": stop < len(BOOK)}

    def write(phase: str, cuts: list[tuple[int, int]]) -> None:
        rows = [row(*cut) for cut in cuts]
        ids, segments = np.stack([ids for ids, _ in rows]), [segment for _, segment in rows]
        bounds = np.arange(len(rows) + 1)
        sequences = Sequences(input_ids=ids, segments=pa.array(segments, type=SEGMENT), bounds=bounds)
        write_shard(workspace, f"shards/{phase}/0.parquet", sequences)

    write("cut", [(14, 30), (0, 5), (0, 14), (20, 30), (5, 20)])
    write("lost", [(0, 16)])
    phases = [Phase(name=name, length=LENGTH, rotary_base=1e4) for name in ("cut", "lost")]
    tokenizer = {"path": "tokenizer", "vocabulary_size": 60_000, "end": END}
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer=tokenizer, phases=phases)
    return workspace.path("shards/index.json")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ("join", [[*BOOK], [*BOOK], [*BOOK[:16], END]]),
        (
            "end",
            [[*BOOK[14:]], [*BOOK[:5], END], [*BOOK[:14], END], [*BOOK[20:]], [*BOOK[5:20], END], [*BOOK[:16], END]],
        ),
        ("keep", [[*BOOK[14:]], [*BOOK[:5]], [*BOOK[:14]], [*BOOK[20:]], [*BOOK[5:20]], [*BOOK[:16]]]),
    ],
)
def test_pieces_are_joined_ended_or_kept_in_several_phases_at_once(
    workspace: Workspace, tmp_path: Path, pieces: str, expected: list[list[int]]
) -> None:
    index_path = cut_book(workspace)
    megatron.export(index_path, ["cut", "lost"], str(tmp_path / "m"), pieces=pieces)
    lengths, pointers, tokens = megatron.read(str(tmp_path / "m"))
    found = [tokens[p // 2 : p // 2 + n].tolist() for n, p in zip(lengths, pointers, strict=True)]
    assert found == expected
    datatrove.export(index_path, ["cut", "lost"], str(tmp_path / "d"), pieces=pieces)
    assert np.fromfile(tmp_path / "d.ds", "<u2").tolist() == [token for document in expected for token in document]
    for name in ("m", "d"):
        table = pq.read_table(tmp_path / f"{name}.documents.parquet")
        assert table["tokens"].to_pylist() == [len(document) for document in expected]
        assert set(table["source"].to_pylist()) == {"books"}
        assert table["phase"].to_pylist()[-1] == "lost" and table["continued"].to_pylist()[-1]


def test_megatron_gets_the_loss_mask_beside(run: tuple[str, list[Sequences]], tmp_path: Path) -> None:
    index_path, written = run
    megatron.export(index_path, "base", str(tmp_path / "data"))
    lengths, _, losses = megatron.read(str(tmp_path / "data.loss"))
    assert lengths.tolist() == megatron.read(str(tmp_path / "data"))[0].tolist()
    masks = [
        sequences.loss_mask[row, start : start + length]
        for sequences in written
        for row, start, length in zip(sequences.rows, sequences.positions, sequences.lengths, strict=True)
    ]
    assert losses.tolist() == np.concatenate(masks).astype(int).tolist()


@pytest.mark.parametrize("exporter", [megatron, datatrove, olmo, jsonl, mosaic, parquet])
def test_no_target_is_overwritten_and_nothing_half_stays(
    workspace: Workspace, tmp_path: Path, exporter: ModuleType
) -> None:
    index_path = cut_book(workspace)
    target = tmp_path / "out" / "data"
    exporter.export(index_path, "cut", str(target))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ShardError, match="is there already"):
        exporter.export(index_path, "lost" if exporter is not parquet else "cut", str(target))
    with pytest.raises(ShardError, match="each once"):
        exporter.export(index_path, ["cut", "cut"], str(tmp_path / "other"))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_plain_columns_pass_a_default_collate(run: tuple[str, list[Sequences]], tmp_path: Path) -> None:
    datasets, torch = pytest.importorskip("datasets"), pytest.importorskip("torch")
    index_path, written = run
    assert parquet.export(index_path, ["base"], str(tmp_path / "plain"))["sequences"] == 14
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "plain" / "*.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    ).with_format("torch")
    batch = next(iter(torch.utils.data.DataLoader(loaded, batch_size=14)))
    ids = np.concatenate([sequences.input_ids for sequences in written])
    assert batch["input_ids"].dtype == torch.int64 and batch["input_ids"].tolist() == ids.tolist()
    first = int(written[0].lengths[1])
    assert batch["position_ids"][0].tolist() == [*range(8), *range(first), *range(LENGTH - 8 - first)]
    taught = batch["labels"] != -100
    assert (
        taught.any() and (batch["labels"][taught] == batch["input_ids"][taught]).all() and not taught[:, [0, 8]].any()
    )
    parquet.export(index_path, "base", str(tmp_path / "trl"), columns=["input_ids", "seq_lengths"])
    row = pq.read_table(tmp_path / "trl").to_pylist()[0]
    assert sum(row["seq_lengths"]) == LENGTH and row["seq_lengths"][:2] == [8, first]
    with pytest.raises(ShardError, match="no columns segments"):
        parquet.export(index_path, "base", str(tmp_path / "wrong"), columns=["segments"])


@pytest.fixture
def ownformats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of two formats of one's own: one whose `export` takes no phases, one that counts nothing."""
    folder = tmp_path / "ownformats"
    folder.mkdir()
    (folder / "short.py").write_text("def export(index_path, target): ...\n")
    (folder / "silent.py").write_text("def export(index_path, phases, target): open(target, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("ownformats")
def test_an_exporter_that_says_nothing_of_what_it_wrote_is_told_so(
    run: tuple[str, list[Sequences]], workspace: Workspace, tmp_path: Path
) -> None:
    workspace.write_bytes("plan.json", b"{}")
    asked = ["--format", "ownformats.silent", "--phase", "base", "--out", str(tmp_path / "out")]
    with pytest.raises(ConfigurationError, match=r"has written .*out, but not said how much: .* not None"):
        export_command.main([workspace.path("").rstrip("/"), *asked], standalone_mode=False)


def test_a_writer_that_puts_an_ending_behind_the_name_has_written_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(
            ShardError, match=r"nothing was written to .*rows\.npz\.tmp; there is .*rows\.npz\.tmp\.npz: write to"
        ),
        appearing(str(tmp_path / "rows.npz")) as (temporary,),
    ):
        np.savez(temporary, ids=np.arange(3))
    with (
        appearing(str(tmp_path / "rows.npz"), str(tmp_path / "mask.npz")) as (temporary, _),
        open(temporary, "wb") as stream,
    ):
        np.savez(stream, ids=np.arange(3))  # the second one is of a mask that there isn't
    assert np.load(tmp_path / "rows.npz")["ids"].tolist() == [0, 1, 2]


def test_exporters_are_found_with_their_options() -> None:
    modules = {m.__name__.rsplit(".")[-1]: m for m in (datatrove, jsonl, megatron, mosaic, olmo, parquet)}
    assert modules.items() <= exporters().items()
    assert not {"documents", "found", "__init__"} & exporters().keys()
    assert options_of(megatron) == ("pieces", "whole_rows")
    assert options_of(jsonl) == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("megatrn", "no format is called 'megatrn'; did you mean 'megatron'?"),
        ("documents", "no format is called 'documents'; there are datatrove, jsonl, megatron, mosaic, olmo, "),
        ("nowhere.tar", "there is no module 'nowhere' for format 'nowhere.tar'"),
        ("json.decoder", "json.decoder is no exporter: it has no function `export`"),
        ("ownformats.short", "`export` is called with (index_path, phases, target) and options: too many positional"),
    ],
)
@pytest.mark.usefixtures("ownformats")
def test_an_exporter_that_is_not_there_is_named(name: str, said: str) -> None:
    with pytest.raises(LookupError, match=re.escape(said)):
        exporter(name)


def test_pieces_are_one_of_three(run: tuple[str, list[Sequences]], tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="pieces 'whole': they are join, end, keep"):
        datatrove.export(run[0], "base", str(tmp_path / "data"), pieces="whole")
    assert list(tmp_path.glob("data*")) == []
