"""Commits as edits across files, from a real repository made here; issues and pull requests joined to them."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from winnow.stages.ingest import history
from winnow.stages.ingest.source import Builder


class Repository:
    """A git repository that grows by commits of given files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-b", "main")
        self.git("remote", "add", "origin", "git@example.com:owner/shop.git")

    def git(self, *arguments: str, author: str = "Ann") -> str:
        identity = ("-c", f"user.name={author}", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True, text=True, env=environment
        )
        return done.stdout.strip()

    def commit(self, message: str, files: dict[str, str | None], author: str = "Ann") -> str:
        for path, text in files.items():
            if text is None:
                (self.root / path).unlink()
            else:
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).write_text(text)
        self.git("add", "-A", "-f")
        self.git("commit", "-m", message, author=author)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Repository, dict[str, str]]:
    shop = Repository(tmp_path / "shop")
    a, b = "def price():\n    return 1\n", "from a import price\nprint(price())\n"
    names = {
        "root": shop.commit(
            "Begin the shop with two files", {"a.py": a, "b.py": b, "LICENSE": "SPDX-License-Identifier: MIT\n"}
        ),
        "edit": shop.commit(
            "Let prices be taxed, fixes #7 (#8)",
            {"a.py": "def price(tax):\n    return 1 + tax\n", "b.py": "from a import price\nprint(price(2))\n"},
        ),
        "one": shop.commit("Change a single file and no other", {"a.py": "def price(tax):\n    return 2 + tax\n"}),
        "bot": shop.commit("Bump two of the many dependencies", {"a.py": a, "b.py": b}, author="dependabot[bot]"),
        "revert": shop.commit('Revert "Bump two of the many dependencies"', {"a.py": b, "b.py": a}),
        "spaces": shop.commit(
            "Format all the files with a formatter", {"a.py": b.replace("(", " (") + "\n", "b.py": a + "\n\n"}
        ),
        "short": shop.commit("wip", {"a.py": "x = 1\n", "b.py": "y = 1\n"}),
        "locks": shop.commit("Update the lock file beside one file", {"package-lock.json": "{}\n", "b.py": "y = 2\n"}),
        "rename": shop.commit(
            "Move a file and say so in the other", {"a.py": None, "c.py": "x = 1\n", "b.py": "import c\n"}
        ),
    }
    return shop, names


def read(shop: Repository, **options: object) -> tuple[list[dict[str, object]], dict[str, str]]:
    tables: list[pa.Table] = []
    builder = Builder(source="edits", kind="history", emit=tables.append)
    settings = history.Settings.model_validate(options)
    for split in history.splits(str(shop.root), settings):
        history.read(split, settings, builder)
    builder.flush()
    rules = {str(row["locator"]).rpartition("@")[2]: str(row["rule"]).partition(".")[2] for row in builder.rejections}
    return [row for table in tables for row in table.to_pylist()], rules


def test_only_edits_across_files_that_somebody_meant_are_kept(shop: tuple[Repository, dict[str, str]]) -> None:
    repository, names = shop
    documents, rules = read(repository)
    assert {str(row["locator"]).rpartition("@")[2] for row in documents} == {names["edit"], names["rename"]}
    expected = {
        "root": "root", "one": "files", "bot": "robot", "revert": "revert", "spaces": "formatting", "short": "message",
        "locks": "files",
    }  # fmt: skip
    assert rules == {names[name]: rule for name, rule in expected.items()}


def test_a_document_holds_the_files_before_the_message_and_a_diff_that_git_applies(
    shop: tuple[Repository, dict[str, str]], tmp_path: Path
) -> None:
    repository, names = shop
    row = next(row for row in read(repository)[0] if str(row["locator"]).endswith(names["edit"]))
    text = str(row["text"])
    assert (row["repository"], row["language"], row["license"]) == ("owner/shop", "Python", "MIT")
    assert "File: a.py\n```\ndef price():\n    return 1\n```\n" in text
    assert text.index("File: b.py") < text.index("Commit: Let prices be taxed, fixes #7 (#8)") < text.index("```diff")
    repository.git("checkout", "-q", names["root"])
    (tmp_path / "change.diff").write_text(text.partition("```diff\n")[2].rpartition("```")[0])
    repository.git("apply", str(tmp_path / "change.diff"))
    repository.git("add", "-A")
    assert repository.git("write-tree") == repository.git("rev-parse", f"{names['edit']}^{{tree}}")


