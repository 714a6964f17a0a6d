"""Indexes of Common Crawl and of other archives, and tables of pages, as their makers write them."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.stages.ingest import web
from winnow.stages.ingest.source import Builder

HOSTS = ("mill.example", "www.mill.example", "other.example")
PAGE = f"<html><head><title>Mill</title></head><body><article><p>{'The mill stood still. ' * 20}</p></article></body></html>"


def ingest(path: Path, **how: Any) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The documents of all splits of a path, and how often each rule rejected."""
    tables: list[pa.Table] = []
    builder = Builder("crawl", "web", tables.append, root=f"{path.parent}/")
    settings = web.Settings(engine="resiliparse", base=str(path.parent), **how)
    for split in web.splits(str(path), settings):
        web.read(split, settings, builder)
    builder.flush()
    documents = [row for table in tables for row in table.to_pylist()]
    return documents, Counter(str(rejection["rule"]) for rejection in builder.rejections)


def record(host: str, content: str = PAGE, kind: str = "response", mime: str = "application/http") -> bytes:
    body = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{content}" if kind == "response" else content
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://{host}/\r\nContent-Type: {mime}\r\n"
    return f"{head}Content-Length: {len(body.encode())}\r\n\r\n{body}\r\n\r\n".encode()


@pytest.fixture
def captures(tmp_path: Path) -> list[dict[str, Any]]:
    """An archive of one page of each host, and its rows as an index has them."""
    members = [gzip.compress(record(host)) for host in HOSTS]
    (tmp_path / "crawl.warc.gz").write_bytes(b"".join(members))
    offsets = [sum(map(len, members[:number])) for number in range(len(members))]
    return [
        {"url": f"http://{host}/", "offset": offset, "length": len(member), "filename": "crawl.warc.gz"}
        for host, offset, member in zip(HOSTS, offsets, members, strict=True)
    ]


CDX = {  # (first line, a line): as wget, pywb and the Internet Archive write them
    "eleven columns": (
        " CDX N b a m s k r M S V g\n",
        "example,mill)/ 20240501000000 {url} text/html 200 ABC - - {length} {offset} {filename}\n",
    ),
    "nine columns": (
        " CDX N b a m s k r V g\n",
        "example,mill)/ 20240501000000 {url} text/html - ABC - {offset} {filename}\n",
    ),
    "no first line": ("", "example,mill)/ 20240501000000 {url} text/html 200 ABC - - {length} {offset} {filename}\n"),
    "an order of its own": (" CDX g V a u\n", "{filename} {offset} {url} <urn:uuid:1>\n"),
}


@pytest.mark.parametrize("form", CDX)
def test_cdx_files_name_their_columns_or_keep_to_the_custom(
    tmp_path: Path, captures: list[dict[str, Any]], form: str
) -> None:
    first, line = CDX[form]
    (tmp_path / "index.cdx").write_text(first + "".join(line.format(**capture) for capture in captures))
    documents, rejected = ingest(tmp_path / "index.cdx", select={"domains": ["Mill.example"]})
    assert [document["url"] for document in documents] == ["http://mill.example/", "http://www.mill.example/"]
    assert not rejected


def test_rows_of_an_index_that_lead_nowhere_are_rejections(tmp_path: Path, captures: list[dict[str, Any]]) -> None:
    lines = [
        "0 gone.warc.gz",
        "999999 crawl.warc.gz",
        "-5 crawl.warc.gz",
        "x crawl.warc.gz",
        "one two three",
        "0 crawl.warc.gz",
    ]
    (tmp_path / "index.cdx").write_text(" CDX V g\n" + "".join(f"{line}\n" for line in lines))
    documents, rejected = ingest(tmp_path / "index.cdx")
    assert len(documents) == 1
    assert rejected == {"web.missing": 1, "web.truncated": 1, "web.index": 3}


def test_lists_of_indexes_lead_to_common_crawls_own_names(tmp_path: Path, captures: list[dict[str, Any]]) -> None:
    rows = ({**capture, "mime": "unk", "mime-detected": "text/html", "status": "200"} for capture in captures)
    lines = (f"example,mill)/ 20240501000000 {json.dumps(row)}\n" for row in rows)
    (tmp_path / "cdx-00000.gz").write_bytes(b"".join(gzip.compress(line.encode()) for line in lines))
    (tmp_path / "cc-index.paths").write_text("cdx-00000.gz\ncluster.idx\n")
    assert len(ingest(tmp_path / "cc-index.paths")[0]) == 3


