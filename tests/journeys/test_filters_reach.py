"""Filters are bound to what a text is: rows of a table pass through those of its content, and what none reaches is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

MANIFEST = """\
stage: pretrain
seed: 1
filters:
  - {recipe: gopher_quality, content: [web]}
mixture: {sources: {web: 100}LANGUAGES}
packing: concatenate
curriculum: [{length: 128, share: 100}]
"""


def write(folder: Path, *, entry: str, texts: Sequence[str] = ("x",), languages: str = "") -> tuple[str, ...]:
    """A manifest with one filter for web text, a profile with one input, and what `winnow` is given for them."""
    (folder / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (folder / "own.yaml").write_text(MANIFEST.replace("LANGUAGES", languages))
    (folder / "where.yaml").write_text(
        f"root: {folder}\nscale: {{vocabulary_size: 512}}\nbuckets: 1\nsources:\n  web:\n    - {entry}\n"
    )
    return "--stage", str(folder / "own.yaml"), "--profile", str(folder / "where.yaml")


def test_a_table_that_does_not_say_what_it_holds_is_asked_for_it(winnow, tmp_path: Path) -> None:
    answer = winnow("plan", "--offline", *write(tmp_path, entry="{kind: tables, paths: [rows.jsonl]}"))
    assert answer.status == 2
    assert (
        f"winnow: {tmp_path}/where.yaml:6: sources.web.0.content: is missing: kind tables doesn't know what its texts "
        "are, and filters of the manifest go by that; add `content:` with one of web, books, prose, mathematics, code, "
        "conversations, templated, translations"
    ) in answer.said


def test_rows_of_web_text_pass_through_the_filters_of_web_text(winnow, tmp_path: Path, english: list[str]) -> None:
    good = [" ".join(english[first : first + 4]) for first in range(0, 160, 4)]
    asked = write(tmp_path, entry="{kind: tables, content: web, paths: [rows.jsonl]}", texts=[*good, "# buy " * 60])
    answer = winnow("run", *asked, "--out", tmp_path / "run", "--until", "decide", "--workers", "1")
    assert answer.status == 0
    assert "gopher_quality." in answer.said


def test_what_no_filter_decides_on_is_told(winnow, tmp_path: Path) -> None:
    answer = winnow("plan", "--offline", *write(tmp_path, entry="{kind: tables, content: prose, paths: [rows.jsonl]}"))
    assert answer.status == 0
    assert "note: source web, kind tables (prose): no filter decides on its texts" in answer.said


def test_a_language_that_nothing_measures_is_told_where_the_mixture_asks_for_it(winnow, tmp_path: Path) -> None:
    asked = write(
        tmp_path, entry="{kind: tables, content: web, paths: [rows.jsonl]}", languages=", languages: {en: 50, zh: 50}"
    )
    answer = winnow("plan", "--offline", *asked)
    assert (
        "note: source web, kind tables (web): nothing measures its language, which is unknown unless its records "
        "declare it; the mixture asks for languages"
    ) in answer.said


def test_a_filter_by_language_without_a_measure_of_it_is_a_mistake(winnow, tmp_path: Path) -> None:
    asked = write(tmp_path, entry="{kind: tables, content: web, paths: [rows.jsonl]}")
    own = tmp_path / "own.yaml"
    own.write_text(own.read_text().replace("content: [web]", "content: [web], languages: [en]"))
    answer = winnow("plan", "--offline", *asked)
    assert answer.status == 2
    assert f"{own}:4: filters.0.languages: gopher_quality decides by language, and nothing measures that" in answer.said
