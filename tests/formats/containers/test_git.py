"""A repository read through git: sizes and contents as git itself tells them, and what damage costs."""

from __future__ import annotations

import os
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.formats.containers.test_git_directory import documents, made, run
from winnow.formats.containers import git
from winnow.formats.containers.git import Repository, Unreadable
from winnow.formats.containers.git_directory import GitError
from winnow.stages.ingest import history


def loose(root: Path, name: str) -> Path:
    return root / ".git/objects" / name[:2] / name[2:]


def drop(root: Path, revision: str) -> str:
    name = run(root, "rev-parse", revision)
    loose(root, name).unlink()
    return name


def flip(root: Path, revision: str, at: int = 20) -> None:
    file = loose(root, run(root, "rev-parse", revision))
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[at] ^= 4
    file.write_bytes(content)


def forge(root: Path, revision: str) -> None:
    """Another content under the name of an object, properly packed."""
    file = loose(root, run(root, "rev-parse", revision))
    file.chmod(0o644)
    file.write_bytes(zlib.compress(b"blob 2\0y\n"))


def test_entries_are_those_of_ls_tree(tmp_path: Path) -> None:
    root = made(tmp_path / "shop")
    (root / "deep/er").mkdir(parents=True)
    for name, content in {"deep/er/x.py": "x", "deep.py": "yy", "deep-er": "", "ü.txt": "z" * 100}.items():
        (root / name).write_text(content)
    (root / "link").symlink_to("a.py")
    run(root, "add", "-A")
    run(root, "update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,sub")
    run(root, "commit", "-m", "more")
    repository = Repository(str(root))
    expected = []
    for line in run(root, "ls-tree", "-r", "-l", "-z", "HEAD").split("\0"):
        if line:
            facts, _, name = line.partition("\t")
            mode, _, identity, size = facts.split()
            expected.append((name, mode, identity, -1 if size == "-" else int(size)))
    found = [(entry.path, entry.mode, entry.object, entry.size) for entry in repository.entries("HEAD")]
    assert found == sorted(expected)
    names = [identity for _, mode, identity, _ in expected if mode != "160000"]
    bodies = list(repository.contents(names))
    assert bodies == [
        subprocess.run(["git", "cat-file", "blob", name], cwd=root, capture_output=True, check=True).stdout
        for name in names
    ]


@pytest.mark.parametrize("harm", [drop, flip, forge])
def test_a_blob_that_cant_be_had_costs_one_file(tmp_path: Path, harm) -> None:  # type: ignore[no-untyped-def]
    root = made(tmp_path / "shop")
    harm(root, "HEAD:a.py")
    texts, rules = documents(root)
    assert texts == [(root / "b.py").read_text()]
    assert rules in (["missing"], ["damaged"])
    texts, rules = documents(root, history)
    assert len(texts) == 1 and sorted(rules) in (["missing", "root"], ["damaged", "root"])


def test_a_tree_that_cant_be_had_costs_its_folder(tmp_path: Path) -> None:
    root = made(tmp_path / "shop")
    (root / "deep").mkdir()
    (root / "deep/c.py").write_text("c = 1\n")
    run(root, "add", "-A")
    run(root, "commit", "-m", "A folder with one file and no more")
    drop(root, "HEAD:deep")
    texts, rules = documents(root)
    assert len(texts) == 2 and rules == ["missing"]


@pytest.mark.parametrize("revision", ["HEAD", "HEAD^{tree}"])
def test_a_commit_that_cant_be_had_costs_its_repository(tmp_path: Path, revision: str) -> None:
    root = made(tmp_path / "shop")
    drop(root, revision)
    assert documents(root) == ([], ["repository"])


def test_history_goes_on_around_a_lost_commit(tmp_path: Path) -> None:
    root = made(tmp_path / "shop")
    for number in range(3, 6):
        (root / "a.py").write_text(f"def f():\n    return {number}\n")
        (root / "b.py").write_text(f"import a\n\nprint(a.f() + {number})\n")
        run(root, "commit", "-a", "-m", f"Change what both files say, time {number}")
    drop(root, "HEAD~3")
    texts, rules = documents(root, history)
    assert len(texts) == 2 and sorted(rules) == ["missing", "root"]  # HEAD~2 is now the first of what can be walked


def test_a_tree_that_holds_itself_tenfold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "MOST_ENTRIES", 20_000)
    root = made(tmp_path / "bomb")
    blob = run(root, "hash-object", "-w", "--stdin", stdin="boom\n")
    mode, kind, name = "100644", "blob", blob
    for _ in range(9):
        listing = "".join(f"{mode} {kind} {name}\t{digit}\n" for digit in range(10))
        mode, kind, name = "040000", "tree", run(root, "mktree", stdin=listing)
    commit = run(root, "commit-tree", "-m", "boom", name)
    with pytest.raises(GitError, match="20,000"):
        Repository(str(root)).entries(commit)


def test_names_that_git_refuses_are_missing(tmp_path: Path) -> None:
    repository = Repository(str(made(tmp_path / "shop")))
    nobody = "0" * 40
    assert list(repository.contents([nobody])) == [Unreadable("missing", nobody)]
    assert repository.sizes([nobody]) == [Unreadable("missing", nobody)]
    with pytest.raises(GitError, match="missing"):
        list(repository.required([nobody]))


def test_a_name_of_the_remote_is_told_and_nothing_that_it_includes(tmp_path: Path) -> None:
    root = made(tmp_path / "shop")
    assert Repository(str(root)).origin_name() is None
    (root / "more").write_text('[remote "origin"]\n\turl = https://example.com/evil/name.git\n')
    run(root, "config", "include.path", os.path.join(root, "more"))
    assert Repository(str(root)).origin_name() is None
    run(root, "config", "--unset", "include.path")
    run(root, "remote", "add", "origin", "git@example.com:owner/shop.git")
    assert Repository(str(root)).origin_name() == "owner/shop"
