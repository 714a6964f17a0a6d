"""Archives are walked whole, and hostile or broken members cost only themselves."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.formats.containers.archives import Limits, Member, member_splits, members, unpack
from winnow.formats.containers.inflate import Broken, Inflated

FILES = {"a.txt": b"alpha", "b/c.txt": "粉".encode(), "b/empty": b"", "z.bin": bytes(range(256)) * 40}
Told = list[tuple[str, str]]


def tar_bytes(files: dict[str, bytes], extra: Callable[[tarfile.TarFile], None] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        if extra:
            extra(archive)
    return buffer.getvalue()


def zip_bytes(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def walked(path: Path, **options: object) -> tuple[dict[str, bytes], Told]:
    told: Told = []
    found = members(str(path), reject=lambda name, rule, value: told.append((name, rule)), **options)  # type: ignore[arg-type]
    return {member.name: member.read() for member in found}, told


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.tar", lambda content: content),
        ("a.tar.gz", gzip.compress),
        ("a.tar.bz2", bz2.compress),
        ("a.tar.xz", lzma.compress),
        ("a.tar.zst", zstandard.compress),
        ("misnamed.bin", gzip.compress),
    ],
)
def test_tar_in_every_compression_gives_its_files(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / name
    path.write_bytes(pack(tar_bytes(FILES)))
    assert walked(path) == (FILES, [])


def test_zip_folder_and_lone_file_give_the_same_files(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_bytes(FILES))
    for name, content in FILES.items():
        target = tmp_path / "folder" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (tmp_path / "page.txt.gz").write_bytes(gzip.compress(b"one page"))
    assert walked(tmp_path / "a.zip") == (FILES, [])
    assert walked(tmp_path / "folder") == (FILES, [])
    assert walked(tmp_path / "page.txt.gz") == ({"page.txt": b"one page"}, [])
    assert walked(tmp_path / "folder" / "a.txt") == ({"a.txt": b"alpha"}, [])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
@pytest.mark.parametrize("lost", [1, 7, 300])
def test_stream_that_was_cut_is_never_taken_for_one_that_ended(pack: Callable[[bytes], bytes], lost: int) -> None:
    packed = pack(random.Random(5).randbytes(5000))
    with pytest.raises(Broken) as broken:
        stream = Inflated(io.BytesIO(packed[:-lost]), Limits())
        while stream.read(1000):
            pass
    assert broken.value.rule == "truncated"


def test_patterns_choose_members_and_cross_folders(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes(FILES))
    assert set(walked(path, include=("*.txt",))[0]) == {"a.txt", "b/c.txt"}


def test_hostile_tar_members_are_named_and_the_rest_kept(tmp_path: Path) -> None:
    def add(archive: tarfile.TarFile) -> None:
        for name, kind, target in (
            ("link", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard", tarfile.LNKTYPE, "a.txt"),
            ("device", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)

    hostile = dict.fromkeys(["/etc/shadow", "../up.txt", "a/../../b", "C:\\x", "new\nline", "./a.txt"], b"2")
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes({"a.txt": b"1", **hostile}, add))
    found, told = walked(path)
    assert found == {"a.txt": b"1"}
    assert [rule for _, rule in told] == [
        "absolute",
        "traversal",
        "traversal",
        "absolute",
        "name",
        "duplicate",
        "link",
        "link",
        "device",
        "device",
    ]


@pytest.mark.parametrize("name", ["", ".", "./."])
def test_a_member_without_a_name_costs_only_itself(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes({"a.txt": b"1", name: b"2"}))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", b"1")
        nameless = zipfile.ZipInfo("x")
        nameless.filename = name
        archive.writestr(nameless, b"2")
    for path in (tmp_path / "a.tar", tmp_path / "a.zip"):
        found, told = walked(path)
        assert found == {"a.txt": b"1"}
        assert [rule for _, rule in told] == ["name"]


def test_name_that_is_not_utf8_costs_only_the_member(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding="gbk") as archive:
        for name in ("你好.txt", "ok.txt"):
            archive.addfile(tarfile.TarInfo(name))
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    assert walked(tmp_path / "a.tar") == ({"ok.txt": b""}, [("\\udcc4\\udce3\\udcba\\udcc3.txt", "name")])

    packed = bytearray(zip_bytes({"xx.txt": b"bad", "ok.txt": b"good"}))
    while (place := packed.find(b"xx.txt")) >= 0:
        packed[place : place + 2] = b"\xff\xfe"
    for header, flags in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        packed[packed.find(header) + flags] |= 0x08  # a false "names are UTF-8"
    (tmp_path / "a.zip").write_bytes(packed)
    found, told = walked(tmp_path / "a.zip")
    assert found == {"ok.txt": b"good"}
    assert [rule for _, rule in told] == ["name"]


def test_zip_link_encryption_and_false_checksum_cost_only_the_member(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("false.txt", b"checksum" * 20)
        archive.writestr("locked.txt", b"secret")
        archive.writestr("ok.txt", b"fine")
    packed = bytearray(buffer.getvalue())
    packed[packed.find(b"checksumchecksum")] = ord("C")
    packed[packed.rfind(b"PK\x01\x02", 0, packed.rfind(b"locked.txt")) + 8] |= 1
    (tmp_path / "a.zip").write_bytes(packed)
    found, told = walked(tmp_path / "a.zip")
    assert found == {"ok.txt": b"fine"}
    assert told == [("link", "link"), ("false.txt", "corrupt"), ("locked.txt", "encrypted")]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_bomb_ends_the_archive_and_keeps_what_came_before(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "bomb.tar"
    path.write_bytes(pack(tar_bytes({"first.txt": b"kept", "zeros": bytes(30 << 20), "never.txt": b"unseen"})))
    limits = Limits(slack=1 << 20, ratio=20.0)
    found, told = walked(path, limits=limits)
    assert found == {"first.txt": b"kept"}
    assert told == [("bomb.tar", "bomb")]


def test_zip_bomb_large_member_and_too_many_members_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes({"first.txt": b"kept", "zeros": bytes(30 << 20)}))
    assert walked(path, limits=Limits(slack=1 << 20, ratio=20.0)) == ({"first.txt": b"kept"}, [("a.zip", "bomb")])
    assert walked(path, limits=Limits(member_bytes=1 << 20)) == ({"first.txt": b"kept"}, [("zeros", "size")])
    assert walked(path, limits=Limits(members=1)) == ({"first.txt": b"kept"}, [("a.zip", "members")])


def test_archive_cut_anywhere_gives_a_prefix_and_says_so(tmp_path: Path) -> None:
    whole = gzip.compress(tar_bytes(FILES))
    path = tmp_path / "cut.tar.gz"
    for stop in range(0, len(whole), 7):
        path.write_bytes(whole[:stop])
        found, told = walked(path)
        assert all(content == FILES.get(name, content) for name, content in found.items() if name in FILES)
        assert told or found == FILES or set(found) <= {"cut.tar", "cut.tar.gz"}


def test_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    content = bytearray(tar_bytes({"a.txt": b"1" * 512, "b.txt": b"2"}))
    content[1024 + 150] ^= 0xFF  # the checksum of the second header
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    assert walked(path) == ({"a.txt": b"1" * 512}, [("a.tar", "truncated")])


def test_splits_of_zip_and_folder_cover_every_member_once(tmp_path: Path) -> None:
    files = {f"{index:03}.txt": os.urandom(2000) for index in range(40)}
    (tmp_path / "a.zip").write_bytes(zip_bytes(files))
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for path in (tmp_path / "a.zip", folder):
        pieces = member_splits(str(path), 9000)
        assert len(pieces) == 10
        found = [walked(path, start=piece.start, stop=piece.stop)[0] for piece in pieces]
        assert sum(map(len, found)) == 40
        assert {name: content for part in found for name, content in part.items()} == files


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_survived(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([tar_bytes(FILES), gzip.compress(tar_bytes(FILES)), zip_bytes(FILES)]))
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    stop = data.draw(st.integers(0, len(content)))
    for member in unpack(io.BytesIO(bytes(content[:stop])), "x", limits=Limits(slack=1 << 20)):
        assert isinstance(member, Member) and member.size == len(member.read())


@settings(max_examples=100)
@given(st.binary(max_size=2000))
def test_any_bytes_are_an_archive_or_a_member(content: bytes) -> None:
    told: Told = []
    found = list(unpack(io.BytesIO(content), "x", reject=lambda name, rule, value: told.append((name, rule))))
    assert found or told


def test_other_stores_are_read_like_the_disk(ingest: Any) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/sources/paper.tar.gz", gzip.compress(tar_bytes(FILES)))
    store.pipe("/sources/rows.jsonl", b'{"text": "one"}\n{"text": "two"}\n')
    assert {member.name: member.read() for member in members("memory://sources/paper.tar.gz")} == FILES
    assert [member.name for member in members("memory://sources")] == ["paper.tar.gz", "rows.jsonl"]
    documents, rejections = ingest("tables", "memory://sources/rows.jsonl", split_bytes=5)
    assert ([row["text"] for row in documents], rejections) == (["one", "two"], [])
    works, _ = ingest("longform", "memory://sources/paper.tar.gz", least_characters=1)
    assert sorted(row["text"].strip() for row in works) == ["alpha", "粉"]


@pytest.mark.parametrize(
    "suffix, packed", [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("zst", zstandard.compress)]
)
@pytest.mark.parametrize("container", ["folder", "tar", "zip"])
def test_a_member_compressed_by_itself_is_read_by_its_inner_name(
    tmp_path: Path, container: str, suffix: str, packed: Callable[[bytes], bytes]
) -> None:
    files = {
        f"doc/notes.md.{suffix}": packed(FILES["a.txt"]),
        "doc/plain.md": FILES["b/c.txt"],
        f"doc/changes.{suffix}": b"?",
    }
    path = tmp_path / container
    if container == "folder":
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    else:
        path.write_bytes((tar_bytes if container == "tar" else zip_bytes)(files))
    assert walked(path, include=("*.md",)) == ({"doc/notes.md": FILES["a.txt"], "doc/plain.md": FILES["b/c.txt"]}, [])
    assert walked(path)[0] == files  # whoever asks for everything gets it as it stands


def test_a_packed_member_costs_only_itself(tmp_path: Path) -> None:
    files = {
        "a.md.gz": gzip.compress(b"alpha" * 1_000)[:-9],
        "b.md.gz": gzip.compress(bytes(80 << 20)),
        "c.md": b"plain",
        "c.md.gz": gzip.compress(b"packed"),
        "d.md.gz": gzip.compress(b"delta"),
    }
    (tmp_path / "a.zip").write_bytes(zip_bytes(files))
    kept, told = walked(tmp_path / "a.zip", include=("*.md",), limits=Limits(member_bytes=1 << 30))
    assert kept == {"c.md": b"plain", "d.md": b"delta"}
    assert told == [("a.md", "truncated"), ("b.md", "bomb"), ("c.md", "duplicate")]
