"""Fixtures that more than one folder of tests needs: a run directory, gold sets, one input run through its kind, archives."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
import zstandard
from hypothesis import settings

from winnow.stages.ingest.source import Builder, kind_module
from winnow.stages.run.workspace import Workspace

CORPORA = Path(os.environ.get("WINNOW_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))

# No test is a matter of time: an example may wait for a kernel to compile, or for a slow machine.
# The same examples on every run: what fails once, fails for everybody. `make fuzz` draws others.
settings.register_profile("untimed", deadline=None, derandomize="WINNOW_FUZZ" not in os.environ)
settings.load_profile("untimed")


@pytest.fixture(scope="module", autouse=True)
def _subnormal_numbers() -> None:
    """What training in this process has set for its own speed is taken back: others count on the numbers next to 0."""
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of gold sets (`WINNOW_CORPORA`, by default `../shared/corpora`); the test is skipped without it."""
    if not CORPORA.is_dir():
        pytest.skip("gold sets not found: set WINNOW_CORPORA to their folder")
    return CORPORA


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty run directory."""
    return Workspace(str(tmp_path / "run"))


class Ingested(NamedTuple):
    """What one input became."""

    documents: list[dict[str, Any]]
    rejections: list[dict[str, Any]]


Ingest = Callable[..., Ingested]
Sdist = Callable[..., str]


@pytest.fixture
def ingest() -> Ingest:
    """`ingest(kind, path, **settings)`: every split read in order by the kind's own module."""

    def run(kind: str, path: str | Path, **settings: Any) -> Ingested:
        module = kind_module(kind)
        tables: list[pa.Table] = []
        builder = Builder(source="test", kind=kind, emit=tables.append)
        options = module.Settings(**settings)
        for split in module.splits(str(path), options):
            module.read(split, options, builder)
        builder.flush()
        documents = [row for table in tables for row in table.to_pylist()]
        return Ingested(documents, builder.rejection_table().to_pylist())

    return run


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
