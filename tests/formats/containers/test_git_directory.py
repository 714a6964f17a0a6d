"""What a repository's directory says is never obeyed: every key of git's own list, hooks, attributes, places outside."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from winnow.formats.containers.git import Repository
from winnow.formats.containers.git_directory import GitError
from winnow.pipeline.commands.order import command as order
from winnow.stages.ingest import history, repositories
from winnow.stages.ingest.source import Builder

SIGNATURE = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEz\n -----END PGP SIGNATURE-----\n"


def run(where: Path, *arguments: str, stdin: str | None = None) -> str:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=Ann", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, *arguments],
        cwd=where,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def made(root: Path, *options: str) -> Path:
    """Three commits, the last one signed by nobody, each an edit of two files."""
    root.mkdir(parents=True)
    run(root, "init", *options)
    for number in range(3):
        (root / "a.py").write_text(f"def f():\n    return {number}\n")
        (root / "b.py").write_text(f"import a\n\nprint(a.f() + {number})\n")
        run(root, "add", "-A")
        run(root, "commit", "-m", f"Change what both files say, time {number}")
    head, _, message = run(root, "cat-file", "commit", "HEAD").partition("\n\n")
    signed = run(root, "hash-object", "-t", "commit", "-w", "--stdin", stdin=f"{head}\n{SIGNATURE}\n{message}\n")
    run(root, "update-ref", "refs/heads/main", signed)
    return root


def documents(path: Path, reader: object = repositories) -> tuple[list[str], list[str]]:
    """Texts of the documents and rules of the rejections."""
    tables: list[pa.Table] = []
    builder = Builder(source="s", kind="k", emit=tables.append)
    settings = reader.Settings()  # type: ignore[attr-defined]
    for split in reader.splits(str(path), settings):  # type: ignore[attr-defined]
        reader.read(split, settings, builder)  # type: ignore[attr-defined]
    builder.flush()
    texts = [str(text) for table in tables for text in table["text"].to_pylist()]
    return texts, [str(row["rule"]).partition(".")[2] for row in builder.rejections]


def planted(root: Path, program: Path) -> int:
    """Writes every key that git knows with the program for its value, the switches that call it, and hooks."""
    keys = [key for key in run(root, "help", "--config").splitlines() if re.fullmatch(r"[A-Za-z]+\.\S+", key)]
    keys = [key for key in keys if not key.startswith(("include", "extensions."))]
    lines = []
    for key in keys:
        section, _, rest = re.sub(r"<[^>]*>|\*", "evil", key).partition(".")
        middle, _, name = rest.rpartition(".")
        lines.append(f'[{section} "{middle}"]\n' if middle else f"[{section}]\n")
        lines.append(f"\t{name} = {program}\n")
    lines.append("[log]\n\tshowSignature = true\n[core]\n\tfsmonitor = true\n\tpager = true\n")
    lines.append('[diff "evil"]\n\tcachetextconv = true\n[filter "evil"]\n\trequired = true\n')
    lines.append('[remote "origin"]\n\tpromisor = true\n\turl = ext::' + str(program) + " x\n")
    directory = root / ".git"
    (directory / "planted").write_text("".join(lines))
    with (directory / "config").open("a") as config:
        config.write("[include]\n\tpath = planted\n[extensions]\n\tworktreeConfig = true\n\tpartialClone = origin\n")
        config.write(f'[includeIf "gitdir:/**"]\n\tpath = {directory}/planted\n')
    for place in ("config", "config.worktree"):
        with (directory / place).open("a") as config:
            config.writelines(lines)
    attributes = "* filter=evil diff=evil merge=evil text ident\n"
    (directory / "info/attributes").write_text(attributes)
    (root / ".gitattributes").write_text(attributes)
    for hook in (directory / "hooks").glob("*.sample"):
        target = hook.with_suffix("")
        target.write_text(program.read_text())
        target.chmod(0o755)
    return len(keys)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    program = tmp_path / "trap"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    return program


def test_no_key_of_a_repositorys_configuration_is_obeyed(tmp_path: Path, trap: Path) -> None:
    root, ran = made(tmp_path / "shop"), tmp_path / "ran"
    before = documents(root), documents(root, history)
    run(root, "config", "gpg.program", str(trap))
    run(root, "config", "log.showSignature", "true")
    run(root, "show", "-s", "HEAD")
    assert ran.exists(), "the trap itself works"
    ran.unlink()
    assert planted(root, trap) > 500
    assert (documents(root), documents(root, history)) == before
    assert len(before[0][0]) == 2 and len(before[1][0]) == 2
    ordered = CliRunner().invoke(order, [str(root)])
    assert ordered.exit_code == 0 and "2 files" in ordered.output
    assert not ran.exists()


@pytest.mark.parametrize("name", ["objects/info/alternates", "commondir", ".git", "objects", "objects/pack", "HEAD"])
def test_nothing_outside_of_a_repository_is_read(tmp_path: Path, name: str) -> None:
    private, root = made(tmp_path / "private"), tmp_path / "shop"
    run(private, "gc")
    secret = run(private, "rev-parse", "HEAD")
    run(tmp_path, "init", "shop")
    directory = root / ".git"
    (directory / "refs/heads/main").write_text(secret + "\n")
    if name == ".git":
        run(tmp_path, "init", "other")
        (tmp_path / "shop/.git").rename(tmp_path / "shop/unused")
        directory.write_text(f"gitdir: {private}/.git\n")
    elif name == "objects/info/alternates":
        (directory / name).write_text(f"{private}/.git/objects\n")
    elif name == "commondir":
        (directory / name).write_text(f"{private}/.git\n")
    elif name == "HEAD":
        (directory / name).unlink()
        (directory / name).symlink_to(private / ".git/refs/heads/main")
    else:
        (directory / name).rename(directory / "unused")
        (directory / name).symlink_to(private / ".git" / name)
    texts, rules = documents(root)
    assert texts == [] and set(rules) <= {"repository", "outside"} and (rules or name == "HEAD")
    texts, rules = documents(root, history)
    assert texts == [] and set(rules) <= {"repository", "outside"}


def test_pipes_and_grafts_and_replaced_objects_are_passed_over(tmp_path: Path) -> None:
    root = made(tmp_path / "shop")
    before = documents(root), documents(root, history)
    first, last = run(root, "rev-list", "--reverse", "HEAD").split()[::2]
    run(root, "replace", last, first)
    (root / ".git/info/grafts").write_text(f"{last}\n")
    os.mkfifo(root / ".git/refs/heads/pipe")
    fans = (root / ".git/objects" / f"{number:02x}" for number in range(256))
    os.mkfifo(next(fan for fan in fans if not fan.exists()))  # commits, and so their names, differ from day to day
    os.mkfifo(next(fan for fan in (root / ".git/objects").glob("??") if fan.is_dir()) / ("0" * 38))
    assert (documents(root), documents(root, history)) == before


@pytest.mark.parametrize("form", ["packed", "bare", "work tree", "submodule", "shallow", "sha256", "alternates inside"])
def test_every_form_of_a_repository_gives_the_same_files(tmp_path: Path, form: str) -> None:
    root = made(tmp_path / "shop", *(["--object-format=sha256"] if form == "sha256" else []))
    expected = documents(root)[0]
    assert len(expected) == 2
    places: dict[str, Callable[[], Path]] = {"packed": lambda: root, "sha256": lambda: root}
    if form == "packed":
        run(root, "gc")
        assert (root / ".git/packed-refs").exists()
    elif form == "bare":
        run(tmp_path, "clone", "--bare", "shop", "shop.git")
        places[form] = lambda: tmp_path / "shop.git"
    elif form == "work tree":
        run(root, "worktree", "add", "../tree", "HEAD")
        places[form] = lambda: tmp_path / "tree"
    elif form == "submodule":
        run(tmp_path, "init", "super")
        run(tmp_path / "super", "-c", "protocol.file.allow=always", "submodule", "add", str(root), "sub")
        places[form] = lambda: tmp_path / "super/sub"
    elif form == "shallow":
        run(tmp_path, "clone", "--depth", "2", f"file://{root}", "shallow")
        places[form] = lambda: tmp_path / "shallow"
        assert documents(tmp_path / "shallow", history)[1] == ["root"]
    elif form == "alternates inside":
        (root / ".git/more").mkdir()
        (root / ".git/objects").rename(root / ".git/more/objects")
        (root / ".git/objects/info").mkdir(parents=True)
        (root / ".git/objects/info/alternates").write_text("../more/objects\n")
        places[form] = lambda: root
    assert documents(places[form]())[0] == expected


def test_the_temporary_directory_goes_with_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, held = made(tmp_path / "shop"), tmp_path / "held"
    held.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(held))
    repository = Repository(str(root))
    assert repository.commit_of("main") and len(list(held.iterdir())) == 1
    del repository
    assert list(held.iterdir()) == []
    assert (root / ".git/objects").is_dir() and (root / ".git/refs/heads/main").exists()


def test_what_is_no_repository_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="no git repository"):
        Repository(str(tmp_path))
