"""A run after another: one tokenizer, near-duplicates against earlier runs, a lock that names its parent."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from winnow.pipeline.configuration.ancestry import ancestors, as_noted, notes, parent_of
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import Settings, load_settings
from winnow.pipeline.planning.parts import find_parts
from winnow.pipeline.planning.plan import steps
from winnow.pipeline.proof.lock import build_lock, lock_digest
from winnow.stages.run.workspace import Workspace, digest_file

MANIFEST = """\
stage: STAGE
seed: 1
deduplicate: {minhash: {threshold: 0.7, MINHASH}}
tokenizer: {vocabulary_size: 600}
mixture: {sources: SOURCES, natural: true}
packing: best_fit
curriculum: [{length: 128, share: 100}]
"""
PROFILE = """\
buckets: 1
sources:
  notes: [{kind: tables, content: prose, paths: [notes.jsonl], columns: {text: text}}]
  again: [{kind: tables, content: prose, paths: [notes.jsonl], columns: {text: text}}]
"""
DOCUMENTS = 12


@dataclass(frozen=True)
class Line:
    """Two runs of the same inputs, `second` after `first`, and what the second was asked."""

    folder: Path
    first: Workspace
    second: Workspace
    settings: Settings


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    folder = tmp_path_factory.mktemp("line")
    drawn = random.Random(3)
    words = ["".join(drawn.choices("abcdefghijklmnop", k=drawn.randint(2, 8))) for _ in range(300)]
    texts = [" ".join(drawn.choices(words, k=90)) for _ in range(DOCUMENTS)]
    (folder / "notes.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (folder / "profile.yaml").write_text(PROFILE)
    first = work(folder, "first", None, "remember: true", "{notes: 100}")
    second = work(folder, "second", first[0].path(""), "repeats: [again]", "{notes: 50, again: 50}")
    shutil.move(folder / "runs", folder / "moved")  # what the runs know of each other moves with them
    return Line(folder, *(Workspace(str(folder / "moved" / name)) for name in ("first", "second")), second[1])


def work(folder: Path, name: str, after: str | None, minhash: str, sources: str) -> tuple[Workspace, Settings]:
    """A run worked in this process, unit by unit, with the lock and the plan that a later run reads."""
    manifest = MANIFEST.replace("STAGE", "pretrain" if after is None else "mid")
    (folder / f"{name}.yaml").write_text(manifest.replace("MINHASH", minhash).replace("SOURCES", sources))
    settings = load_settings(str(folder / f"{name}.yaml"), str(folder / "profile.yaml"), after)
    workspace = Workspace(str(folder / "runs" / name))
    for step, units in steps(find_parts(settings), settings):
        for unit in units:
            step.work(workspace, unit)
    outputs = {path: digest_file(workspace, path) for path in workspace.list("tokenizer", ".model")}
    lock = {**build_lock(workspace, settings, [], []), "outputs": outputs}
    workspace.write_bytes("lock.json", json.dumps(lock).encode())
    parent = {} if after is None else {"after": as_noted(after, workspace.path(""))}
    workspace.write_bytes("plan.json", json.dumps({"steps": [], **parent}).encode())
    return workspace, settings


def test_the_tokenizer_is_the_earlier_runs_and_none_is_trained(line: Line) -> None:
    summaries = [json.loads(run.read_bytes("tokenizer/summary.json")) for run in (line.first, line.second)]
    assert summaries[0]["digest"] == summaries[1]["digest"]
    assert line.first.list("sample", ".parquet") and not line.second.list("sample", ".parquet")


def test_what_an_earlier_run_holds_goes_except_where_it_may_be_repeated(line: Line) -> None:
    tables = [line.second.read_table(path) for path in line.second.list("drops/deduplicate.minhash", ".parquet")]
    dropped = Counter(source for table in tables for source in table["source"].to_pylist())
    assert dropped == {"notes": DOCUMENTS}


def test_the_lock_names_its_parent_by_digest_and_no_place(line: Line) -> None:
    lock = json.loads(line.second.read_bytes("lock.json"))
    assert lock["after"] == [{"stage": "pretrain", "lock": lock_digest(line.first.read_bytes("lock.json"))}]
    assert "after" not in json.loads(line.first.read_bytes("lock.json"))
    assert str(line.folder) not in line.second.read_bytes("lock.json").decode()


def test_the_line_is_followed_to_its_beginning(line: Line) -> None:
    found = ancestors(line.second.path(""))
    assert [Path(run.place).name for run in found] == ["second", "first"]
    assert [sorted(run.indexes) for run in found] == [[], ["minhash"]]
    assert parent_of(line.first) is None
    told = notes(found, ["new"], ["minhash", "scripts"])
    assert sum("kept no index (deduplicate.minhash" in note for note in told) == 1
    assert sum("kept no index (deduplicate.scripts" in note for note in told) == 2
    assert sum("wasn't compared with new" in note for note in told) == 2


def test_a_run_that_is_not_finished_or_was_changed_is_refused(line: Line, tmp_path: Path) -> None:
    manifest, profile = str(line.folder / "first.yaml"), str(line.folder / "profile.yaml")
    with pytest.raises(ConfigurationError, match=r"no lock\.json: it isn't a finished run"):
        load_settings(manifest, profile, str(tmp_path))
    shutil.copytree(line.first.path(""), tmp_path / "changed")
    model = tmp_path / "changed" / "tokenizer" / "tokenizer.model"
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(bytes(content))
    with pytest.raises(ConfigurationError, match=r"tokenizer\.model isn't what lock\.json says"):
        load_settings(manifest, profile, str(tmp_path / "changed"))
    (tmp_path / "changed" / "plan.json").write_text(json.dumps({"after": "."}))
    model.write_bytes((Path(line.first.path("")) / "tokenizer" / "tokenizer.model").read_bytes())
    with pytest.raises(ConfigurationError, match="is said to be built on itself"):
        load_settings(manifest, profile, str(tmp_path / "changed"))
