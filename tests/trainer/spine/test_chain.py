"""The chain of two stages by its real commands: each on the one before, nothing worked twice, what changed worked again."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from winnow.trainer.config import TrainingError
from winnow.trainer.spine.chain import LEDGER, Ledger, Link, Spine, links, work
from winnow.trainer.spine.command import main

MANIFEST = """\
stage: {stage}
seed: 1
deduplicate: {{minhash: {{threshold: 0.7, remember: true}}}}
decontaminate: null
tokenizer: {{vocabulary_size: 600}}
mixture: {{sources: {{{source}: 100}}, natural: true}}
packing: concatenate
curriculum: [{{length: 64, share: 100}}]
training: {{steps: 3, batch_tokens: 256, learning_rate: {rate}, checkpoint_every: 3}}
"""
PROFILE = """\
buckets: 1
sources:
  notes: [{kind: tables, content: prose, paths: [notes.jsonl], columns: {text: text}}]
  letters: [{kind: tables, content: prose, paths: [letters.jsonl], columns: {text: text}}]
"""


def texts(seed: int) -> list[str]:
    drawn = random.Random(seed)
    words = ["".join(drawn.choices("abcdefghijklmnop", k=drawn.randint(2, 8))) for _ in range(300)]
    return [" ".join(drawn.choices(words, k=90)) for _ in range(30)]


def write(path: Path, found: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in found))


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Two manifests, their profile and their texts; the second stage's begin with a text that the first one holds."""
    write(tmp_path / "notes.jsonl", texts(1))
    write(tmp_path / "letters.jsonl", [texts(1)[0], *texts(2)])
    (tmp_path / "profile.yaml").write_text(PROFILE)
    (tmp_path / "pretrain.yaml").write_text(MANIFEST.format(stage="pretrain", source="notes", rate="8e-3"))
    (tmp_path / "mid.yaml").write_text(MANIFEST.format(stage="mid", source="letters", rate="8e-3"))
    return tmp_path


def call(house: Path, *options: str) -> Result:
    stages = f"{house / 'pretrain.yaml'},{house / 'mid.yaml'}"
    place = ["--profile", str(house / "profile.yaml"), "--out", str(house / "out"), "--workers", "1"]
    return CliRunner().invoke(main, ["--stages", stages, *place, *options])


@pytest.mark.slow  # two minutes of processor time beside other work
def test_two_stages_make_one_model(house: Path) -> None:
    result = call(house)
    assert result.exit_code == 0, result.output
    out = house / "out"
    line = json.loads((out / "models" / "mid" / "huggingface" / "winnow.json").read_text())
    assert [entry["stage"] for entry in line["stages"]] == ["pretrain", "mid"]
    indexes = [json.loads((out / stage / "shards" / "index.json").read_text()) for stage in ("pretrain", "mid")]
    assert line["tokenizer"] == indexes[0]["tokenizer"]["digest"] == indexes[1]["tokenizer"]["digest"]
    lock = json.loads((out / "mid" / "lock.json").read_text())
    dropped = [step["counts"].get("dropped") for step in lock["steps"] if step["step"] == "deduplicate.minhash.drop"]
    assert dropped == [1], "the text that the first stage holds"
    kept = json.loads((out / "retention.json").read_text())["losses"]
    assert {(model, text) for model in kept for text in kept[model]} == {
        (model, text) for model in ("pretrain", "mid") for text in ("pretrain", "mid")
    }
    page = (out / "report.html").read_text()
    assert "pretrain → mid" in page and f"{kept['mid']['pretrain']['loss']:.3f}" in page

    ledger = (out / LEDGER).read_text()
    assert call(house).exit_code == 0 and (out / LEDGER).read_text() == ledger, "the same call again works nothing"


def test_stages_of_one_name_and_preferences_without_a_model_are_refused(house: Path, tmp_path: Path) -> None:
    result = call(house, "--stages", f"{house / 'mid.yaml'},mid")
    assert result.exit_code == 1 and "--stages names mid twice" in result.output
    spine = Spine(out=tmp_path, stages=("rl",), profile="spine", preset="tiny")
    with pytest.raises(TrainingError, match="no stage before it trained a model"):
        list(links(spine))


def writes(folder: Path, given: Path) -> Link:
    """A link that adds a line to a file in its folder."""
    program = f"import pathlib; f = pathlib.Path({str(folder)!r}); f.mkdir(exist_ok=True); (f / 'lines').open('a').write('line\\n')"
    return Link(name=folder.name, command=(sys.executable, "-I", "-S", "-c", program), folder=folder, inputs=(given,))


def test_a_link_is_worked_once_and_again_when_its_input_has_changed(tmp_path: Path) -> None:
    given, lines = tmp_path / "given", tmp_path / "made" / "lines"
    given.write_text("one")
    said: list[str] = []

    def call() -> None:
        work([writes(tmp_path / "made", given)], Ledger(tmp_path / LEDGER), said.append)

    call()
    call()
    assert lines.read_text() == "line\n" and said[-1] == "made: done"
    given.write_text("two")
    call()
    assert lines.read_text() == "line\n", "what was made of another input is gone"
    assert said[-1].startswith("made: -S")


def test_a_link_that_fails_stops_the_chain_and_the_same_call_goes_on_there(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("one")
    begins, follows = (writes(tmp_path / name, given) for name in ("begins", "follows"))
    stops = replace(
        writes(tmp_path / "stops", given), command=(sys.executable, "-I", "-S", "-c", "raise SystemExit(3)")
    )
    with pytest.raises(TrainingError, match="stops ended with status 3"):
        work([begins, stops, follows], Ledger(tmp_path / LEDGER), lambda line: None)
    told = Ledger(tmp_path / LEDGER).entries
    assert [(name, entry.finished) for name, entry in told.items()] == [("begins", True), ("stops", False)]
    mended = writes(tmp_path / "stops", given)
    work([begins, mended, follows], Ledger(tmp_path / LEDGER), lambda line: None)
    assert [len((tmp_path / name / "lines").read_text()) for name in ("begins", "stops", "follows")] == [5, 5, 5]
