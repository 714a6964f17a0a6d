"""What a stranger does: texts of his own in a folder, and the command line."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from winnow.pipeline.cli import main

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
