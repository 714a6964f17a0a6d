"""Tables of pairs and Moses files of any size: however they are cut or packed, the same documents come out."""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.formats.translations import lines
from winnow.stages.ingest import bilingual

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
KINDS = [
    "The mill number {n} grinds flour.\t第{n}号磨坊磨面粉。",
    "The mill number {n} grinds flour.\t第{n}号磨坊磨面粉。\r",
    "Mill {n}\tMill {n}",
    "no pair {n}",
    "",
    "The mill number {n} grinds flour and the river turns its wheel all day and night.\t磨。",
    "x\u2028y {n}\t水在流{n}\tCC-BY",
]
ROWS = st.lists(st.sampled_from(KINDS), min_size=1, max_size=80).map(
    lambda kinds: [kind.format(n=n) for n, kind in enumerate(kinds)]
)
NUMBERS = itertools.count()


@pytest.fixture
def real_pairs(gold: Any) -> list[tuple[str, str]]:
    """Entries of Python's documentation, a line each."""
    entries = [entry for row in gold("zh_en/python_docs_po") for entry in row["entries"]]
    told = [entry for entry in entries if entry["en"] and entry["zh"] and not entry["fuzzy"]][:3000]
    return [(" ".join(entry["en"].split()), " ".join(entry["zh"].split())) for entry in told]


def cells(pairs: list[tuple[str, str]]) -> bytes:
    return "".join(f"{source}\t{target}\n" for source, target in pairs).encode()


def half(pairs: list[tuple[str, str]], side: int) -> bytes:
    return "".join(f"{pair[side]}\n" for pair in pairs).encode()


def pieces(path: Path, size: int) -> int:
    return len(bilingual.splits(str(path), bilingual.Settings(split_bytes=size)))