def columnar(captures: list[dict[str, Any]], **more: pa.Array) -> pa.Table:
    """Rows under the schema of Common Crawl's columnar index."""
    count = len(captures)
    missing = pa.nulls(count, pa.string())
    return pa.table(
        {
            "url_surtkey": missing,
            "url": [capture["url"] for capture in captures],
            "url_host_registered_domain": ["mill.example", "mill.example", "other.example"],
            "fetch_time": pa.array([1_714_550_400_000] * count, pa.timestamp("ms")),
            "content_mime_type": missing,
            "content_mime_detected": ["text/html"] * count,
            "warc_filename": [capture["filename"] for capture in captures],
            "warc_record_offset": pa.array([capture["offset"] for capture in captures], pa.int32()),
            "warc_record_length": pa.array([capture["length"] for capture in captures], pa.int32()),
            **more,
        }
    )


@pytest.mark.parametrize(
    ("select", "hosts"),
    [
        ({"languages": ["zho"]}, HOSTS[1:2]),
        ({"languages": ["zh", "en"]}, HOSTS[:2]),
        ({"domains": ["example"], "statuses": []}, HOSTS),
        ({"statuses": [404]}, ()),
        ({"mimes": ["application/pdf"]}, ()),
    ],
)
def test_the_columnar_index_is_selected_by_language_domain_status_and_type(
    tmp_path: Path, captures: list[dict[str, Any]], select: Mapping[str, Any], hosts: tuple[str, ...]
) -> None:
    more = {"fetch_status": pa.array([200] * 3, pa.int16()), "content_languages": pa.array(["eng", "zho,eng", None])}
    pq.write_table(columnar(captures, **more), tmp_path / "part.gz.parquet")
    documents, _ = ingest(tmp_path / "part.gz.parquet", select=select)
    assert [document["url"] for document in documents] == [f"http://{host}/" for host in hosts]


def test_an_index_older_than_some_columns_is_read_without_them(tmp_path: Path, captures: list[dict[str, Any]]) -> None:
    pq.write_table(columnar(captures), tmp_path / "old.parquet")
    assert len(ingest(tmp_path / "old.parquet")[0]) == 3


def test_tables_hold_a_page_a_row_as_text_or_as_bytes(tmp_path: Path) -> None:
    chinese = PAGE.replace("The mill stood still. ", "磨坊停了好几个星期，面包师只好进城买面粉。")
    pages = [chinese.encode("gb18030"), None, b"%PDF-1.4", b""]
    sites = [{"url": f"http://{number}/"} for number in range(len(pages))]
    pq.write_table(pa.table({"content": pages, "site": sites}), tmp_path / "pages.parquet")
    columns = {"html": "content", "url": "site.url"}
    documents, rejected = ingest(tmp_path / "pages.parquet", columns=columns)
    assert [(row["url"], row["locator"], row["title"]) for row in documents] == [
        ("http://0/", "pages.parquet#row 0", "Mill")
    ]
    assert "磨坊停了好几个星期，面包师只好进城买面粉。" in documents[0]["text"]
    assert rejected == {"web.column": 1, "web.mislabelled": 1, "web.empty": 1}
    lines = [json.dumps({"html": chinese, "url": "http://a/"}), "{broken", json.dumps({"text": "no page"})]
    (tmp_path / "pages.jsonl").write_text("\n".join(lines))
    documents, rejected = ingest(tmp_path / "pages.jsonl")
    assert [row["url"] for row in documents] == ["http://a/"]
    assert rejected == {"web.json": 1, "web.column": 1}
    assert ingest(tmp_path / "pages.jsonl", page_bytes=100)[1]["web.size"] == 1


def test_conversions_are_text_or_pages_by_their_type_and_nothing_else(tmp_path: Path) -> None:
    texts = {"text/plain": "The mill stood still.", "text/html": PAGE, "image/png": "\x89PNG", "application/json": "{}"}
    kinds = [record(f"{n}.example", text, "conversion", mime) for n, (mime, text) in enumerate(texts.items())]
    (tmp_path / "crawl.warc").write_bytes(
        kinds[0].replace(b"\r\n\r\nThe", b"\r\nWARC-Identified-Content-Language: zho,eng\r\n\r\nThe")
        + b"".join(kinds[1:])
    )
    documents, rejected = ingest(tmp_path / "crawl.warc")
    assert [document["language"] for document in documents] == ["zh", None]
    assert [document["text"].split("\n")[0][:21] for document in documents] == ["The mill stood still."] * 2
    assert rejected == {"web.mime": 2}


def test_a_page_in_utf_16_needs_no_byte_order_mark(tmp_path: Path) -> None:
    for charset in ("utf-16-le", "utf-16-be"):
        (tmp_path / "page.html").write_bytes(PAGE.encode(charset))
        documents, _ = ingest(tmp_path / "page.html")
        assert documents[0]["text"].startswith("The mill stood still.")
        assert json.loads(documents[0]["metadata"])["charset"] == charset
