"""What lies in a folder is found by names and, where they say nothing, by the first bytes: Debian's documentation is such."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner

from winnow.formats.splits import Split
from winnow.pipeline.cli import cli
from winnow.pipeline.survey import NOT_PLACED, survey
from winnow.stages.ingest import longform
from winnow.stages.ingest.source import Builder

TEXT = "The daemon reads its configuration once, when it starts, and again whenever it is told to by a signal.\n" * 9
FILES = {
    "apt/README.md.gz": gzip.compress(f"# apt\n\n{TEXT}".encode()),
    "apt/copyright": TEXT.encode(),
    "apt/NEWS.Debian.gz": gzip.compress(TEXT.encode()),
    "bash/changelog.gz": gzip.compress(TEXT.encode("utf-16")),
    "bash/page.html.gz": gzip.compress(f"<html><body><p>{TEXT}</p></body></html>".encode()),
    "bash/logo.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)),
    "bash/blob": bytes(range(256)) * 8,
    "bash/once.sh": b"#!/bin/sh\necho once\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        target = tmp_path / "doc" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tmp_path / "doc"


def test_text_is_placed_by_its_bytes_and_packed_files_by_their_inner_names(folder: Path) -> None:
    found = survey([str(folder)])
    assert {find.kind: find.files for find in found.finds} == {"longform": 4, "web": 1}
    left = {names[0].removeprefix(f"{folder}/"): why for (_, why), names in found.unplaced.items()}
    assert left.pop("bash/once.sh").startswith("source code")
    assert left == {"bash/logo.png": NOT_PLACED, "bash/blob": NOT_PLACED}


def test_what_is_placed_is_read(folder: Path) -> None:
    texts = next(find for find in survey([str(folder)]).finds if find.kind == "longform")
    tables = []
    builder = Builder(source="prose", kind="longform", emit=tables.append)
    longform.read(Split(texts.paths[0]), longform.Settings(**texts.options), builder)
    builder.flush()
    read = {row["locator"].rpartition("/")[2]: row["text"] for table in tables for row in table.to_pylist()}
    assert set(read) == {"README.md", "copyright", "NEWS.Debian", "changelog"}
    assert all("again whenever it is told to by a signal." in text for text in read.values())
    assert not builder.rejections


def test_many_odd_names_are_told_in_one_line(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"picture.x{number:02d}").write_bytes(b"\x89PNG\0")
    (tmp_path / "notes.txt").write_text(TEXT)
    said = CliRunner().invoke(cli, ["init", str(tmp_path), "--out", str(tmp_path / "out")]).output
    lines = [line for line in said.splitlines() if line.startswith("not placed")]
    assert len(lines) == 1 and "28 of 28 other suffixes" in lines[0]


def test_a_few_examples_in_code_make_no_repository(folder: Path) -> None:
    (folder / "examples").mkdir()
    (folder / "examples" / "once.py").write_text("print('once')\n")
    for number in range(20):
        (folder / f"apt/page{number}.txt").write_text(TEXT)
    assert "repositories" not in {find.kind for find in survey([str(folder)]).finds}
    for number in range(20):
        (folder / "examples" / f"more{number}.py").write_text("print('more')\n")
    assert {find.kind: find.paths for find in survey([str(folder)]).finds}["repositories"] == (f"{folder}/examples",)
