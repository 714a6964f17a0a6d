"""The index of an earlier run: new documents go for old ones, which are named; other settings are refused."""

from __future__ import annotations

import random
import shutil

import pyarrow as pa
import pytest

from winnow.stages.deduplicate import minhash
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.run.unit import canonical
from winnow.stages.run.workspace import Workspace

OLD = MinHashSettings(bands=25, rows=4, threshold=0.6, buckets=2, remember=True)


def text(seed: int, ending: str = "") -> str:
    generator = random.Random(seed)
    return " ".join(generator.choice("abcdefghij") * 3 + generator.choice("klmnop") for _ in range(150)) + ending


def run(root: str, texts: list[str], settings: MinHashSettings) -> tuple[Workspace, list[str]]:
    workspace = Workspace(root)
    ids = [document_id("t", root, each) for each in texts]
    rows = [
        {"id": one, "text": each, "source": "t", "kind": "tables", "locator": root}
        for one, each in zip(ids, texts, strict=True)
    ]
    workspace.write_table("documents/p-00000.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
    for step, units in minhash.plan(["p-00000"], settings):
        for unit in units:
            step.work(workspace, unit)
    return workspace, ids


def test_new_documents_go_for_old_ones_even_when_longer(tmp_path):
    _, old = run(str(tmp_path / "old"), [text(1), text(2), text(2, " again")], OLD)
    settings = OLD.model_copy(update={"known": (str(tmp_path / "old"),), "remember": False})
    new, _ = run(str(tmp_path / "new"), [text(3), text(2, " and more"), text(1), text(3, " too")], settings)
    drops = new.read_table(f"drops/{minhash.STAGE}/p-00000.parquet").to_pylist()
    survivors = {row["row"]: row["value"].split()[0] for row in drops}
    assert survivors[1] == old[2]  # the longer of the old pair had stayed
    assert survivors[2] == old[0]
    assert set(survivors) == {0, 1, 2}  # and of the new ones among themselves, the longer stays


def test_it_does_not_matter_where_the_earlier_run_lies(tmp_path):
    run(str(tmp_path / "old"), [text(1)], OLD)
    shutil.copytree(tmp_path / "old", tmp_path / "moved" / "old")

    def asked(folder: str) -> dict[str, object]:
        settings = OLD.model_copy(update={"known": (str(tmp_path / folder),)})
        return {
            f"{step.name}/{unit.name}": canonical(unit.asked)
            for step, units in minhash.plan(["p-00000"], settings)
            for unit in units
        }

    assert asked("old") == asked("moved/old") and str(tmp_path) not in str(asked("old"))
    run(str(tmp_path / "moved" / "old"), [text(2)], OLD)
    assert asked("old") != asked("moved/old")


def test_an_index_of_other_settings_is_refused(tmp_path):
    run(str(tmp_path / "old"), [text(1)], OLD)
    settings = OLD.model_copy(update={"known": (str(tmp_path / "old"),), "shingle": 7})
    with pytest.raises(ValueError, match="was signed with shingle = 5, this run asks for 7"):
        run(str(tmp_path / "new"), [text(1)], settings)


def test_a_truncated_index_is_named(tmp_path):
    run(str(tmp_path / "old"), [text(1)], OLD)
    file = tmp_path / "old" / "index" / "p-00000.parquet"
    file.write_bytes(file.read_bytes()[:-40])
    settings = OLD.model_copy(update={"known": (str(tmp_path / "old"),)})
    with pytest.raises(ValueError, match=r"index/p-00000.parquet .* is no whole Parquet file"):
        run(str(tmp_path / "new"), [text(1)], settings)


def test_a_run_without_an_index_is_named(tmp_path):
    run(str(tmp_path / "old"), [text(1)], OLD.model_copy(update={"remember": False}))
    with pytest.raises(FileNotFoundError, match="holds no index"):
        minhash.plan(["p-00000"], OLD.model_copy(update={"known": (str(tmp_path / "old"),)}))


def test_truncated_signatures_are_named(tmp_path):
    workspace, _ = run(str(tmp_path / "run"), [text(1), text(1, " again")], OLD)
    file = tmp_path / "run" / "signatures" / "p-00000.parquet"
    file.write_bytes(file.read_bytes()[:-40])
    steps = {step.name: (step, units) for step, units in minhash.plan(["p-00000"], OLD)}
    for name in ("show", "verify", "remember"):
        step, units = steps[f"deduplicate.minhash.{name}"]
        with pytest.raises(ValueError, match=r"signatures/p-00000.parquet .* is no whole Parquet file"):
            step.work(workspace, units[0])


def test_a_source_that_may_repeat_earlier_runs_loses_only_what_it_repeats_itself(tmp_path):
    run(str(tmp_path / "old"), [text(1), text(2)], OLD)
    settings = OLD.model_copy(update={"known": (str(tmp_path / "old"),), "remember": False, "repeats": ("p",)})
    new, ids = run(str(tmp_path / "new"), [text(1), text(2, " more"), text(3), text(3, " too")], settings)
    drops = new.read_table(f"drops/{minhash.STAGE}/p-00000.parquet").to_pylist()
    assert [(row["row"], row["value"].split()[0]) for row in drops] == [(2, ids[3])]
