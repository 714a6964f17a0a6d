"""What is refused before a run begins."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from tests.pipeline.conftest import Silence
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.running import conductor
from winnow.stages.run.unit import Step

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


def test_a_folder_needs_room_for_all_that_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for the 4 kB that the folder itself takes."""
    for number in range(3):
        (tmp_path / "repos" / "one" / "src").mkdir(parents=True, exist_ok=True)
        (tmp_path / "repos" / "one" / "src" / f"{number}.py").write_text("x = 1\n" * 100_000)
    (tmp_path / "m.yaml").write_text(
        "stage: pretrain\nseed: 1\ntokenizer: {vocabulary_size: 1000, sample_bytes: 100000}\n"
        "mixture: {sources: {code: 100}}\npacking: concatenate\ncurriculum: [{length: 512, share: 100}]\n"
    )
    (tmp_path / "p.yaml").write_text(
        f"root: {tmp_path}\nsources: {{code: [{{kind: repositories, paths: [repos/*]}}]}}\n"
    )
    settings = load_settings(str(tmp_path / "m.yaml"), str(tmp_path / "p.yaml"))
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(conductor, "LEAST_OUTPUT", 2 * free / 1_800_000)
    with pytest.raises(ConfigurationError, match="at the very least: free some"):
        conductor.conduct(settings, str(tmp_path / "run"), workers=1, scheduler=None, until=None, console=Console())


def test_what_killed_units_left_is_gone_at_the_end(small_run: SmallRun, tmp_path: Path) -> None:
    """Of an earlier run and of this one, whose worker was killed while it wrote and whose unit another one did."""
    settings = load_settings(str(small_run.folder / "small.yaml"), str(small_run.folder / "profile.yaml"))
    out = tmp_path / "run"
    seen = []

    class Litter(Silence):
        def step_finished(self, step: Step[Any], receipts: Sequence[Receipt]) -> None:
            seen.extend(out.rglob("*.tmp"))
            (out / f"{step.name}.parquet.0123abcd.tmp").touch()

    out.mkdir()
    (out / "earlier.parquet.0123abcd.tmp").touch()
    conductor.conduct(
        settings, str(out), workers=1, scheduler=None, until="ingest", console=Console(), followers=[Litter()]
    )
    assert [path.name for path in seen] == ["inventory.parquet.0123abcd.tmp"]
    assert not list(out.rglob("*.tmp"))
