"""Web archives, pages in folders and archives, Common Crawl indexes: every record is a document or a rejection."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import brotli
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.formats.containers.warc import Fault, Record, records
from winnow.stages.ingest import web
from winnow.stages.ingest.source import Builder

PARAGRAPH = "The river was low that summer, and the mill stood still for weeks, so the baker bought his flour in town. "
PAGE = f"<html><head><title>The mill</title></head><body><article><p>{PARAGRAPH * 5}</p></article></body></html>"
HOW = web.Settings(engine="resiliparse")


def ingest(path: str | Path, how: web.Settings = HOW) -> tuple[list[dict], Counter[str]]:
    """The documents of all splits of a path, and how often each rule rejected."""
    tables: list[pa.Table] = []
    builder = Builder("crawl", "web", tables.append, root=f"{Path(path).parent}/")
    for split in web.splits(str(path), how):
        web.read(split, how, builder)
    builder.flush()
    documents = [row for table in tables for row in table.to_pylist()]
    assert builder.rejection_table().num_rows == len(builder.rejections)
    return documents, Counter(str(rejection["rule"]) for rejection in builder.rejections)


def warc_record(body: bytes, *, kind: str = "response", url: str = "http://mill.example/", extra: str = "") -> bytes:
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-05-01T10:00:00Z\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def http(body: bytes, headers: str = "Content-Type: text/html\r\n", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}\r\n".encode() + body


def beginnings(content: bytes) -> list[int]:
    """Where records begin in a plain WARC: an oracle that only believes `WARC/` after a blank line."""
    return [found.start() for found in re.finditer(rb"(?:\A|(?<=\n\r\n)|(?<=\n\n))WARC/1\.\d\r?\n", content)]


def member_offsets(content: bytes) -> list[int]:
    offsets = []
    at = 0
    while at < len(content):
        offsets.append(at)
        inflater = zlib.decompressobj(31)
        inflater.decompress(content[at:])
        at = len(content) - len(inflater.unused_data)
    return offsets


SOUND = (
    "dolma/sample-0000.warc.gz",
    "aut/example.docs.warc.gz",
    "gowarc/good.warc.gz.open",
    "ipwb/5mementosAndFroggie.warc",
    "ipwb/baconIpsum_chunked.warc",
    "webarchive-commons/IAH-urls-wget.warc",
    "webarchive-commons/IAH-urls-wget.warc.gz",
    "whirlwind/whirlwind.warc.gz",
    "whirlwind/whirlwind.warc.wet.gz",
    "whirlwind/whirlwind.warc.wat.gz",
    "warcio/example-wrong-chunks.warc.gz",
    "jwarc/gzip_extra_sl.warc.gz",
)


@pytest.mark.parametrize("name", SOUND)
def test_every_record_of_a_sound_archive_is_a_document_or_a_rejection(corpora: Path, name: str) -> None:
    content = (corpora / "warc" / name).read_bytes()
    plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    documents, rejected = ingest(corpora / "warc" / name)
    assert len(documents) + rejected.total() == len(beginnings(plain))
    assert not {"web.corrupt", "web.truncated", "web.length"} & set(rejected)


def test_damaged_archives_give_what_can_be_read_and_a_reason_for_the_rest(corpora: Path) -> None:
    expected = {
        "gowarc/corrupted-mid-record.warc.gz.open": (12, ["corrupt"]),
        "gowarc/corrupted-trailing-bytes.warc.gz.open": (30, ["corrupt"]),
        "ipwb/HTTP204.warc": (1, ["length", "length"]),
        "ipwb/broken.warc": (5, ["length"]),
        "ipwb/redirect.warc": (1, ["truncated"]),
        "warcio/example-trunc.warc": (3, ["length"]),
        "warcio/bad.arc": (1, ["length", "length", "length"]),
        "warcio/example-space-in-url.arc": (1, ["truncated"]),
        "warcio/example.arc.gz": (2, []),
    }
    for name, (count, faults) in expected.items():
        found = read_all((corpora / "warc" / name).read_bytes())
        assert (sum(isinstance(one, Record) for one in found), faults) == (
            count,
            [one.rule for one in found if isinstance(one, Fault)],
        ), name


def read_all(content: bytes, start: int = 0, stop: int = -1) -> list[Record | Fault]:
    return list(records(io.BytesIO(content), start, stop))


@pytest.mark.parametrize("name", ["ipwb/5mementos.warc", "whirlwind/whirlwind.warc.wet", "warcio/example.warc.gz"])
def test_a_file_cut_at_any_byte_gives_each_begun_record_once(corpora: Path, name: str) -> None:
    content = (corpora / "warc" / name).read_bytes()
    packed = content.startswith(b"\x1f\x8b")
    starts = member_offsets(content) if packed else beginnings(content)
    whole = {one.place: one for one in read_all(content)}
    for cut in range(len(content) + 1):
        found = read_all(content[:cut])
        assert len(found) == sum(start < cut for start in starts), cut
        assert all(isinstance(one, Record) and one == whole[one.place] for one in found[:-1])
        if found and isinstance(found[-1], Record):
            assert found[-1] == whole[found[-1].place]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_split_size_gives_the_same_records(corpora: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(("warcio/example.warc.gz", "ipwb/4mementos.warc", "aut/example.txt.warc.gz")))
    content = (corpora / "warc" / name).read_bytes()
    step = data.draw(st.integers(1, len(content)))
    pieces = [one for at in range(0, len(content), step) for one in read_all(content, at, at + step)]
    assert pieces == read_all(content)


def test_splits_of_a_file_give_the_documents_of_the_whole(corpora: Path) -> None:
    path = corpora / "warc" / "dolma" / "sample-0001.warc.gz"
    assert ingest(path, HOW.model_copy(update={"split_bytes": 10_000})) == ingest(path)


def test_zstd_archives_with_and_without_a_dictionary_read_as_plain_ones(corpora: Path, tmp_path: Path) -> None:
    content = (corpora / "warc" / "ipwb" / "5mementosAndFroggie.warc").read_bytes()
    bounds = [*beginnings(content), len(content)]
    pieces = [content[start:stop] for start, stop in itertools.pairwise(bounds)]
    expected = [one.content for one in read_all(content) if isinstance(one, Record)]
    plain = b"".join(zstandard.ZstdCompressor().compress(piece) for piece in pieces)
    dictionary = zstandard.train_dictionary(4096, pieces * 20)
    packer = zstandard.ZstdCompressor(dict_data=dictionary)
    skippable = b"\x5d\x2a\x4d\x18" + len(dictionary.as_bytes()).to_bytes(4, "little") + dictionary.as_bytes()
    for packed in (plain, skippable + b"".join(packer.compress(piece) for piece in pieces)):
        found = read_all(packed)
        assert [one.content for one in found if isinstance(one, Record)] == expected
        middle = len(packed) // 2
        assert read_all(packed, 0, middle) + read_all(packed, middle) == found


def test_a_corrupt_member_costs_only_itself(tmp_path: Path) -> None:
    members = [gzip.compress(warc_record(http(PAGE.encode()), url=f"http://mill.example/{n}")) for n in range(5)]
    broken = bytearray(members[2])
    broken[len(broken) // 2] ^= 0xFF
    members[2] = bytes(broken)
    (tmp_path / "one.warc.gz").write_bytes(b"".join(members))
    documents, rejected = ingest(tmp_path / "one.warc.gz")
    assert [document["url"][-1] for document in documents] == list("0134")
    assert rejected == {"web.corrupt": 1}


def test_what_is_no_page_is_rejected_with_the_reason(tmp_path: Path) -> None:
    cases = {
        "web.status": warc_record(http(PAGE.encode(), status="404 Not Found")),
        "web.mime": warc_record(http(b"%PDF-1.7", "Content-Type: application/pdf\r\n")),
        "web.mislabelled": warc_record(http(b"%PDF-1.7 <html>")),
        "web.type": warc_record(b"GET / HTTP/1.1\r\n\r\n", kind="request"),
        "web.http": warc_record(b"HTTP/nonsense"),
        "web.empty": warc_record(http(b"<html><body></body></html>")),
        "web.truncated": warc_record(http(PAGE.encode()), extra="WARC-Truncated: length\r\n"),
        "web.size": warc_record(http(b"<p>" + b"a" * 3000)),
    }
    (tmp_path / "cases.warc").write_bytes(b"".join(cases.values()))
    documents, rejected = ingest(tmp_path / "cases.warc", HOW.model_copy(update={"page_bytes": 2000}))
    assert not documents
    assert rejected == dict.fromkeys(cases, 1)


def chunked(body: bytes, size: int = 100) -> bytes:
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def encodings() -> Iterator[tuple[str, bytes]]:
    body = PAGE.encode()
    html = "Content-Type: text/html\r\n"
    yield html, body
    yield f"{html}Transfer-Encoding: chunked\r\n", chunked(body)
    yield f"{html}Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", chunked(gzip.compress(body))
    yield f"{html}Content-Encoding: deflate\r\n", zlib.compress(body)
    yield f"{html}Content-Encoding: deflate\r\n", deflated(body)
    yield f"{html}Content-Encoding: br\r\n", brotli.compress(body)
    yield f"{html}Content-Encoding: zstd\r\n", zstandard.compress(body)
    yield f"{html}Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", body  # undone by the crawler, header kept
    yield f"{html}Content-Encoding: br\r\n", body


def test_transfer_and_content_encodings_are_undone(tmp_path: Path) -> None:
    (tmp_path / "one.warc").write_bytes(b"".join(warc_record(http(body, head)) for head, body in encodings()))
    documents, rejected = ingest(tmp_path / "one.warc")
    assert not rejected
    assert {document["text"] for document in documents} == {documents[0]["text"]}
    assert PARAGRAPH.strip() in documents[0]["text"]


def test_bombs_and_broken_encodings_are_rejections(tmp_path: Path) -> None:
    bomb = gzip.compress(b"<p>" + b"\0" * (64 << 20))
    cases = [
        http(bomb, "Content-Encoding: gzip\r\nContent-Type: text/html\r\n"),
        http(gzip.compress(bomb), "Content-Encoding: gzip, gzip\r\nContent-Type: text/html\r\n"),
        http(gzip.compress(PAGE.encode())[:-40], "Content-Encoding: gzip\r\nContent-Type: text/html\r\n"),
        http(b"ffffff\r\n<html>", "Transfer-Encoding: chunked\r\nContent-Type: text/html\r\n"),
        http(b"xx", "Content-Encoding: rot13\r\nContent-Type: text/html\r\n"),
    ]
    (tmp_path / "bombs.warc").write_bytes(b"".join(map(warc_record, cases)))
    documents, rejected = ingest(tmp_path / "bombs.warc")
    assert not documents
    assert rejected == {"web.size": 2, "web.truncated": 2, "web.encoding": 1}


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("gbk", "这条河那年夏天水位很低，磨坊停了好几个星期，面包师只好进城买面粉。"),
        ("big5", "這條河那年夏天水位很低，磨坊停了好幾個星期，麵包師只好進城買麵粉。"),
        ("shift_jis", "その夏は川の水位が低く、水車小屋は何週間も止まっていました。"),
        ("windows-1251", "Река в то лето обмелела, и мельница стояла несколько недель."),
        ("iso-8859-1", "L'été, la rivière était basse et le moulin resta arrêté des semaines."),
    ],
)
def test_the_http_header_names_the_charset(tmp_path: Path, charset: str, text: str) -> None:
    body = f"<html><body><article><p>{text * 5}</p></article></body></html>".encode(charset)
    record = warc_record(http(body, f"Content-Type: text/html; charset={charset}\r\n"))
    (tmp_path / "one.warc").write_bytes(record)
    documents, _ = ingest(tmp_path / "one.warc")
    assert text in documents[0]["text"]


def test_documents_keep_where_they_came_from(tmp_path: Path) -> None:
    first = warc_record(b"GET / HTTP/1.1\r\n\r\n", kind="request")
    (tmp_path / "crawl.warc").write_bytes(first + warc_record(http(PAGE.encode())))
    documents, _ = ingest(tmp_path / "crawl.warc")
    document = documents[0]
    assert document["locator"] == f"crawl.warc@{len(first)}"
    assert (document["url"], document["title"], document["date"]) == ("http://mill.example/", "The mill", "2024-05-01")
    assert json.loads(document["metadata"])["captured"] == "2024-05-01"


def test_pages_in_folders_tar_and_zip_files_are_members(tmp_path: Path) -> None:
    names = ["docs/index.html", "docs/deep/part.htm", "setup.py"]
    folder = tmp_path / "folder"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PAGE)
    with tarfile.open(tmp_path / "package-1.0.tar.gz", "w:gz") as archive:
        archive.add(folder, "package-1.0")
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for name in names:
            archive.write(folder / name, name)
    members = {name: [row["locator"] for row in ingest(tmp_path / name)[0]] for name in ("package.zip", "folder")}
    assert members["package.zip"] == ["package.zip!docs/index.html", "package.zip!docs/deep/part.htm"]
    assert members["folder"] == ["folder/docs/deep/part.htm", "folder/docs/index.html"]  # as if each were named
    packed, _ = ingest(tmp_path / "package-1.0.tar.gz")
    assert {row["path"] for row in packed} == {"package-1.0/docs/index.html", "package-1.0/docs/deep/part.htm"}
    lone, _ = ingest(folder / "docs" / "index.html")
    assert [row["locator"] for row in lone] == ["index.html"]


def test_an_index_fetches_only_the_selected_rows(tmp_path: Path) -> None:
    hosts = ["mill.example", "www.mill.example", "other.example"]
    members = [gzip.compress(warc_record(http(PAGE.encode()), url=f"http://{host}/")) for host in hosts]
    (tmp_path / "crawl.warc.gz").write_bytes(b"".join(members))
    rows = [
        {
            "url": f"http://{host}/",
            "filename": "crawl.warc.gz",
            "offset": sum(map(len, members[:n])),
            "length": len(members[n]),
            "status": 200,
            "mime": "text/html",
            "languages": "eng" if n else "deu,eng",
        }
        for n, host in enumerate(hosts)
    ]
    lines = (f"example,mill)/ 20240501 {json.dumps({k: str(v) for k, v in row.items()})}\n" for row in rows)
    (tmp_path / "index.cdxj").write_text("".join(lines))
    columns = {column: [row[name] for row in rows] for name, column in web_columns().items()}
    pq.write_table(pa.table(columns), tmp_path / "index.parquet")
    how = web.Settings(
        engine="resiliparse", base=str(tmp_path), select={"domains": ["mill.example"], "languages": ["eng"]}
    )
    for index in ("index.cdxj", "index.parquet"):
        documents, rejected = ingest(tmp_path / index, how)
        assert [document["url"] for document in documents] == ["http://www.mill.example/"]
        assert documents[0]["locator"] == f"crawl.warc.gz@{rows[1]['offset']}"
        assert not rejected
    (tmp_path / "warc.paths").write_text("crawl.warc.gz\n")
    assert len(ingest(tmp_path / "warc.paths", how)[0]) == 3


def test_an_index_that_breaks_off_gives_its_whole_lines_and_one_rejection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winnow.formats.containers.commoncrawl.ROWS", 7)
    member = gzip.compress(warc_record(http(PAGE.encode())))
    (tmp_path / "crawl.warc.gz").write_bytes(member)
    row = {"url": "http://mill.example/", "filename": "crawl.warc.gz", "offset": "0", "length": str(len(member))}
    lines = [json.dumps({**row, "status": "200", "mime": "text/html", "digest": f"{n**9:x}"}) for n in range(60)]
    lines[3], lines[5] = "{broken", json.dumps({"url": "http://mill.example/", "status": "200", "mime": "text/html"})
    packed = gzip.compress("".join(f"example,mill)/ 2024 {line}\n" for line in lines).encode())
    cut = packed[: len(packed) * 2 // 3]
    (tmp_path / "index.cdxj.gz").write_bytes(cut)
    whole = zlib.decompressobj(wbits=31).decompress(cut).count(b"\n")
    documents, rejected = ingest(tmp_path / "index.cdxj.gz", web.Settings(engine="resiliparse", base=str(tmp_path)))
    assert 30 < len(documents) == whole - 2
    assert rejected == {"web.index": 2, "web.truncated": 1}


def test_a_list_of_archives_that_breaks_off_is_refused_by_name(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(b"crawl-%d.warc.gz\n" % number for number in range(99)))
    (tmp_path / "warc.paths.gz").write_bytes(packed[:-20])
    with pytest.raises(ValueError, match=r"warc\.paths\.gz: truncated"):
        web.splits(str(tmp_path / "warc.paths.gz"), HOW)


def web_columns() -> dict[str, str]:
    return {
        "url": "url",
        "filename": "warc_filename",
        "offset": "warc_record_offset",
        "length": "warc_record_length",
        "mime": "content_mime_detected",
        "status": "fetch_status",
        "languages": "content_languages",
    }


@settings(max_examples=200)
@given(
    content=st.binary(max_size=400),
    prefix=st.sampled_from([b"", b"WARC/1.0\r\n", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"]),
)
def test_no_bytes_are_an_error(content: bytes, prefix: bytes) -> None:
    assert all(isinstance(one, Record | Fault) for one in read_all(prefix + content))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_archive_still_gives_records_and_faults(corpora: Path, tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(("warcio/example.warc", "warcio/example.warc.gz", "warcio/example.arc")))
    content = bytearray((corpora / "warc" / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path = tmp_path / name.rsplit("/", 1)[-1]
    path.write_bytes(bytes(content))
    documents, rejected = ingest(path)
    assert len(documents) + rejected.total() == len(read_all(bytes(content)))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("include", [web.PAGES, ("*.htm",)])
def test_names_of_pages_are_taken_in_any_case(include: tuple[str, ...], packed: bool, tmp_path: Path) -> None:
    names = ["Page.HtM", "PAGE.HTM", "page.htm", "Folder/Other.Htm"]
    if packed:
        with zipfile.ZipFile(tmp_path / "site.zip", "w") as archive:
            for number, name in enumerate(names):
                archive.writestr(name, PAGE.replace("The river", f"In {number} the river"))
    else:
        for number, name in enumerate(names):
            (tmp_path / "site" / str(number) / name).parent.mkdir(parents=True)
            (tmp_path / "site" / str(number) / name).write_text(PAGE.replace("The river", f"In {number} the river"))
    documents, rejected = ingest(tmp_path / ("site.zip" if packed else "site"), web.Settings(include=include))
    assert len(documents) == len(names) and not rejected