@pytest.mark.parametrize("size", [2_999, 20_000, 100_000])
def test_a_table_has_the_same_documents_however_it_is_cut(
    size: int, real_pairs: list[tuple[str, str]], tmp_path: Path, ingest: Any
) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(cells(real_pairs))
    whole = ingest("bilingual", path)
    kept = [json.loads(row["metadata"])["pairs"] for row in whole.documents]
    assert sum(kept) + len(whole.rejections) == len(real_pairs)
    assert max(kept) == 64
    assert pieces(path, 1 << 30) == 1
    assert pieces(path, size) == -(-path.stat().st_size // size)
    assert ingest("bilingual", path, split_bytes=size) == whole


@pytest.mark.parametrize("size", [2_999, 20_000, 100_000])
def test_moses_files_stay_aligned_however_they_are_cut(
    size: int, real_pairs: list[tuple[str, str]], tmp_path: Path, ingest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK", 4096)
    for side, language in enumerate(("en", "zh")):
        (tmp_path / f"docs.en-zh.{language}").write_bytes(half(real_pairs, side))
    (tmp_path / "pairs.tsv").write_bytes(cells(real_pairs))
    (tmp_path / "README.md").write_text("# Mill\n\n" + "It grinds flour. " * 20)
    whole = ingest("bilingual", tmp_path, monolingual=["en"], direction="forward")
    cut = ingest("bilingual", tmp_path, monolingual=["en"], direction="forward", split_bytes=size)
    assert cut == whole
    assert pieces(tmp_path, size) > (2 if size > 50_000 else 20)
    by_name: dict[str, list[str]] = {}
    for row in whole.documents:
        by_name.setdefault(row["title"], []).append(row["text"])
    assert by_name["docs.en-zh.en"] == by_name["pairs.tsv"]
    assert set(by_name) == {"docs.en-zh.en", "pairs.tsv", "Mill"}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(1, 200), st.integers(1, 9), st.booleans())
def test_any_table_gives_each_line_once(
    tmp_path: Path, ingest: Any, rows: list[str], size: int, pairs: int, ended: bool
) -> None:
    path = tmp_path / f"{next(NUMBERS)}.tsv"
    path.write_bytes(("\n".join(rows) + ("\n" if ended else "")).encode())
    whole = ingest("bilingual", path, pairs=pairs)
    assert ingest("bilingual", path, pairs=pairs, split_bytes=size) == whole
    kept = sum(json.loads(row["metadata"])["pairs"] for row in whole.documents)
    assert kept + len(whole.rejections) == sum(bool(row) for row in rows)


@pytest.mark.parametrize("packing", PACK)
def test_packed_tables_and_moses_files_are_one_piece_each(
    packing: str, real_pairs: list[tuple[str, str]], tmp_path: Path, ingest: Any
) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for folder in (plain, packed):
        folder.mkdir()
    for name, content in {
        "a.en": half(real_pairs, 0),
        "a.zh": half(real_pairs, 1),
        "b.tsv": cells(real_pairs[:500]),
        "c.txt": cells(real_pairs[500:900]),
    }.items():
        (plain / name).write_bytes(content)
        (packed / f"{name}{packing}").write_bytes(PACK[packing](content))
    expected, found = ingest("bilingual", plain), ingest("bilingual", packed, split_bytes=1)
    assert pieces(packed, 1) == 3
    assert sorted(row["locator"].rpartition("!")[2].replace(packing, "") for row in found.documents) == sorted(
        row["locator"].rpartition("!")[2] for row in expected.documents
    )
    assert len(found.rejections) == len(expected.rejections)
    lone = ingest("bilingual", packed / f"b.tsv{packing}", direction="forward")
    same = ingest("bilingual", plain / "b.tsv", direction="forward")
    assert [row["text"] for row in lone.documents] == [row["text"] for row in same.documents]


def test_a_table_that_breaks_off_keeps_the_pairs_before(
    real_pairs: list[tuple[str, str]], tmp_path: Path, ingest: Any
) -> None:
    path = tmp_path / "a.tsv.gz"
    content = gzip.compress(cells(real_pairs))
    path.write_bytes(content[: len(content) // 2])
    documents, rejections = ingest("bilingual", path)
    assert 0.3 < len(documents) * 64 / len(real_pairs) < 0.7
    assert [row["rule"] for row in rejections if row["rule"] != "bilingual.untranslated"][-1] == "bilingual.truncated"


@pytest.mark.parametrize("size", [50, 1 << 20])
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_halves_of_unequal_length_are_one_rejection_however_they_are_cut(
    size: int, packing: str, real_pairs: list[tuple[str, str]], tmp_path: Path, ingest: Any
) -> None:
    pack = PACK.get(packing, bytes)
    (tmp_path / f"a.en{packing}").write_bytes(pack(half(real_pairs[:100], 0) + b"\n\n"))
    (tmp_path / f"a.zh{packing}").write_bytes(pack(half(real_pairs[:99], 1)))
    documents, rejections = ingest("bilingual", tmp_path, split_bytes=size)
    assert documents == []
    assert [(row["rule"], row["value"]) for row in rejections] == [
        ("bilingual.lines", f"99, a.en{packing} has 100"),
    ]


def test_files_that_are_no_tables_are_told(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "latin.tsv").write_bytes("Müller\tMühle\n".encode("latin-1") * 9)
    (tmp_path / "empty.en").write_bytes(b"")
    (tmp_path / "empty.zh").write_text("一座磨坊。\n", encoding="utf-8")
    (tmp_path / "large.txt").write_text("A book without any table in it.\n" * 99)
    (tmp_path / "LICENSE.zh").write_text("许可\n", encoding="utf-8")
    (tmp_path / "both.en").write_text("One mill.\n")
    (tmp_path / "both.en.gz").write_bytes(gzip.compress(b"Two mills.\n"))
    (tmp_path / "both.zh").write_text("一座磨坊。\n", encoding="utf-8")
    documents, rejections = ingest("bilingual", tmp_path, split_bytes=300, monolingual=["en"])
    assert [row["title"] or row["text"][:6] for row in documents] == ["A book", "both.en"]
    assert sorted((row["locator"].rpartition("!")[2], row["rule"]) for row in rejections) == [
        ("LICENSE.zh", "bilingual.counterpart"),
        ("both.en.gz", "bilingual.counterpart"),
        ("empty.zh", "bilingual.lines"),
        ("latin.tsv", "bilingual.encoding"),
    ]


def test_one_half_alone_says_what_to_name(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "a.en").write_text("One mill.\n")
    (tmp_path / "a.zh").write_text("一座磨坊。\n", encoding="utf-8")
    documents, [rejection] = ingest("bilingual", tmp_path / "a.en")
    assert documents == []
    assert rejection["rule"] == "bilingual.counterpart"
    assert "name the folder that both lie in" in rejection["value"]


def test_a_line_that_is_not_utf_8_or_endless_costs_itself(
    tmp_path: Path, ingest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "RECORD_BYTES", 1000)
    sound = "One mill.\t一座磨坊。\n".encode()
    (tmp_path / "a.tsv").write_bytes(sound * 20 + b"\xff\xfe\tx\n" + b"y" * 5000 + b"\tz\n" + sound)
    documents, rejections = ingest("bilingual", tmp_path / "a.tsv")
    assert [json.loads(row["metadata"])["pairs"] for row in documents] == [21]
    assert [(row["rule"], row["locator"].rpartition("#")[2]) for row in rejections] == [
        ("bilingual.encoding", "21"),
        ("bilingual.size", "22"),
    ]


def test_a_folder_grants_its_licence_to_every_piece(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "PKG-INFO").write_text("Name: mill\nVersion: 1\nLicense: MIT\n")
    (tmp_path / "a.tsv").write_bytes("One mill.\t一座磨坊。\n".encode() * 400)
    found = ingest("bilingual", tmp_path, split_bytes=1000)
    assert pieces(tmp_path, 1000) > 5
    assert {row["license"] for row in found.documents} == {"MIT"}


def test_memories_are_cut_or_read_as_they_come(tmp_path: Path, ingest: Any) -> None:
    unit = '<tu><tuv xml:lang="en"><seg>Mill {n} grinds.</seg></tuv><tuv xml:lang="zh"><seg>第{n}座磨坊在磨面。</seg></tuv></tu>\n'
    memory = '<tmx version="1.4"><body>' + "".join(unit.format(n=n) for n in range(5_000)) + "</body></tmx>"
    (tmp_path / "m.tmx").write_text(memory, encoding="utf-8")
    (tmp_path / "n.tmx.gz").write_bytes(gzip.compress(memory.encode()))
    documents, rejections = ingest("bilingual", tmp_path)
    assert rejections == []
    assert pieces(tmp_path, 1 << 30) == 1
    assert [json.loads(row["metadata"])["pairs"] for row in documents] == [*[64] * 78, 8] * 2
    size = (tmp_path / "m.tmx").stat().st_size
    assert pieces(tmp_path, 50_000) == -(-size // 50_000) + 1, "the packed one is a piece"
    cut, rejections = ingest("bilingual", tmp_path, split_bytes=50_000)
    assert rejections == []
    assert sum(json.loads(row["metadata"])["pairs"] for row in cut) == 10_000
    assert {row["locator"].rpartition("#")[0] for row in cut} == {
        row["locator"].rpartition("#")[0] for row in documents
    }
    cut = gzip.compress(memory.encode())
    (tmp_path / "n.tmx.gz").write_bytes(cut[: len(cut) // 2])
    documents, rejections = ingest("bilingual", tmp_path / "n.tmx.gz")
    assert len(documents) > 20
    assert [row["rule"] for row in rejections] == ["bilingual.truncated"]


def test_halves_of_two_charsets_are_read_each_in_its_own(tmp_path: Path, ingest: Any) -> None:
    english = [
        f"The river is high today, and the bridge is closed, as it was {number} days ago." for number in range(30)
    ]
    chinese = [f"今天河水很高，桥已经关闭了，就像{number}天以前一样。" for number in range(30)]
    (tmp_path / "c.en").write_text("\n".join(english), "utf-8")
    (tmp_path / "c.zh").write_bytes("\n".join(chinese).encode("gbk"))
    documents, rejections = ingest("bilingual", tmp_path)
    assert not rejections
    assert all(line in documents[0]["text"] for line in (*english, *chinese))
