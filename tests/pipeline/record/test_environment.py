"""Environments: which packages they hold, when two are one, and how a mixture of them is told."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from winnow.pipeline.record import environment as module
from winnow.pipeline.record.environment import (
    environment,
    environment_path,
    kept_notes,
    note_environment,
    read_environment,
    worked_in,
)
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.run.workspace import Workspace

ROOT = Path(__file__).parents[3]


def test_every_package_that_a_run_needs_is_there_in_its_version() -> None:
    packages = environment().packages
    for name in ("numpy", "pyarrow", "llvmlite", "tree-sitter-rust", "distributed", "pydantic-core", "courlan"):
        assert packages[name] == version(name), name
    assert not {"pytest", "mypy", "moto", "winnow-corpora"} & packages.keys()


def test_the_commit_is_gits_and_no_part_of_the_digest() -> None:
    here = environment()
    told = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if told.returncode == 0:
        assert here.commit == told.stdout.strip()
    assert replace(here, commit="0" * 40).digest == here.digest
    for change in ({"python": "3.99"}, {"source": "0"}, {"packages": {**here.packages, "numpy": "99.0"}}):
        assert replace(here, **change).digest != here.digest


def test_a_checkout_is_read_in_every_form_that_git_has(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        settings = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
        return subprocess.run(["git", *settings, *words], capture_output=True, text=True, check=True).stdout.strip()

    repository = str(tmp_path / "r")
    git("init", "-q", repository)
    git("-C", repository, "commit", "-q", "--allow-empty", "-m", "first")
    head = git("-C", repository, "rev-parse", "HEAD")
    assert module._commit(Path(repository)) == head
    git("-C", repository, "worktree", "add", "-q", str(tmp_path / "beside"))
    assert module._commit(tmp_path / "beside") == head
    git("-C", repository, "pack-refs", "--all")
    assert module._commit(Path(repository)) == module._commit(tmp_path / "beside") == head
    git("-C", repository, "checkout", "-q", "--detach")
    assert module._commit(Path(repository)) == head
    assert module._commit(tmp_path) is None


def test_the_table_is_written_once_and_a_changed_one_is_not_believed(workspace: Workspace) -> None:
    digest = note_environment(workspace)
    assert read_environment(workspace, digest) == environment()
    file = Path(workspace.path(environment_path(digest)))
    before = file.stat().st_ino
    note_environment(workspace)
    assert file.stat().st_ino == before  # whatever is written anew is another file
    table = json.loads(workspace.read_bytes(environment_path(digest)))
    workspace.write_bytes(environment_path(digest), json.dumps({**table, "python": "2.7"}).encode())
    assert read_environment(workspace, digest) is None
    workspace.write_bytes(environment_path(digest), b"{")
    assert read_environment(workspace, digest) is None
    assert read_environment(workspace, "0" * 16) is None


@pytest.mark.parametrize("known", [True, False])
def test_what_other_versions_worked_is_told_with_the_differences(known: bool) -> None:
    here = environment()
    before = replace(here, packages={**here.packages, "numpy": "1.0"})
    receipts = [Receipt(step="s", unit=f"{n}", fingerprint="", environment=before.digest) for n in range(2)]
    steps = {"measure": worked_in(receipts), "decide": worked_in([replace(receipts[0], environment=here.digest)])}
    [note] = kept_notes({before.digest: before} if known else {}, steps, here)
    assert note.startswith("2 units of measure were worked by other versions and are kept (")
    assert (f"numpy 1.0 → {here.packages['numpy']}" if known else "versions that nobody noted") in note
    assert kept_notes({}, {"decide": {here.digest: 3}}, here) == []


def test_a_checkout_edited_since_its_commit_is_told_apart_from_it() -> None:
    before = replace(environment(), winnow="0.1.0", commit="67e884f" + "0" * 33)
    [told] = before.differences(replace(before, source="0" * 32))
    assert told == "Winnow 0.1.0 (67e884f) → the same with files edited since"
    assert worked_in([Receipt(step="s", unit="u", fingerprint="")]) == {"unknown": 1}
