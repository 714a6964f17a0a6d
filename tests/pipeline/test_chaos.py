"""The short form of `make chaos`: a run that is disturbed near its end comes to the end of one that wasn't."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.trials import Chaos, begun_before

if TYPE_CHECKING:
    from conftest import SmallRun

FAULTS = ("kill -9 of the group", "power failure", "SIGINT, SIGTERM", "files above a size refused")


def test_a_disturbed_run_leaves_what_an_undisturbed_one_does(
    small_run: SmallRun, finished: Path, tmp_path: Path
) -> None:
    begun_before(finished, tmp_path / "begun", "histogram")
    chaos = Chaos(tmp_path, 7, small_run, finished, faults=FAULTS)  # type: ignore[arg-type]
    trials = list(chaos.trials(4, tmp_path / "begun"))
    assert len(trials) >= 4
    assert [trial for trial in trials if trial.wrong] == []
