"""What lies in a folder is found by names and, where they say nothing, by the first bytes: Debian's documentation is such."""

from __future__ import annotations

import glob
import gzip
import importlib.util
import mailbox
from pathlib import Path

import pytest
from click.testing import CliRunner

from winnow.formats.splits import Split
from winnow.pipeline.cli import cli
from winnow.pipeline.drafting.draft import manifest_text
from winnow.pipeline.drafting.groups import NOT_PLACED, XML
from winnow.pipeline.drafting.naming import MOST_PATTERNS
from winnow.pipeline.drafting.survey import RARE, survey
from winnow.stages.ingest import bilingual, longform
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


def test_papers_among_packed_texts_are_named_by_their_own_folders(folder: Path) -> None:
    (folder / "make" / "papers").mkdir(parents=True)
    for name in ("guide.tex", "papers/one.tex"):
        (folder / "make" / name).write_text(r"\section{One} " + TEXT)
    papers = next(find for find in survey([str(folder)]).finds if find.kind == "mathematics")
    assert (papers.paths, papers.files) == ((f"{folder}/make",), 2)


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


def test_notebooks_and_markdown_with_chunks_are_text(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text('{"nbformat": 4, "cells": []}')
    (tmp_path / "b.Rmd").write_text(TEXT)
    (tmp_path / "c.qmd").write_text(TEXT)
    [found] = survey([str(tmp_path)]).finds
    assert (found.kind, found.options["include"], found.files) == ("longform", ["*.Rmd", "*.ipynb", "*.qmd"], 3)


def test_office_text_is_read_or_told_to_need_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letter.docx").write_bytes(b"PK\3\4")
    for installed in (True, False):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, known=installed: object() if known else None)
        found = survey([str(tmp_path)])
        assert [find.kind for find in found.finds] == (["longform"] if installed else [])
        told = {} if installed else {(".docx", "needs the extra: pip install winnow-corpora[pandoc]"): 1}
        assert {reason: len(names) for reason, names in found.unplaced.items()} == told


def test_catalogues_are_read_in_the_languages_that_they_name(tmp_path: Path) -> None:
    """Otherwise each would be asked for Chinese, and all of it lost."""
    header = 'msgid ""\nmsgstr "Language: {}\\n"\n"Language: {}\\n"\n\nmsgid "The mill stands."\nmsgstr "{}"\n'
    for language, said in (("de", "Die Mühle steht."), ("pt_BR", "O moinho está parado."), ("zh_CN", "磨坊停了。")):
        place = tmp_path / language / "LC_MESSAGES" / "mill.po"
        place.parent.mkdir(parents=True)
        place.write_text(header.format(language, language, said))
    memory = '<tmx version="1.4"><header srclang="en"/><body><tu><tuv xml:lang="en"><seg>The mill stands.</seg></tuv><tuv xml:lang="fr"><seg>Le moulin est là.</seg></tuv></tu></body></tmx>'
    (tmp_path / "mill.tmx").write_text(memory)
    found = survey([str(tmp_path)]).finds
    assert {find.options.get("target_language", "zh") for find in found} == {"de", "pt-br", "zh", "fr"}
    for find in found:
        builder = Builder(source="t", kind="bilingual", emit=lambda table: None)
        options = bilingual.Settings(**find.options)
        for path in find.paths:
            for name in glob.glob(path):
                for split in bilingual.splits(name, options):
                    bilingual.read(split, options, builder)
        assert (builder.documents, builder.rejections) == (1, [])


