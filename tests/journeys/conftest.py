"""What a stranger does: texts of his own in a folder, and the command line."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pydoc
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.pipeline.cli import main

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
LID = Path(os.environ.get("WINNOW_LID", Path(__file__).parents[2] / "data" / "models" / "lid.176.ftz"))


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    status: int
    said: str  # both streams, with every run of white space one space, so that no line break is in the way
    lines: list[str]


Winnow = Callable[..., Answer]


@pytest.fixture
def winnow() -> Winnow:
    return call


def call(*arguments: str | Path) -> Answer:
    """The command line as the console script runs it, in this process. A traceback is a failure."""
    stream = io.StringIO()
    status = 0
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = int(ended.code or 0)
    said = stream.getvalue()
    assert "Traceback" not in said, said
    return Answer(status, re.sub(r"\s+", " ", said), said.splitlines())


@pytest.fixture(scope="session")
def lid() -> Path:
    """The language model; the test is skipped where set-up hasn't brought it."""
    if not LID.exists():
        pytest.skip("language model not found: run the set-up, or set WINNOW_LID to the path of lid.176.ftz")
    return LID


@pytest.fixture(scope="session")
def english() -> list[str]:
    """Hundreds of paragraphs of English prose: what Python says about itself."""
    return list(_paragraphs())


def _paragraphs() -> Iterator[str]:
    for _, page in sorted(topics.items()):
        for block in re.split(r"\n\s*\n", page):
            text = " ".join(block.split())
            if len(text.split()) > 25 and text.endswith(".") and text[0].isupper():
                yield text


def corpus(folder: Path, english: list[str]) -> None:
    """JSONL, Parquet, text, pages, conversations, a git clone, and a file that nobody reads."""
    (folder / "chats").mkdir(parents=True)
    articles = [" ".join(english[first : first + 4]) for first in range(0, 240, 4)]
    rows = [json.dumps({"id": number, "body": text}) for number, text in enumerate([*articles, *articles[:3]])]
    (folder / "articles.jsonl").write_text("\n".join(rows) + "\n")
    pq.write_table(
        pa.table({"content": english[240:280], "url": [f"https://a.example/{n}" for n in range(40)]}),
        folder / "crawl.parquet",
    )
    talks = [
        [{"role": "user", "content": f"What of {text[:40]}?"}, {"role": "assistant", "content": text}]
        for text in english[280:320]
    ]
    (folder / "chats" / "talks.jsonl").write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in talks))
    (folder / "notes").mkdir()
    (folder / "notes" / "one.txt").write_text("\n\n".join(english[320:330]))
    (folder / "pages").mkdir()
    page = pydoc.html.page("heapq", pydoc.html.document(importlib.import_module("heapq"), "heapq"))
    (folder / "pages" / "heapq.html").write_text(page)
    code = folder / "clones" / "heaps"
    code.mkdir(parents=True)
    shutil.copy(Path(sysconfig.get_path("stdlib")) / "heapq.py", code)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        subprocess.run([*git, *command], cwd=code, check=True)
    (folder / "letter.doc").write_bytes(b"PK\3\4")


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, lid: Path, english: list[str]) -> Path:
    """A working folder with `corpus/`, and the language model where the first run would bring it."""
    folder = tmp_path_factory.mktemp("tutorial")
    corpus(folder / "corpus", english)
    (folder / "models").mkdir()
    shutil.copy(lid, folder / "models")
    return folder


@pytest.fixture(scope="session")
def answers(place: Path) -> dict[str, Answer]:
    """What the commands of docs/tutorial.md answered, worked there in their order."""
    commands = re.findall(r"^\$ winnow (.+)$", TUTORIAL.read_text("utf-8"), re.MULTILINE)
    with contextlib.chdir(place):
        found = {command.split()[0]: call(*command.split()) for command in commands}
    for command, answer in found.items():
        assert answer.status == 0, (command, answer.said)
    return found


@pytest.fixture(scope="session")
def tutorial(place: Path, answers: dict[str, Answer]) -> Path:
    """The working folder after the tutorial: `manifest.yaml`, `profile.yaml` and the run in `runs/own`."""
    return place
