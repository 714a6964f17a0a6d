"""A file that is one line of 50 MB: left out by the usual limits, and taken in whole, cut where pieces are full, without."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from winnow.formats.languages import imports
from winnow.formats.languages.parsing import MAXIMAL_BYTES
from winnow.stages.ingest import repositories
from winnow.stages.ingest.source import Builder

MEGABYTES = 50


def ingest(path: Path, settings: repositories.Settings) -> tuple[list[str], list[tuple[str, object]]]:
    tables: list[pa.Table] = []
    builder = Builder(source="code", kind="repositories", emit=tables.append)
    for split in repositories.splits(str(path), settings):
        repositories.read(split, settings, builder)
    builder.flush()
    texts = [text for table in tables for text in table["text"].to_pylist()]
    return texts, [(str(row["rule"]), row["value"]) for row in builder.rejections]


def test_a_line_of_fifty_megabytes(tmp_path: Path) -> None:
    line = ("x = 1; " * (MEGABYTES * 1_000_000 // 7)).strip()
    (tmp_path / "long.py").write_text(line)
    (tmp_path / "short.py").write_text("import long\n")
    texts, rejected = ingest(tmp_path, repositories.Settings())
    assert texts == ["import long\n"]
    assert [rule for rule, _ in rejected] == ["repositories.size"]
    texts, rejected = ingest(tmp_path, repositories.Settings(file_bytes=64 << 20))
    assert texts == [line, "import long\n"]
    assert rejected == []
    assert len(line) > MAXIMAL_BYTES
    facts = imports.read(line.encode(), "long.py", "Python")
    assert facts.references == ()
