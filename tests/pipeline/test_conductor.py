"""What is refused before a run begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from winnow.pipeline import conductor
from winnow.pipeline.reading import ConfigurationError
from winnow.pipeline.settings import load_settings

if TYPE_CHECKING:
    from conftest import SmallRun


def test_a_disk_that_cannot_hold_the_run_is_named_before_work_starts(
    small_run: SmallRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(str(small_run.folder / "small.yaml"), str(small_run.folder / "profile.yaml"))
    monkeypatch.setattr(conductor, "LEAST_OUTPUT", 1e12)  # no disk is as large
    out = tmp_path / "run"
    with pytest.raises(ConfigurationError, match=r"the disk of .*run has [\d,.]+ MB free; this run needs [\d,.]+ MB"):
        conductor.conduct(settings, str(out), workers=1, scheduler=None, until=None, console=Console())
    assert list(out.iterdir()) == []
