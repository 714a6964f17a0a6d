"""A file appears whole or not at all, and its digest is that of its bytes: on a disk and on a real object store."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from winnow.stages.run.workspace import Workspace, digest_file, flush_folder


def test_a_written_file_is_noted_with_its_size_and_digest(workspace: Workspace) -> None:
    workspace.write_bytes("a/b.txt", "数据".encode())
    [written] = workspace.written
    assert (written.path, written.bytes) == ("a/b.txt", 6)
    assert written.digest == hashlib.blake2b("数据".encode(), digest_size=16).hexdigest()
    assert digest_file(workspace, "a/b.txt") == written.digest


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(workspace: Workspace) -> None:
    workspace.write_bytes("a.txt", b"old")
    with pytest.raises(RuntimeError), workspace.create("a.txt") as stream:
        stream.write(b"new")
        raise RuntimeError("torn")
    assert workspace.read_bytes("a.txt") == b"old"
    assert [path.name for path in Path(workspace.root).iterdir()] == ["a.txt"]
    assert len(workspace.written) == 1


def test_a_parquet_file_comes_back_and_row_groups_can_be_read_alone(workspace: Workspace) -> None:
    table = pa.table({"text": ["a", "b", "c"], "n": [1, 2, 3]})
    workspace.write_table("t.parquet", table, row_group_size=2)
    assert workspace.read_table("t.parquet").equals(table)
    assert workspace.read_table("t.parquet", columns=["n"], row_groups=[1]).to_pydict() == {"n": [3]}
    assert workspace.written[0].digest == digest_file(workspace, "t.parquet")


def test_listing_is_sorted_and_leaves_unfinished_files_out(workspace: Workspace) -> None:
    for name in ("d/b.json", "d/a.json", "d/sub/c.json", "d/x.parquet"):
        workspace.write_bytes(name, b"")
    Path(workspace.path("d/z.json.12345678.tmp")).write_bytes(b"half")
    assert workspace.list("d", ".json") == ["d/a.json", "d/b.json", "d/sub/c.json"]
    assert workspace.list("nowhere") == []


def test_a_workspace_travels_to_a_worker_without_what_it_wrote(workspace: Workspace) -> None:
    workspace.write_bytes("a.txt", b"1")
    travelled = pickle.loads(pickle.dumps(workspace))
    assert travelled.read_bytes("a.txt") == b"1"
    assert travelled.written == []


def test_a_full_disk_is_an_error_that_leaves_nothing_half_written(workspace: Workspace) -> None:
    with pytest.raises(OSError), workspace.create("big") as stream:
        stream.write(b"x" * 10)
        raise OSError(28, "No space left on device")
    assert not workspace.exists("big")
    assert workspace.list("") == []


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_a_name_is_no_pattern_to_who_removes(tmp_path: Path, kind: str) -> None:
    workspace = Workspace(str(tmp_path) if kind == "disk" else f"memory://{tmp_path.name}")
    for name in ("a[1]", "a1", "a*", "folder/x?", "folder/in/y", "folder2/x"):
        workspace.write_bytes(name, b"")
    for name in ("a[1]", "a*", "folder", "gone"):
        workspace.remove(name)
    assert workspace.list("") == ["a1", "folder2/x"]


def test_what_systems_leave_hidden_beside_a_file_is_none_of_a_runs_but_is_there(workspace: Workspace) -> None:
    for name in ("a.parquet", "._a.parquet", ".nfs0001.parquet", ".DS_Store"):
        workspace.write_bytes(f"documents/{name}", b"x")
    assert workspace.list("documents", ".parquet") == workspace.list("documents") == ["documents/a.parquet"]
    assert len(workspace.listed()[0]) == 4


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder that can't be flushed")
def test_a_file_system_that_flushes_no_folders_is_worked_on() -> None:
    """Linux's own `/proc` says `EINVAL`, as network file systems do; of a folder that isn't there an error is told."""
    flush_folder("/proc")
    with pytest.raises(FileNotFoundError):
        flush_folder("/proc/nothing")


def test_of_two_who_write_a_new_file_one_does(workspace: Workspace) -> None:
    assert workspace.write_new("new", b"one")
    assert not workspace.write_new("new", b"two")
    assert workspace.read_bytes("new") == b"one"
