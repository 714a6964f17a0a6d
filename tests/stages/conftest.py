"""What the tests of every kind of source need: running one over a path, and archives built on the spot."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import zstandard

Sdist = Callable[..., str]


@pytest.fixture
def sdist(tmp_path: Path) -> Sdist:
    """`sdist({file: text}, name="mill-1.2", license="MIT")`: a source distribution as package tools write it."""

    def build(files: Mapping[str, str], name: str = "mill-1.2", license: str = "MIT") -> str:
        package, _, version = name.rpartition("-")
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\nLicense: {license}\n\nA mill."
        path = tmp_path / f"{name}.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for file, text in {**files, "PKG-INFO": metadata}.items():
                content = text.encode()
                entry = tarfile.TarInfo(f"{name}/{file}")
                entry.size = len(content)
                entry.mtime = 1_700_000_000
                archive.addfile(entry, io.BytesIO(content))
        return str(path)

    return build


@pytest.fixture
def gold(corpora: Path) -> Callable[[str], Iterator[dict[str, Any]]]:
    """`gold("math/hott_book_tex")`: the rows of one file of the gold sets."""

    def rows(name: str) -> Iterator[dict[str, Any]]:
        with zstandard.open(corpora / f"{name}.jsonl.zst", "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    return rows
