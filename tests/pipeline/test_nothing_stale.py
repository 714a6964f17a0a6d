"""Nothing stale: what a user or we change between two runs is worked again, and what isn't is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from winnow.pipeline.proof.verification import verify_run
from winnow.pipeline.record.environment import environment
from winnow.pipeline.reports.report import write_report
from winnow.stages.run.workspace import Workspace

DRIVER = """
import sys
from dataclasses import replace
from distributed import Client
from rich.console import Console
from winnow.filters import gopher
from winnow.pipeline.running import conductor
from winnow.pipeline.configuration.settings import load_settings

folder, out, until, bound, *options = sys.argv[1:]
if bound:  # as if a release of ours had changed the bundled recipe
    def changed(recipe):
        rules = [replace(rule, minimum=float(bound)) if rule.name == "words" else rule for rule in recipe.rules]
        return replace(recipe, rules=tuple(rules)) if recipe.name == "gopher_quality" else recipe
    gopher.RECIPES = tuple(map(changed, gopher.RECIPES))
conductor.connect = lambda **_: Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None)
settings = load_settings(f"{folder}/manifest.yaml", f"{folder}/profile.yaml")
done = conductor.conduct(
    settings, out, workers=1, scheduler=None, until=until or None, console=Console(quiet=True), keep_going=True,
    rework_versions="rework" in options,
)
print(*done.kept, sep="\\n")
"""

KIND = """
from brought.words import PREFIX
from winnow.formats.splits import Split
from winnow.stages.ingest.source import SourceSettings


class Settings(SourceSettings):
    pass


def splits(path, settings):
    return [Split(path)]


def read(split, settings, builder):
    for number, text in enumerate(open(split.path, encoding="utf-8").read().split("\\f")):
        builder.add(text=PREFIX + text, locator=f"{split.path}@{number}")
"""

RULES = """
import pyarrow.compute as pc
import pyarrow as pa
from winnow.filters.recipes import Recipe, Rule


def measure(documents):
    return pa.table({"brought.length": pc.utf8_length(documents["text"])})


SHORT = Recipe(name="short", summary="", source="", measure=measure,
               rules=(Rule(name="length", measure="brought.length", minimum=LEAST),))
"""

SCORES = """
def score(texts):
    return [FACTOR * len(text) for text in texts]
"""

MANIFEST = """\
stage: pretrain
seed: 1
filters:
  - {recipe: "brought.rules:SHORT"}
  - {recipe: scorer, options: {scorer: "brought.scores:score"}, thresholds: {score: {maximum: 1000000}}}
  - {recipe: gopher_quality}
decontaminate: null
mixture: {sources: {library: 100}}
tokenizer: {vocabulary_size: 600, sample_bytes: 65536}
packing: concatenate
curriculum: [{length: 256, share: 100}]
"""


class Journey:
    """A user's folder: code, manifest, profile, input and run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.code = folder, folder / "run", folder / "code" / "brought"
        self.code.mkdir(parents=True)
        library = Path(sysconfig.get_path("stdlib"))
        texts = [(library / f"{name}.py").read_text("utf-8")[:4000] for name in ("heapq", "bisect", "random", "csv")]
        (folder / "library.txt").write_text("\f".join(texts), "utf-8")
        (folder / "manifest.yaml").write_text(MANIFEST)
        (folder / "profile.yaml").write_text(
            f"root: {folder}\nbuckets: 1\nsources: {{library: [{{kind: brought.lines, paths: [library.txt]}}]}}\n"
        )
        self.write(__init__="", lines=KIND, words='PREFIX = "one "', rules=RULES.replace("LEAST", "10"))
        self.write(scores=SCORES.replace("FACTOR", "1"))

    def write(self, **modules: str) -> None:
        for name, text in modules.items():
            (self.code / f"{name}.py").write_text(text)

    def run(self, *options: str, until: str = "decide", bound: str = "", path: str = "") -> str:
        """What the run said of units that were kept."""
        places = os.pathsep.join([*([path] if path else []), str(self.code.parent), *sys.path])
        result = subprocess.run(
            [sys.executable, "-c", DRIVER, str(self.folder), str(self.out), until, bound, *options],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def receipts(self) -> dict[str, int]:
        return {path.parent.name: path.stat().st_mtime_ns for path in (self.out / "receipts").glob("*/library*.json")}

    def reworked(self, *options: str, **how: str) -> list[str]:
        """The steps over the part that the run worked (again)."""
        before = self.receipts()
        self.run(*options, **how)
        return [step for step, time in sorted(self.receipts().items()) if before.get(step) != time]

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.out / name / "library-00000.parquet")

    def lock(self) -> dict[str, Any]:
        lock: dict[str, Any] = json.loads((self.out / "lock.json").read_bytes())
        return lock


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    made = Journey(tmp_path_factory.mktemp("journey"))
    made.run()
    yield made


