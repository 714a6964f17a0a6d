"""A level alone on files: what is kept, what is told, and what is said when it can't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from winnow.stages.deduplicate.files import deduplicate_files
from winnow.stages.deduplicate.lines import LineSettings
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.run.workspace import Workspace

LONG = " ".join(f"word{'abcdefghij'[at % 10]}{'klmnopqrst'[at // 10 % 10]}" for at in range(100))


def write(path: Path, texts: list[str]) -> str:
    path.write_text(
        "".join(json.dumps({"body": text, "address": f"http://x.org/{at}"}) + "\n" for at, text in enumerate(texts))
    )
    return str(path)


def kept(out: Path) -> list[str]:
    return [text for file in sorted((out / "kept").iterdir()) for text in pq.read_table(file)["text"].to_pylist()]


def drops(out: Path) -> list[dict[str, Any]]:
    place = Workspace(str(out))
    return [row for name in place.list("drops") for row in place.read_table(name).to_pylist()]


@pytest.mark.parametrize(
    ("level", "expected"),
    [("exact", [LONG, LONG + " end", "short"]), ("minhash", [LONG + " end", "short"])],
)
def test_a_level_keeps_one_of_each(tmp_path, level, expected):
    first = write(tmp_path / "one.jsonl", [LONG, "short"])
    second = write(tmp_path / "two.jsonl", [LONG + " end", "  short\n", LONG.replace(" ", "\n")])
    out = tmp_path / "out"
    summary = deduplicate_files([first, second], str(out), level, columns={"text": "body"})
    assert sorted(" ".join(text.split()) for text in kept(out)) == sorted(expected)
    assert (summary.documents, summary.kept) == (5, len(expected))
    assert len(drops(out)) == summary.dropped == 5 - len(expected)


def test_url_level_reads_the_named_column(tmp_path):
    files = [write(tmp_path / "one.jsonl", ["a", "longer too"]), write(tmp_path / "two.jsonl", ["longer", "c", "d"])]
    summary = deduplicate_files(files, str(tmp_path / "out"), "url", columns={"text": "body", "url": "address"})
    assert sorted(kept(tmp_path / "out")) == ["d", "longer", "longer too"]
    assert summary.dropped == 2


def test_lines_and_repositories_are_found_in_any_table(tmp_path):
    texts = [f"{LONG}\nline {'abc'[at]} of its own" for at in range(3)]
    file = write(tmp_path / "one.jsonl", texts)
    deduplicate_files(
        [file], str(tmp_path / "lines"), "lines", LineSettings(documents=2, left=0), columns={"text": "body"}
    )
    assert kept(tmp_path / "lines") == [f"line {letter} of its own" for letter in "abc"]
    code = [f"value_{at} = compute_{name}(value_{at}, other)" for name in ("origin", "else") for at in range(40)]
    rows = [("a/x", code[:20]), ("a/x", code[20:40]), ("b/fork", code[:38]), ("c/other", code[40:])]
    repositories = tmp_path / "code.jsonl"
    records = [{"text": "\n".join(lines), "name": name} for name, lines in rows]
    repositories.write_text("".join(json.dumps(record) + "\n" for record in records))
    columns = {"text": "text", "repository": "name"}
    summary = deduplicate_files([str(repositories)], str(tmp_path / "code"), "repositories", columns=columns)
    assert (summary.documents, summary.dropped) == (4, 1)
    assert [row["rule"] for row in drops(tmp_path / "code")] == ["repositories.similarity"]


def test_a_column_of_the_inputs_says_which_duplicate_is_the_better(tmp_path):
    file = tmp_path / "scored.jsonl"
    rows = [{"text": LONG + ending, "score": score} for ending, score in (("", 3), (" and more", 1.5), (" end", None))]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    deduplicate_files([str(file)], str(tmp_path / "long"), "minhash")
    assert kept(tmp_path / "long") == [LONG + " and more"]
    deduplicate_files([str(file)], str(tmp_path / "good"), "minhash", quality="score")
    assert kept(tmp_path / "good") == [LONG]
    with pytest.raises(ValueError, match=r"scored\.jsonl: text is no column of numbers"):
        deduplicate_files([str(file)], str(tmp_path / "bad"), "minhash", quality="text")


def test_the_evidence_answers_queries_by_document(tmp_path):
    file = write(tmp_path / "one.jsonl", [LONG, LONG + " end", LONG[:450] + " wholly other words follow here" * 9])
    settings = MinHashSettings(bands=56, rows=2)
    deduplicate_files([file], str(tmp_path / "out"), "minhash", settings, columns={"text": "body"})
    (drop,) = drops(tmp_path / "out")
    found = duckdb.sql(
        "SELECT lower(hex(left_identity)), similarity, band FROM read_parquet($pairs) "
        "WHERE lower(hex(right_identity)) = $id AND similarity >= 0.7",
        params={"pairs": f"{tmp_path}/out/pairs/*.parquet", "id": drop["id"]},
    ).fetchall()
    assert [(survivor, f"{similarity:.4f}") for survivor, similarity, _ in found] == [tuple(drop["value"].split())]
    assert all(0 <= band < 56 for _, _, band in found)


def test_the_order_of_the_inputs_changes_nothing(tmp_path):
    files = [write(tmp_path / f"{name}.jsonl", [LONG + f" {name}", f"only {name}", LONG]) for name in "abc"]
    for level in ("exact", "minhash"):
        results = []
        for number, order in enumerate((files, files[::-1])):
            deduplicate_files(order, str(tmp_path / f"{level}{number}"), level, columns={"text": "body"})
            results.append(sorted(kept(tmp_path / f"{level}{number}")))
            results.append(sorted(row["id"] + row["value"] for row in drops(tmp_path / f"{level}{number}")))
        assert results[:2] == results[2:] and results[1]


def test_a_folder_that_holds_a_result_is_not_mixed_with_another(tmp_path):
    file = write(tmp_path / "one.jsonl", ["a", "b"])
    deduplicate_files([file], str(tmp_path / "out"), "exact", columns={"text": "body"})
    with pytest.raises(ValueError, match="holds what an earlier run kept"):
        deduplicate_files([file], str(tmp_path / "out"), "exact", columns={"text": "body"})
    with pytest.raises(ValueError, match="the level url compares url"):
        deduplicate_files([file], str(tmp_path / "other"), "url", columns={"text": "body"})


def test_an_unknown_level_is_named(tmp_path):
    with pytest.raises(LookupError, match="'simhash'; there are repositories, url, exact, lines"):
        deduplicate_files([], str(tmp_path), "simhash")
