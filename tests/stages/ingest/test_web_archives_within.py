"""Crawl archives that lie in a folder, in a zip file or in a WACZ give what they give alone."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from pathlib import Path
from typing import Any

PAGE = "<html><body><article><h1>River {n}</h1><p>" + "The river is high today and the bridge is closed. " * 9 + "</p></article></body></html>"  # fmt: skip


def archive(first: int) -> bytes:
    packed = b""
    for n in (first, first + 1):
        body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE.format(n=n).encode()
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.ex/{n}\r\nContent-Length: {len(body)}\r\n\r\n"
        packed += gzip.compress(head.encode() + body + b"\r\n\r\n")
    return packed


def test_archives_are_read_wherever_they_lie(tmp_path: Path, ingest: Any) -> None:
    folder = tmp_path / "crawl"
    (folder / "archive").mkdir(parents=True)
    for number in (0, 2):
        (folder / "archive" / f"{number}.warc.gz").write_bytes(archive(number))
    expected = [f"http://a.ex/{n}" for n in range(4)]
    with zipfile.ZipFile(tmp_path / "crawl.wacz", "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("datapackage.json", "{}")
        packed.writestr("pages/pages.jsonl", "{}")
        for file in sorted(folder.rglob("*.gz")):
            packed.write(file, f"archive/{file.name}")
    with tarfile.open(tmp_path / "crawl.tar.xz", "w:xz") as bundle:
        bundle.add(folder, "crawl")
    for name in ("crawl", "crawl.wacz", "crawl.tar.xz"):
        documents, rejections = ingest("web", tmp_path / name, split_bytes=100)
        assert sorted(row["url"] for row in documents) == expected, name
        assert not rejections, name
    (folder / "page.html").write_text(PAGE.format(n=9))
    documents, rejections = ingest("web", folder)
    assert (len(documents), rejections) == (5, [])
