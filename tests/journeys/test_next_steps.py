"""What one does with a run: next steps on the tutorial's run, on one that was stopped early, and of the stage `rl`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.stages.document import DOCUMENT
from winnow.stages.shards.exporters.found import exporters


@pytest.fixture(scope="module")
def documents(tutorial: Path) -> pa.Table:
    paths = sorted((tutorial / "runs" / "own" / "documents").glob("*.parquet"))
    return pa.concat_tables([pq.read_table(path).select(DOCUMENT.names) for path in paths])


@pytest.fixture
def run(tutorial: Path) -> Path:
    return tutorial / "runs" / "own"


def test_explain_begins_with_the_verdict_and_shows_the_other_document(winnow, run: Path) -> None:
    drops = pa.concat_tables([pq.read_table(path) for path in (run / "drops" / "deduplicate.exact").glob("*.parquet")])
    drop = drops.to_pylist()[0]
    answer = winnow("explain", run, drop["id"])
    assert answer.lines[0] == f"dropped by deduplicate.exact: equal_text, measured {drop['value']}, asked equal text"
    assert f"the other document, {drop['value'].split()[0]}" in answer.said
    assert answer.said.index("dropped by") < answer.said.index("the other document") < answer.said.index("measured ─")


def test_explain_finds_a_document_by_id_address_locator_and_words(winnow, run: Path, documents: pa.Table) -> None:
    row = next(row for row in documents.to_pylist() if row["url"] == "https://a.example/7")
    for wanted in (row["id"][:12], row["url"], row["locator"], row["text"][:60]):
        answer = winnow("explain", run, wanted)
        assert answer.status == 0
        assert answer.lines[0].startswith(("kept", "dropped by"))
        assert row["id"] in answer.said
    answer = winnow("explain", run, "https://a.example/nowhere")
    assert answer.status == 2 and "no document of this run has an id that starts with" in answer.said


def test_explain_finds_a_file_as_the_shell_completes_it(winnow, run: Path, tutorial: Path) -> None:
    for name in ("corpus/notes/one.txt", "notes/one.txt", str(tutorial / "corpus" / "notes" / "one.txt")):
        answer = winnow("explain", run, name)
        assert answer.status == 0 and "one.txt" in answer.said
    answer = winnow("explain", run, "corpus/articles.jsonl")
    assert answer.status == 2
    assert "63 documents are meant by 'corpus/articles.jsonl'; choose one by its id: " in answer.said
    assert "did you mean the file 'one.txt'?" in winnow("explain", run, "corpus/notes/once.txt").said


def test_explain_tells_what_never_became_a_document_and_gives_no_verdict_before_the_run_has(
    winnow, tmp_path: Path, english: list[str]
) -> None:
    (tmp_path / "texts").mkdir()
    for name, text in (("long", " ".join(english[:20])), ("short", "Four words of text.")):
        (tmp_path / "texts" / f"{name}.txt").write_text(text)
    (tmp_path / "own.yaml").write_text(
        "stage: mid\nseed: 1\nmixture: {sources: {notes: 100}}\ncurriculum: [{length: 128, share: 100}]\n"
    )
    (tmp_path / "where.yaml").write_text(
        "sources: {notes: [{kind: longform, least_characters: 200, paths: [texts]}]}\n"
    )
    asked = ("--stage", tmp_path / "own.yaml", "--profile", tmp_path / "where.yaml", "--out", tmp_path / "run")
    assert winnow("run", *asked, "--workers", "1", "--until", "ingest").status == 0
    answer = winnow("explain", tmp_path / "run", "texts/short.txt")
    assert answer.lines[-2:] == [
        "winnow: records that became no document: 1",
        "  ingest  texts!short.txt  longform.short: 19, asked ≥ 200",
    ]
    answer = winnow("explain", tmp_path / "run", "long.txt")
    assert answer.lines[0] == "not dropped so far: the run isn't finished, and its later steps may drop it still"


def test_status_keeps_step_names_whole_at_80_columns_in_the_order_of_travel(winnow, run: Path) -> None:
    answer = winnow("status", run)
    planned = json.loads((run / "plan.json").read_text())["steps"]
    shown = [line.split()[0] for line in answer.lines if line.split()[0] in planned]
    assert shown == planned
    assert max(map(len, answer.lines)) <= 80
    assert answer.lines[-1] == "finished: lock.json is written"


def test_every_next_step_works_on_a_finished_run(winnow, run: Path, tmp_path: Path) -> None:
    for command in (("verify", run), ("report", run), ("diff", run, run), ("inspect", run, "--rows", "1")):
        assert winnow(*command).status == 0
    phase = json.loads((run / "shards" / "index.json").read_text())["phases"][0]["name"]
    assert winnow("export", run, "--format", "jsonl", "--phase", phase, "--out", tmp_path / "out.jsonl").status == 0


def test_the_help_of_export_names_the_formats_that_are_found(winnow) -> None:
    said = winnow("export", "--help").said
    assert all(f" {name} " in said for name in exporters())


def test_an_option_that_a_format_has_not_is_refused(winnow, run: Path, tmp_path: Path) -> None:
    for given, said in (
        (("--columns", "labels"), "jsonl has no option columns: columns is for parquet"),
        (("--pieces", "end"), "jsonl has no option pieces: pieces is for datatrove and megatron and olmo"),
        (("--option", "rows=2"), "jsonl has no option rows: it has none"),
    ):
        answer = winnow("export", run, "--format", "jsonl", "--phase", "a", "--out", tmp_path / "out", *given)
        assert (answer.status, answer.said) == (2, f"winnow: {said} ")


def test_next_steps_of_a_run_that_was_stopped_early_say_how_far_it_is(winnow, tutorial: Path, tmp_path: Path) -> None:
    asked = ("--stage", tutorial / "manifest.yaml", "--profile", tutorial / "profile.yaml", "--out", tmp_path / "run")
    assert winnow("run", *asked, "--until", "inventory", "--workers", "1").status == 0
    status = winnow("status", tmp_path / "run")
    assert status.status == 0 and "not finished: no step is half done" in status.said
    for command in (
        ("inspect",),
        ("verify",),
        ("report",),
        ("export", "--format", "jsonl", "--phase", "a", "--out", "x"),
    ):
        name, *rest = command
        answer = winnow(name, tmp_path / "run", *rest)
        assert answer.status == 2
        assert f"`winnow status {tmp_path}/run` tells how far it is" in answer.said


def test_inspect_shows_prompts_and_pairs_as_text(winnow, tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
    talks = [
        {"prompt": "What is two and two?", "chosen": "Two and two make four.", "rejected": "Five."},
        {
            "messages": [
                {"role": "user", "content": "Add two to it."},
                {"role": "assistant", "content": "", "reasoning_content": "A sum.", "tool_calls": [call]},
                {"role": "tool", "content": "4"},
                {"role": "assistant", "content": "Four."},
            ],
            "label": "4",
        },
    ]
    for name, talk in zip(("pairs", "sums"), talks, strict=True):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(talk) + "\n")
    (tmp_path / "own.yaml").write_text(
        "stage: rl\nseed: 1\nmixture: {sources: {pairs: 100}}\ncurriculum: [{length: 128, share: 100}]\n"
    )
    (tmp_path / "where.yaml").write_text(
        "buckets: 1\nsources: {pairs: [{kind: conversations, paths: [pairs.jsonl, sums.jsonl]}]}\n"
    )
    asked = ("--stage", tmp_path / "own.yaml", "--profile", tmp_path / "where.yaml", "--out", tmp_path / "run")
    assert winnow("run", *asked, "--workers", "1").status == 0
    found = winnow("explain", tmp_path / "run", "pairs.jsonl")
    assert found.lines[0] == "kept" and "in rl/pairs/pairs-00000.parquet, row 0" in found.said
    lines = winnow("inspect", tmp_path / "run").lines
    for said in (
        "user  What is two and two?",
        "chosen: assistant  Two and two make four.",
        "rejected: assistant  Five.",
        "assistant thinks  A sum.",
        'assistant calls  add {"a": 2}',
        "tool  4",
    ):
        assert said in lines, lines
    assert any(line.startswith("1 pairs in ") for line in lines) and any(
        line.startswith("2 prompts in") for line in lines
    )
    assert not any("{'" in line for line in lines)
    rows = pq.read_table(tmp_path / "run" / "rl" / "prompts" / "pairs-00001.parquet").to_pylist()
    made = rows[0]["metadata"]["id"]
    lines = winnow("inspect", tmp_path / "run", "--document", made).lines
    assert [line for line in lines if line.startswith("▌")] == [f"▌pairs – {made}"] * sum(
        made in line for line in lines
    )
    assert "row 1" in lines
    answer = winnow("inspect", tmp_path / "run", "--document", "nobody")
    assert answer.status == 2 and "holds no document nobody" in answer.said
    answer = winnow("export", tmp_path / "run", "--format", "jsonl", "--phase", "a", "--out", tmp_path / "out")
    assert answer.status == 2 and "made prompts and pairs, not shards" in answer.said
