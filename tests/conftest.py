"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import settings

from winnow.stages.ingest.source import Builder, kind_module
from winnow.stages.run.workspace import Workspace

CORPORA = Path(os.environ.get("WINNOW_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))

# No test is a matter of time: an example may wait for a kernel to compile, or for a slow machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


class Ingested(NamedTuple):
    """What one input became."""

    documents: list[dict[str, Any]]
    rejections: list[dict[str, Any]]


Ingest = Callable[..., Ingested]


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
