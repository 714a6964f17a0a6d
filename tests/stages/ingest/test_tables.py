"""Tables of every format give the same documents, piece by piece, and broken rows are counted."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from winnow.formats.containers.records import read_records, record_splits
from winnow.formats.splits import Split
from winnow.stages.ingest.tables import Settings

ROWS = [{"body": f"text {index}\nsecond line", "name": f"n{index}", "size": str(index)} for index in range(50)]
COLUMNS = {"text": "body", "title": "name"}


def lines(rows: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    table = pa.Table.from_pylist(rows)
    name = path.name
    if name.endswith(".parquet"):
        pq.write_table(table, path, row_group_size=7)
    elif name.endswith(".arrow"):
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=9)
    elif name.endswith(".ipc"):
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    elif name.endswith((".csv", ".tsv")):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="," if name.endswith("csv") else "\t")
            writer.writeheader()
            writer.writerows(rows)
    elif name.endswith(".json"):
        path.write_text(json.dumps(rows), encoding="utf-8")
    else:
        packers: dict[str, Callable[[bytes], bytes]] = {
            "gz": gzip.compress,
            "zst": zstandard.compress,
            "bz2": bz2.compress,
            "jsonl": bytes,
        }
        path.write_bytes(packers[name.rpartition(".")[2]](lines(rows)))
    return path


@pytest.mark.parametrize(
    "name",
    [
        "a.parquet",
        "a.arrow",
        "a.ipc",
        "a.csv",
        "a.tsv",
        "a.json",
        "a.jsonl",
        "a.jsonl.gz",
        "a.jsonl.zst",
        "a.jsonl.bz2",
    ],
)
def test_every_format_gives_the_same_documents(tmp_path: Path, ingest: Any, name: str) -> None:
    path = write(tmp_path / name, ROWS)
    documents, rejections = ingest("tables", path, columns=COLUMNS, metadata=["size"], split_bytes=200)
    assert rejections == []
    assert [(row["text"], row["title"], json.loads(row["metadata"])) for row in documents] == [
        (row["body"], row["name"], {"size": row["size"]}) for row in ROWS
    ]
    assert len({row["id"] for row in documents}) == len(ROWS)


@pytest.mark.parametrize("split_bytes", [1, 17, 100, 1000, 10**6])
def test_byte_ranges_give_each_line_once_wherever_they_cut(tmp_path: Path, split_bytes: int) -> None:
    path = write(tmp_path / "a.jsonl", [{"text": "x" * (index % 23), "n": str(index)} for index in range(60)])
    told: list[object] = []
    found = [
        record["n"]
        for split in record_splits(str(path), split_bytes)
        for _, record in read_records(split, lambda *reason: told.append(reason))
    ]
    assert found == [str(index) for index in range(60)]
    assert told == []


def test_parquet_pieces_follow_row_groups(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", ROWS)
    pieces = record_splits(str(path), 1)
    assert [(piece.start, piece.stop) for piece in pieces] == [(index, index + 1) for index in range(8)]
    places = [place for piece in pieces for place, _ in read_records(piece, print)]
    assert places == [f"row {index}" for index in range(50)]


def test_broken_rows_are_counted_and_the_rest_read(tmp_path: Path, ingest: Any) -> None:
    content = b'{"body": "one"}\nnot json\n[1, 2]\n\n{"body": 7}\n{"other": "x"}\n{"body": "two"}\n{"body": "  "}\n{"b'
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    documents, rejections = ingest("tables", path, columns={"text": "body"})
    assert [row["text"] for row in documents] == ["one", "two"]
    assert [(row["rule"], row["locator"].rpartition("#")[2]) for row in rejections] == [
        ("tables.json", "byte 16"),
        ("tables.json", "byte 25"),
        ("tables.column", "byte 33"),
        ("tables.column", "byte 45"),
        ("tables.empty", "byte 76"),
        ("tables.json", "byte 91"),
    ]


def test_csv_row_with_the_wrong_number_of_cells_is_a_rejection(tmp_path: Path, ingest: Any) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufefftext,n\n"a, quoted\nline",1\nonly one\nb,2,3\nc,4\n', encoding="utf-8")
    documents, rejections = ingest("tables", path)
    assert [row["text"] for row in documents] == ["a, quoted\nline", "c"]
    assert [row["value"] for row in rejections] == ["1, the header has 2", "3, the header has 2"]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.jsonl.gz", "a.jsonl.zst", "a.csv", "a.json"])
def test_file_that_is_not_what_its_name_says_is_one_rejection(tmp_path: Path, ingest: Any, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(bytes(range(256)) * 4)
    documents, rejections = ingest("tables", path)
    assert documents == []
    assert rejections


def test_compressed_lines_cut_short_keep_what_was_whole(tmp_path: Path, ingest: Any) -> None:
    rows = [{"text": f"{index} " + "word " * 400} for index in range(400)]
    whole = gzip.compress(lines(rows), compresslevel=1)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    documents, rejections = ingest("tables", path)
    assert 0 < len(documents) < 400
    assert [row["text"] for row in documents] == [row["text"] for row in rows[: len(documents)]]
    assert rejections[-1]["rule"] == "tables.truncated"


def test_paths_and_templates_reach_nested_columns(tmp_path: Path, ingest: Any) -> None:
    row = {"q": "why?", "a": {"best": ["because", "no"]}, "meta.url": "u", "n": 3, "when": None}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row))
    columns = {"text": "{q}\n\n{a.best.0} ({n})", "url": "meta.url", "date": "when", "title": "absent"}
    documents, _ = ingest("tables", path, columns=columns)
    assert documents[0]["text"] == "why?\n\nbecause (3)"
    assert (documents[0]["url"], documents[0]["date"], documents[0]["title"]) == ("u", None, None)


def test_dates_are_iso_8601_and_metadata_is_json_of_any_reader(tmp_path: Path, ingest: Any) -> None:
    row = {
        "text": "flour",
        "when": datetime(2024, 5, 1, 10, 30, tzinfo=UTC),
        "day": date(2024, 5, 1),
        "price": Decimal("1.20"),
        "share": float("nan"),
        "raw": b"rye",
        "nested": {"best": [float("inf")], "at": datetime(2024, 5, 1)},
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist([row, row]), path)
    names = ["day", "price", "share", "raw", "nested"]
    columns = {"text": "text", "date": "when", "title": "{text} of {day}"}
    [document, _], rejections = ingest("tables", path, columns=columns, metadata=names)
    assert rejections == []
    assert (document["date"], document["title"]) == ("2024-05-01T10:30:00+00:00", "flour of 2024-05-01")
    assert json.loads(document["metadata"], parse_constant=pytest.fail) == {
        "day": "2024-05-01",
        "price": "1.20",
        "share": "nan",
        "raw": "rye",
        "nested": {"best": ["inf"], "at": "2024-05-01T00:00:00"},
    }


def test_what_is_nested_too_deep_is_a_rejection_where_it_is_kept(tmp_path: Path, ingest: Any) -> None:
    path = tmp_path / "a.jsonl"
    deep = "[" * 1000 + "]" * 1000
    path.write_text(f'{{"text": "one", "deep": {deep}}}\n{{"text": "two", "deep": []}}')
    for options in ({"metadata": ["deep"]}, {"columns": {"text": "{text} {deep}"}}):
        documents, [rejection] = ingest("tables", path, **options)
        assert [row["text"].removesuffix(" []") for row in documents] == ["two"]
        assert rejection["rule"] == "tables.column"
    documents, rejections = ingest("tables", path)
    assert (len(documents), rejections) == (2, [])


def test_conversations_in_a_table_are_held_to_the_schema(tmp_path: Path, ingest: Any) -> None:
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<think>Well.</think>Hello"}]
    rows = [
        {"text": "list", "talk": talk},
        {"text": "object", "talk": {"messages": talk, "tools": []}},
        {"text": "json", "talk": json.dumps(talk)},
        {"text": "none", "talk": None},
        {"text": "unfit", "talk": [{"role": "narrator", "content": "Once"}]},
        {"text": "words", "talk": "Hi"},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    documents, rejections = ingest("tables", path, columns={"text": "text", "messages": "talk"})
    assert [row["text"] for row in documents] == ["list", "object", "json", "none"]
    stored = [row["messages"] and json.loads(row["messages"]) for row in documents]
    fitted = [talk[0], {"role": "assistant", "content": "Hello", "reasoning": "Well."}]
    assert stored == [*[{"messages": fitted, "tools": []}] * 3, None]
    assert [row["value"][:18] for row in rejections] == ["messages[0].role: ", "messages: not JSON"]


def test_mapping_to_a_column_that_documents_have_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="txt"):
        Settings(columns={"txt": "body"})
    with pytest.raises(ValidationError, match="no column for the text"):
        Settings(columns={"title": "name"})


def test_gold_rows_all_arrive(corpora: Path, ingest: Any, gold: Any) -> None:
    documents, rejections = ingest(
        "tables",
        corpora / "long" / "zh_laws.jsonl.zst",
        columns={"text": "text", "license": "license", "language": "lang", "path": "path"},
    )
    assert [row["text"] for row in documents] == [row["text"] for row in gold("long/zh_laws")]
    assert rejections == []
    assert {row["language"] for row in documents} == {"zh"}


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400), name=st.sampled_from(["a.jsonl", "a.csv", "a.json", "a.parquet", "a.arrow"]))
def test_any_bytes_end_in_records_or_rejections(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for split in record_splits(str(path), 100) or [Split(str(path))]:
        for _ in read_records(split, lambda *_: None):
            pass


cells = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "0", "a.b"]), inner),
    max_leaves=8,
)
rows = st.lists(st.dictionaries(st.sampled_from(["text", "a", "a.b", "messages"]), cells), max_size=4)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, text=st.sampled_from(["text", "a.b", "a.0", "{a} {text}"]))
def test_any_row_is_a_document_or_a_rejection_however_it_is_mapped(
    tmp_path: Path, ingest: Any, rows: list[dict[str, Any]], text: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    columns = {"text": text, "title": "a", "date": "a.b", "messages": "messages"}
    documents, rejections = ingest("tables", path, columns=columns, metadata=["a", "text"])
    assert len(documents) + len(rejections) == len(rows)
    for row in documents:
        json.loads(row["metadata"], parse_constant=pytest.fail)


@pytest.mark.parametrize("charset", ["gbk", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_tables_are_read_in_any_charset_and_each_record_once(
    form: str, charset: str, tmp_path: Path, ingest: Any
) -> None:
    said = "春天的河水漫过了低处的草地，村里的人们把牛羊赶到山坡上。"
    rows = [f"{number}{said}" for number in range(40)]
    lines = ["text,n", *(f"{row},1" for row in rows)] if form == "csv" else [f'{{"text": "{row}"}}' for row in rows]
    (tmp_path / f"table.{form}").write_bytes("\n".join(lines).encode(charset))
    documents, rejections = ingest("tables", tmp_path / f"table.{form}", split_bytes=500)
    assert [row["text"] for row in documents] == rows
    assert not rejections


def test_a_table_of_a_charset_that_can_not_be_told_is_a_rejection_and_an_option_reads_it(
    tmp_path: Path, ingest: Any
) -> None:
    (tmp_path / "table.csv").write_bytes("text\n水车\n".encode("gbk"))
    documents, rejections = ingest("tables", tmp_path / "table.csv")
    assert documents or [row["rule"] for row in rejections] == ["tables.encoding"]
    documents, _ = ingest("tables", tmp_path / "table.csv", charset="gbk")
    assert [row["text"] for row in documents] == ["水车"]


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "utf-16"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_text_can_hold_a_document_a_line(
    tmp_path: Path, ingest: Any, charset: str, pack: Callable[[bytes], bytes], ends: str
) -> None:
    lines = [f"第{number}篇文章：磨坊的轮子在水里转动，面粉从石头之间流出来。" for number in range(40)]
    path = tmp_path / ("works.txt.gz" if pack is gzip.compress else "works.txt")
    path.write_bytes(pack(f"{ends}{ends}".join(lines).encode(charset)))
    found = ingest("tables", path, split_bytes=500, given={"language": "zh"})
    assert [row["text"] for row in found.documents] == lines and found.rejections == []
    assert {row["language"] for row in found.documents} == {"zh"}