def test_what_did_not_change_is_as_it_was(journey: Journey) -> None:
    assert journey.reworked() == []


def test_a_kind_of_the_users_edited_in_what_it_imports_is_read_again(journey: Journey) -> None:
    journey.write(words='PREFIX = "another "')
    assert journey.reworked() == ["decide", "ingest", "measure"]
    assert all(text.startswith("another ") for text in journey.table("documents")["text"])


def test_a_recipe_of_the_users_edited_decides_anew(journey: Journey) -> None:
    journey.write(rules=RULES.replace("LEAST", "1000000"))
    assert journey.reworked() == ["decide", "measure"]
    assert set(journey.table("drops/decide")["rule"]) == {"short.length"}
    journey.write(rules=RULES.replace("LEAST", "10"))
    journey.run()
    assert "short.length" not in set(journey.table("drops/decide")["rule"])


def test_a_scorer_of_the_users_edited_measures_anew(journey: Journey) -> None:
    before = journey.table("attributes")["scorer.score"]
    journey.write(scores=SCORES.replace("FACTOR", "3"))
    assert "measure" in journey.reworked()
    assert journey.table("attributes")["scorer.score"].to_list() == (3 * before).to_list()


def test_a_bound_of_a_bundled_recipe_changed_and_changed_back(journey: Journey) -> None:
    before = journey.table("drops/decide")
    assert journey.reworked(bound="1e9") == ["decide"]
    assert set(journey.table("drops/decide")["rule"]) == {"gopher_quality.words"}
    assert journey.reworked() == ["decide"]
    assert journey.table("drops/decide").equals(before)


def test_versions_that_changed_between_two_halves_of_a_run_are_kept_named_and_worked_again_on_demand(
    journey: Journey, tmp_path: Path
) -> None:
    old = tmp_path / "old" / "numpy-1.0.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n")
    journey.write(words='PREFIX = "third "')
    assert journey.run(path=str(old.parent)) != ""  # the inventory was taken before
    told = f"numpy 1.0 → {environment().packages['numpy']}"
    assert told in journey.run(until="")
    lock, workspace = journey.lock(), Workspace(str(journey.out))
    versions = {digest: table["packages"]["numpy"] for digest, table in lock["environments"].items()}
    by_step = {step["step"]: {versions[digest] for digest in step["environments"]} for step in lock["steps"]}
    assert by_step["measure"] == {"1.0"} and by_step["pack"] == {environment().packages["numpy"]}
    result = verify_run(workspace)
    assert result.findings == () and any("numpy" in note for note in result.notes)
    assert "Mixed versions" in Path(write_report(workspace)).read_text("utf-8")
    shards = lock["outputs"]

    assert journey.run("rework", until="") == ""
    lock = journey.lock()
    assert list(lock["environments"]) == [environment().digest]
    assert lock["outputs"] == shards  # it was but the name of another version
    assert verify_run(workspace).notes == ()


def test_the_lock_says_what_decided_and_whose_code_it_was(journey: Journey) -> None:
    lock = journey.lock()
    rules = {(entry["recipe"], rule["name"]): rule for entry in lock["rules"] for rule in entry["rules"]}
    assert rules["gopher_quality", "words"]["minimum"] == 50
    assert rules["short", "length"]["minimum"] == 10
    assert lock["code"].keys() == {"brought.lines", "brought.rules", "brought.scores"}
    assert lock["kinds"] == {"brought.lines": {"version": 0, "optional": []}}
    assert all(table["commit"] is None or len(table["commit"]) == 40 for table in lock["environments"].values())
