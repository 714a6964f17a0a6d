"""Losses are said when they happen: a wrong column, a foreign charset, a filter that takes everything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

MANIFEST = """\
stage: pretrain
seed: 1
filters:
  - {recipe: gopher_quality, content: [web]}
mixture: {sources: {notes: 50, pages: 50}}
packing: concatenate
curriculum: [{length: 128, share: 100}]
"""


def write(folder: Path, notes: str, texts: Sequence[str], *, key: str = "text", charset: str = "utf-8") -> list[str]:
    """Source `notes` reads rows as its entry says, source `pages` rows that are always right."""
    rows = "".join(json.dumps({"id": 7, key: text}, ensure_ascii=False) + "\n" for text in texts)
    (folder / "notes.jsonl").write_bytes(rows.encode(charset))
    (folder / "pages.jsonl").write_text("".join(json.dumps({"text": f"{text} again"}) + "\n" for text in texts))
    (folder / "own.yaml").write_text(MANIFEST)
    (folder / "where.yaml").write_text(
        f"root: {folder}\nscale: {{vocabulary_size: 512}}\nbuckets: 1\nsources:\n"
        f"  notes: [{notes}]\n  pages: [{{kind: tables, content: prose, paths: [pages.jsonl]}}]\n"
    )
    return ["--stage", str(folder / "own.yaml"), "--profile", str(folder / "where.yaml")]


def test_a_wrong_column_stops_the_run_and_names_the_right_one(winnow, tmp_path: Path, english: list[str]) -> None:
    entry = "{kind: tables, content: prose, paths: [notes.jsonl]}"
    asked = write(tmp_path, entry, english[:30], key="body")
    run = ["run", *asked, "--out", tmp_path / "run", "--until", "decide", "--workers", "1"]
    answer = winnow(*run)
    assert answer.status == 2
    assert any(line.split() == ["notes", "30", "30", "tables.column", "30"] for line in answer.lines)
    assert any(line.split() == ["pages", "30", "0"] for line in answer.lines)
    assert (
        f"winnow: {tmp_path}/where.yaml:5: sources.notes: all 30 records are lost at ingest, 30 by tables.column: "
        "notes.jsonl#byte 0: text is missing its columns are id, body; say `columns: {text: body}` "
        "--keep-going goes on without what was lost"
    ) in answer.said
    assert winnow(*run, "--keep-going").status == 0


def test_a_foreign_charset_costs_nothing(winnow, tmp_path: Path) -> None:
    texts = [f"第{number}章讲的是语料的清洗、去重与混合，每一步都要留下证据。" for number in range(40)]
    asked = write(tmp_path, "{kind: tables, content: prose, paths: [notes.jsonl]}", texts, charset="gb18030")
    answer = winnow("run", *asked, "--out", tmp_path / "run", "--until", "ingest", "--workers", "1")
    assert answer.status == 0
    assert any(line.split() == ["notes", "40", "0"] for line in answer.lines)


def test_a_filter_that_takes_everything_is_named_with_value_and_bound(winnow, tmp_path: Path) -> None:
    asked = write(tmp_path, "{kind: tables, content: web, paths: [notes.jsonl]}", ["too few words", "few, too"])
    answer = winnow("run", *asked, "--out", tmp_path / "run", "--workers", "1")
    assert answer.status == 2
    assert "sources.notes: all 2 records are lost at decide, 2 by gopher_quality.words" in answer.said
    assert ": 3, asked 50 … 100000 change its bound by `thresholds: {words: …}`" in answer.said


def test_an_input_in_which_nothing_is_read_is_a_loss(winnow, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.docx").write_bytes(b"PK\3\4 a document of a word processor")
    asked = write(tmp_path, "{kind: web, paths: [letters]}", ["x"])
    answer = winnow("run", *asked, "--out", tmp_path / "run", "--until", "ingest", "--workers", "1")
    assert answer.status == 2
    assert "all 1 records are lost at ingest, 1 by web.nothing: letters: no file like *.html" in answer.said


def test_plan_tells_what_it_will_understand(winnow, tmp_path: Path, english: list[str]) -> None:
    asked = write(tmp_path, "{kind: tables, content: prose, paths: [notes.jsonl]}", english[:9], key="body")
    answer = winnow("plan", *asked)
    assert "notes: notes.jsonl 0 of 9 records read; columns id, body; utf-8; left out: tables.column 9" in answer.said
    assert "pages: pages.jsonl 9 of 9 records read; columns text; utf-8" in answer.said
    assert answer.status == 2
    assert (
        f"winnow: {tmp_path}/where.yaml:5: sources.notes.0: none of the 9 records looked at in notes.jsonl is read, "
        "9 by tables.column: text is missing its columns are id, body; say `columns: {text: body}`"
    ) in answer.said


def test_plan_passes_where_another_input_or_another_file_of_the_source_is_read(
    winnow, tmp_path: Path, english: list[str]
) -> None:
    asked = write(tmp_path, "{kind: tables, content: prose, paths: [notes.jsonl, more.jsonl]}", english[:3], key="body")
    (tmp_path / "more.jsonl").write_text(json.dumps({"text": english[3]}) + "\n")
    answer = winnow("plan", *asked)
    assert answer.status == 0 and "notes: more.jsonl 1 of 1 records read" in answer.said
    entry = (
        "{kind: tables, content: prose, paths: [notes.jsonl]}, {kind: longform, least_characters: 9, paths: [more.txt]}"
    )
    asked = write(tmp_path, entry, english[:3], key="body")
    (tmp_path / "more.txt").write_text(english[3])
    answer = winnow("plan", *asked)
    assert answer.status == 0
    assert "note: " in answer.said and "sources.notes.0: none of the 3 records looked at" in answer.said


def test_plan_says_where_nothing_at_all_is_found_in_an_input(winnow, tmp_path: Path, english: list[str]) -> None:
    asked = write(tmp_path, "{kind: tables, content: prose, paths: [notes.jsonl]}", [])
    answer = winnow("plan", *asked)
    assert answer.status == 2
    assert "sources.notes.0: nothing in notes.jsonl is read by kind tables: look at `paths`" in answer.said


def test_a_command_on_files_ends_with_its_losses_and_a_status(winnow, tmp_path: Path, english: list[str]) -> None:
    rows = [*english[:12], english[0]]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in rows) + "{]\n")
    answer = winnow("dedup", "exact", "--in", tmp_path / "rows.jsonl", "--out", tmp_path / "alone")
    assert (answer.status, answer.lines[-1]) == (0, "in 14, left out 2 (tables.json 1, exact 1), kept 12")
    answer = winnow("filter", "--recipe", "gopher_quality", "--in", tmp_path / "notes.jsonl", "--out", tmp_path / "f")
    assert answer.status == 2 and "notes.jsonl" in answer.said
    (tmp_path / "notes.jsonl").write_text('{"text": "too short"}\n{"body": "elsewhere"}\n')
    answer = winnow("filter", "--recipe", "gopher_quality", "--in", tmp_path / "notes.jsonl", "--out", tmp_path / "f")
    assert answer.status == 3
    assert "in 2, left out 2 (gopher_quality.words 1, tables.column 1), kept 0 nothing is kept" in answer.said
    (tmp_path / "empty.html").write_text("<title>nothing</title>")
    answer = winnow("extract", tmp_path / "empty.html")
    assert (answer.status, answer.lines) == (3, ["in 1, left out 1 (web.empty 1), kept 0", "nothing is kept"])
