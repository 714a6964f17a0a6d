"""The source kind that docs/extending.md shows is run as it stands there."""

from __future__ import annotations

import ast
import gzip
import itertools
import re
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from winnow.formats.splits import Split
from winnow.pipeline.configuration.profile import Profile
from winnow.pipeline.standalone import read_documents
from winnow.stages.ingest.source import Builder, kind_module

DOCS = Path(__file__).parents[3] / "docs" / "extending.md"
PUBLISHED = Path(__file__).parent / "published.yaml"
LIST = """From ada@mill.example Wed May  1 10:00:00 2024
From: Ada <ada@mill.example>
Subject: Flour
Date: Wed, 01 May 2024 10:00:00 +0000

How much flour is left?

From bob@mill.example Thu May  2 09:30:00 2024
From: Bob <bob@mill.example>
Subject: Re: Flour
Date: Thu, 02 May 2024 09:30:00 +0000

> How much flour is left?
Two sacks.

From eve@mill.example Thu May  2 09:31:00 2024
Subject: Buy now
Content-Type: text/html

<p>Buy flour now</p>

From kim@mill.example Thu May  2 09:40:00 2024
Subject: Oats
Date: soon

>From Monday on there are oats.

From lee@mill.example Thu May  2 09:50:00 2024
Content-Type: text/plain; charset=nobody-knows

Rye?
"""
READ = [
    ("How much flour is left?", "Flour", "2024-05-01"),
    ("Two sacks.", "Re: Flour", "2024-05-02"),
    ("From Monday on there are oats.", "Oats", None),
]


def shown(language: str, part: str) -> str:
    """The one block of the page in this language that holds this part."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if part in block)
    return block


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The shown module, on disk in a package of its own; its dotted path."""
    code = shown("python", "class Settings")
    package = tmp_path / "shown"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "mailbox.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shown", raising=False)
    monkeypatch.delitem(sys.modules, "shown.mailbox", raising=False)
    return "shown.mailbox"


def ingest(kind: str, path: Path, cuts: list[int]) -> tuple[list[dict], list[str]]:
    module = kind_module(kind)
    tables: list[pa.Table] = []
    builder = Builder("lists", "mailbox", tables.append)
    bounds = [0, *cuts, path.stat().st_size]
    for start, stop in itertools.pairwise(bounds):
        module.read(Split(str(path), start, stop), module.Settings(), builder)
    builder.flush()
    return [row for table in tables for row in table.to_pylist()], [str(r["rule"]) for r in builder.rejections]


def test_the_shown_kind_reads_documents_and_counts_the_rest(example: str, tmp_path: Path) -> None:
    path = tmp_path / "2024-05.mbox"
    path.write_text(LIST)
    documents, rules = ingest(example, path, [])
    assert [(row["text"], row["title"], row["date"]) for row in documents] == READ
    assert rules == ["mailbox.no_text", "mailbox.charset"]
    assert len(kind_module(example).splits(str(path), kind_module(example).Settings())) == 1


def test_the_shown_kind_reads_each_message_once_however_it_is_cut(example: str, tmp_path: Path) -> None:
    path = tmp_path / "2024-05.mbox"
    path.write_text(LIST)
    whole = ingest(example, path, [])
    assert all(ingest(example, path, [cut]) == whole for cut in range(1, len(LIST)))


def test_the_shown_kind_counts_what_is_no_mailbox(example: str, tmp_path: Path) -> None:
    path = tmp_path / "2024-05.mbox.gz"
    path.write_bytes(gzip.compress(LIST.encode()))
    assert ingest(example, path, []) == ([], ["mailbox.no_mailbox"])


def test_the_shown_kind_is_short(example: str, tmp_path: Path) -> None:
    code = (tmp_path / "shown" / "mailbox.py").read_text()
    ast.parse(code)
    assert len(code.splitlines()) < 65


def test_the_shown_profile_reads_them_with_the_shown_kind(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lists" / "archives").mkdir(parents=True)
    (tmp_path / "lists" / "archives" / "2024-05.mbox").write_text(LIST)
    monkeypatch.chdir(tmp_path)
    text = shown("yaml", "mailbox").replace("mypackage.mailbox", example)
    profile = Profile.model_validate(yaml.safe_load(text))
    [(source, [given])] = profile.sources.items()
    tables = list(read_documents([profile.place(path) for path in given.paths], source=source, kind=given.kind))
    assert given.settings().model_dump() == {"drop_quotes": True}
    assert tables[0]["title"].to_pylist() == [title for _, title, _ in READ]
    assert tables[-1]["rule"].to_pylist() == [f"{example}.no_text", f"{example}.charset"]


def test_the_shown_tables_and_mappings_are_those_that_data_sets_have() -> None:
    profile = Profile.model_validate(yaml.safe_load(shown("yaml", "hf://datasets")))
    assert [given.kind for source in profile.sources.values() for given in source].count("conversations") == 2
    known = [shape.get("columns") for shape in yaml.safe_load(PUBLISHED.read_text("utf-8"))]
    table = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| ") and "`{" in line]
    mappings = [yaml.safe_load(found) for line in table for found in re.findall(r"`(\{[^`]*\})`", line)]
    assert len(mappings) == 5
    for mapping in mappings:
        kind = "tables" if "text" in mapping else "conversations"
        assert kind_module(kind).Settings(columns=mapping).columns == mapping
        assert kind == "tables" or any(mapping.items() <= (shape or {}).items() for shape in known), mapping


@pytest.mark.parametrize("kind", ["mailbox", "nowhere.mailbox", "winnow.stages.ingest.mailbox"])
def test_a_kind_that_is_not_there_is_named(kind: str) -> None:
    said = f"there is no module '.*' for kind '{kind}'" if "." in kind else f"no kind of source is called '{kind}'"
    with pytest.raises(LookupError, match=said):
        kind_module(kind)
