"""Lines are numbered as `split` numbers them, from wherever a file is entered, and each is in one piece."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.formats.translations import lines
from winnow.formats.translations.lines import Line, Text

CONTENT = st.lists(st.sampled_from([b"", b"a", b"bb\r", "磨坊".encode(), b"x" * 40]), max_size=60).map(b"\n".join)
SMALL = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = itertools.count()


def expected(content: bytes) -> list[Line]:
    found, offset = [], 0
    for number, line in enumerate(content.splitlines(keepends=True) if b"\r" not in content else cut(content), 1):
        found.append(Line(number, offset, line))
        offset += len(line)
    return found


def cut(content: bytes) -> list[bytes]:
    parts = [part + b"\n" for part in content.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return parts if parts[-1] else parts[:-1]


def written(folder: Path, content: bytes) -> Text:
    path = folder / f"{next(NAMES)}.txt"
    path.write_bytes(content)
    return Text(str(path))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", 16)
    monkeypatch.setattr(lines, "RECORD_BYTES", 32)


@SMALL
@given(CONTENT, st.integers(1, 50), st.integers(1, 7))
def test_every_line_is_in_one_piece_and_runs_are_whole(tmp_path: Path, content: bytes, piece: int, run: int) -> None:
    text = written(tmp_path, content)
    pieces = [list(text.runs(start, start + piece, run)) for start in range(0, len(content), piece)]
    assert [(line.number, line.offset) for found in pieces for line in found] == [
        (line.number, line.offset) for line in expected(content)
    ]
    for found in pieces:
        assert not found or (found[0].number - 1) % run == 0


@SMALL
@given(CONTENT.map(lambda content: content if b"\n" in content else content.replace(b"\r", b"")))
def test_lines_are_found_by_number_and_too_long_ones_known(tmp_path: Path, content: bytes) -> None:
    text = written(tmp_path, content)
    all_lines = expected(content)
    for line in all_lines:
        found = list(text.lines_from(line.number))
        assert [(one.number, one.offset) for one in found] == [
            (one.number, one.offset) for one in all_lines[line.number - 1 :]
        ]
        assert found[0].too_long == (len(line.content) >= 32)
        assert line.content.startswith(found[0].content)


@SMALL
@given(CONTENT.map(lambda content: content if b"\n" in content else content.replace(b"\r", b"")))
def test_newlines_are_counted_and_empty_lines_at_the_end_are_none(tmp_path: Path, content: bytes) -> None:
    counted = written(tmp_path, content).newlines()
    assert sum(counted.blocks) == content.count(b"\n")
    assert counted.lines == (len(content.rstrip(b"\n").split(b"\n")) if content.strip(b"\n") else 0)
    assert Text("member", content).newlines() == counted
    assert Text("member.gz", gzip.compress(content)).newlines() == counted


def test_a_file_is_counted_anew_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n")
    assert Text(str(path)).newlines().lines == 1
    path.write_bytes(b"one\ntwo\n")
    assert Text(str(path)).newlines().lines == 2