def test_what_has_two_names_is_read_once(tmp_path: Path) -> None:
    """Debian's documentation links folders' pages, and the cache of the Hub names its blobs by links."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "blobs" / "0a1b").write_text('{"text": "The mill stands."}\n')
    (tmp_path / "snapshots" / "train.jsonl").symlink_to("../blobs/0a1b")
    (tmp_path / "page.html").write_text(f"<p>{TEXT}</p>")
    (tmp_path / "index.html").symlink_to("page.html")
    found = survey([str(tmp_path)])
    assert {(find.kind, find.files) for find in found.finds} == {("tables", 1), ("web", 1)}
    assert [(suffix, len(names)) for (suffix, _), names in found.unplaced.items()] == [(".html", 1)]


def test_hundreds_of_rare_names_are_told_and_the_frequent_ones_read(tmp_path: Path) -> None:
    names = [f"NEWS.{number}-2" for number in range(10, 60)] + [f"odd{chr(97 + n)}x" for n in range(26)]
    names += [f"p{number}/README" for number in range(20)]
    for name in (*names, "one.txt", "two.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    found = survey([str(tmp_path)])
    asked = found.finds[0].options["include"]
    assert len(asked) == MOST_PATTERNS
    assert {"*.[0-9][0-9]-[0-9]", "*README", "*.txt", "*.md"} < set(asked)
    left = [name for (_, why), own in found.unplaced.items() for name in own if why == RARE]
    assert found.finds[0].files + len(left) == len(names) + 2
    assert len(left) == 26 - (MOST_PATTERNS - 4) and all("odd" in name for name in left)
    tables = []
    builder = Builder(source="prose", kind="longform", emit=tables.append)
    longform.read(Split(str(tmp_path)), longform.Settings(**found.finds[0].options), builder)
    builder.flush()
    assert sum(table.num_rows for table in tables) == found.finds[0].files


def test_a_suffix_with_signs_of_patterns_is_read_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes.[draft]").write_text(TEXT)
    assert survey([str(tmp_path)]).finds[0].options["include"] == ["*.[[]draft]"]


def test_a_table_of_names_and_paths_has_no_text(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "mill", "author": "A. Miller", "main": "lib/mill/index.js"}')
    (tmp_path / "cities.csv").write_text("city,people\nNew York,8\nParis,2\n")
    (tmp_path / "notes.csv").write_text("id,remark\n1,The mill grinds all day and all night\n")
    (tmp_path / "zh.csv").write_text("编号,说明\n1,磨坊整天整夜地磨着麦子\n")
    found = survey([str(tmp_path)])
    assert {find.example.rpartition("/")[2]: find.options["columns"] for find in found.finds} == {
        "notes.csv": {"text": "remark"},
        "zh.csv": {"text": "说明"},
    }
    left = {name.rpartition("/")[2]: why for (_, why), names in found.unplaced.items() for name in names}
    assert left == dict.fromkeys(("package.json", "cities.csv"), "no record in it has a text")


def test_prose_is_asked_for_less_certainty_of_its_language_than_pages(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(TEXT)
    (tmp_path / "page.html").write_text(f"<p>{TEXT}</p>")
    said = manifest_text(survey([str(tmp_path)]).finds)
    model = 'options: {model: "resource:lid.176"}'
    assert f"  - {{recipe: language, content: [web], {model}}}\n" in said
    assert (
        f"  - {{recipe: language, content: [prose], {model}, thresholds: {{score: {{minimum: 0.5}}}}}} # in place of 0.65"
        in said
    )


def test_a_maildir_and_a_folder_of_mh_are_read_by_their_messages(tmp_path: Path) -> None:
    """Flags and hosts stand where other names have a suffix: `1700000000.M1P2Q3.mail.example.pl` is no Perl."""
    (tmp_path / "box").mkdir()
    maildir, mh = mailbox.Maildir(tmp_path / "box" / "inbox"), mailbox.MH(tmp_path / "box" / "drafts")
    for number in range(12):
        message = mailbox.MaildirMessage(f"From: a@example.org\nSubject: {number}\nMessage-ID: <{number}>\n\n{TEXT}")
        message.set_subdir("cur" if number % 2 else "new")
        message.set_flags("SR" if number % 3 else "")
        maildir.add(message)
        mh.add(message)
    (tmp_path / "box" / "inbox" / "new" / "1700000000.M1P2Q3.mail.example.pl").write_text(
        f"From: b\nTo: c\nReceived: d\n\n{TEXT}"
    )
    (found,) = survey([str(tmp_path / "box")]).finds
    assert (found.kind, found.files) == ("longform", 25)  # and MH's own list, which is no mail
    builder = Builder(source="mail", kind="longform", emit=lambda table: None)
    longform.read(Split(found.paths[0]), longform.Settings(**found.options), builder)
    assert (builder.documents, [row["rule"] for row in builder.rejections]) == (25, [])


def test_subtitles_are_text_and_a_folder_of_xml_is_no_repository(tmp_path: Path) -> None:
    for name in ("films/one.srt", "films/two.vtt", *(f"records/{number}.xml" for number in range(9))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{TEXT}")
    found = survey([str(tmp_path)])
    assert [(find.kind, find.options["include"]) for find in found.finds] == [("longform", ["*.srt", "*.vtt"])]
    assert {why: len(names) for (_, why), names in found.unplaced.items()} == {XML: 9}
    (tmp_path / "records" / "build.py").write_text("print('once')\n")
    assert "repositories" in {find.kind for find in survey([str(tmp_path)]).finds}