def test_issues_and_pull_requests_come_before_the_commit_that_closes_them(
    shop: tuple[Repository, dict[str, str]], tmp_path: Path
) -> None:
    repository, names = shop
    issue = {"number": 7, "title": "Prices lack taxes", "body": "They should not."}
    pull = {"number": 8, "title": "Tax prices", "body": "As asked.", "merged": True, "merge_commit_sha": names["edit"]}

    def said(name: str, text: str, when: str) -> dict[str, object]:
        return {"id": when, "user": {"login": name}, "body": text, "created_at": when}

    events = [
        {"type": "IssuesEvent", "repo": {"name": "Owner/Shop"}, "payload": {"issue": issue}},
        {"repo": {"name": "owner/shop"}, "payload": {"issue": issue, "comment": said("bo", "Second.", "2020-02")}},
        {
            "repo": {"name": "owner/shop"},
            "payload": {"issue": issue, "comment": said("al", "> They\nFirst.", "2020-01")},
        },
        {"repo": {"name": "owner/shop"}, "payload": {"issue": issue, "comment": said("ci[bot]", "Built.", "2020-03")}},
        {"type": "PullRequestEvent", "repo": {"name": "owner/shop"}, "payload": {"pull_request": pull}},
        {"type": "IssuesEvent", "repo": {"name": "owner/shoe"}, "payload": {"issue": {**issue, "title": "Never"}}},
    ]
    with gzip.open(tmp_path / "2020-01-01-0.json.gz", "wt") as stream:
        stream.write("\n".join([*map(json.dumps, events), "{broken owner/shop"]))
    documents, _ = read(repository, events=[str(tmp_path / "*.json.gz")])
    text = str(next(row for row in documents if str(row["locator"]).endswith(names["edit"]))["text"])
    order = [
        "Issue #7: Prices lack taxes",
        "They should not.",
        "al: First.",
        "bo: Second.",
        "Pull request #8: Tax prices",
        "File: a.py",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "Never" not in text and "Built." not in text


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_events_that_break_off_are_one_rejection(
    shop: tuple[Repository, dict[str, str]], tmp_path: Path, suffix: str
) -> None:
    issue = {"number": 7, "title": "Prices lack taxes", "body": "They should not."}
    event = json.dumps({"repo": {"name": "owner/shop"}, "payload": {"issue": issue}}).encode() + b"\n"
    noise = b"".join(b'{"id": "%x"}\n' % (number**30) for number in range(20_000))
    packed = (gzip.compress if suffix == "gz" else zstandard.compress)(event + noise)
    (tmp_path / f"events.json.{suffix}").write_bytes(packed[:-100])
    documents, rules = read(shop[0], events=[str(tmp_path / "events.json.*")])
    assert any("Issue #7: Prices lack taxes" in str(row["text"]) for row in documents)
    assert [rule for place, rule in rules.items() if "events.json" in place] == ["truncated"]


def test_limits_and_a_merge(shop: tuple[Repository, dict[str, str]]) -> None:
    repository, names = shop
    assert read(repository, file_bytes=10)[1][names["edit"]] == "size"
    assert read(repository, minimum_files=1)[1].get(names["one"]) is None
    repository.git("checkout", "-q", "-b", "side", names["short"])
    repository.commit("Work on a branch beside the other", {"d.py": "d = 1\n", "e.py": "e = 1\n"})
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "Merge the branch that lies beside", "side")
    assert read(repository)[1][repository.git("rev-parse", "HEAD")] == "merge"
    assert len(read(repository)[0]) == 3
