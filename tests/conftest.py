"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from winnow.stages.run.workspace import Workspace

CORPORA = Path(os.environ.get("WINNOW_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))

# No test is a matter of time: an example may wait for a kernel to compile, or for a slow machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


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
