"""What a plan tells of a run's cost, beside sums made by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.planning.estimate import Estimate, estimates, known_rates
from winnow.pipeline.record.rates import read_rates, write_rates
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.run.unit import Step, Unit, Units
from winnow.stages.run.workspace import Workspace, Written
from winnow.stages.tokens.sample import TRAIN_STEP


def step(name: str) -> Step[Any]:
    return Step(name=name, version=1, work=lambda workspace, unit: {})


SETTINGS: Any = SimpleNamespace(manifest=SimpleNamespace(tokenizer=SimpleNamespace(sample_bytes=3_000)))
KINDS = {"a": ("web", 1_000), "b": ("web", 3_000), "c": ("books", 2_000)}


def receipt(name: str, unit: str, seconds: float, *outputs: tuple[str, int]) -> Receipt:
    written = tuple(Written(path, size, "d") for path, size in outputs)
    return Receipt(step=name, unit=unit, fingerprint="f", outputs=written, memory=7, processor=seconds)


def units(*names: str) -> Units[None]:
    return Units(names, lambda at, name: None, [KINDS.get(name, ("", 0))[1] for name in names])


def measured(folder: Path) -> Workspace:
    """A run in which a part of the web took a second and a millisecond a byte, a book five seconds, buckets twelve."""
    workspace = Workspace(str(folder))
    ingest = [receipt("ingest", "a", 2.0, ("documents/a", 10)), receipt("ingest", "b", 4.0, ("documents/b", 30))]
    ingest.append(receipt("ingest", "c", 5.0, ("documents/c", 8), ("exchange/c", 4)))
    resolve = [receipt("resolve", "bucket-0", 3.0, ("exchange/x", 60)), receipt("resolve", "bucket-1", 9.0)]
    plan = [(step("ingest"), units("a", "b", "c")), (step("resolve"), [Unit(name=name, asked=None) for name in "xy"])]
    plan.append((TRAIN_STEP, [Unit(name="tokenizer", asked=None)]))
    training = [receipt(TRAIN_STEP.name, "tokenizer", 8.0)]
    write_rates(workspace, plan, [ingest, resolve, training], KINDS, {})
    return workspace


def test_costs_are_those_of_units_and_bytes(tmp_path: Path) -> None:
    rates = read_rates(measured(tmp_path / "run"))
    kinds = {"n": ("web", 2_000), "o": ("web", 10_000)}
    planned = [
        (step("ingest"), Units(["n", "o"], lambda at, name: None)),
        (step("resolve"), units("bucket-0", "bucket-1")),
    ]
    planned += [(step("other"), units("n")), (TRAIN_STEP, units("tokenizer"))]
    found, unknown = estimates(planned, kinds, [rates], SETTINGS)
    ingest, resolve, training = found
    assert unknown == ["other"]
    assert ingest.seconds == pytest.approx(2 * 1 + 12) and ingest.longest == pytest.approx(11)
    assert (ingest.units, ingest.memory, ingest.read, ingest.written) == (2, 7, 12_000, pytest.approx(120))
    assert resolve.seconds == pytest.approx(24) and resolve.exchanged == pytest.approx(
        120
    )  # twice the bytes of the run
    assert training.seconds == pytest.approx(8)  # its sample was full there
    assert ingest.hours(1) * 3600 == pytest.approx(14) and ingest.hours(64) * 3600 == pytest.approx(11)


def test_a_kind_that_nobody_has_met_costs_what_all_do(tmp_path: Path) -> None:
    rates = read_rates(measured(tmp_path / "run"))
    (one,), _ = estimates([(step("ingest"), units("c"))], {"c": ("mail", 6_000)}, [rates], SETTINGS)
    assert 11 / 2 < one.seconds < 11 * 2  # of 6,000 bytes in three parts


def test_rates_are_those_beside_the_run_or_those_named(tmp_path: Path) -> None:
    assert known_rates(str(tmp_path / "runs/mine")) == [{}]
    other = measured(tmp_path / "runs/other")
    assert known_rates(str(tmp_path / "runs/mine")) == [{}, read_rates(other)]
    assert known_rates("s3://far", [str(tmp_path / "runs/other")]) == [read_rates(other)]
    with pytest.raises(ConfigurationError, match="keeps no rates"):
        known_rates("runs/mine", [str(tmp_path)])


def test_receipts_of_before_give_no_rates(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    write_rates(workspace, [(step("ingest"), units("a"))], [[receipt("ingest", "a", 0.0)]], KINDS, {})
    assert read_rates(workspace) == {}


def test_no_step_is_done_before_its_longest_unit() -> None:
    one = Estimate(step="s", units=10, seconds=100, longest=40, read=0, written=0, exchanged=0, memory=0)
    assert [round(one.hours(workers) * 3600) for workers in (1, 2, 4, 64)] == [100, 50, 40, 40]
