"""What steps cost, of receipts whose spans are worked by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.pipeline.record.receipt import Receipt, write_receipt
from winnow.pipeline.reports.costs import covered, idle_share, most_at_once, step_costs
from winnow.stages.run.workspace import Workspace

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)).map(lambda span: (span[0], span[0] + span[1])))


@given(SPANS)
def test_time_is_counted_second_by_second(spans: list[tuple[int, int]]) -> None:
    at_once = [sum(begin <= second < end for begin, end in spans) for second in range(50)]
    told = np.array(spans, float).reshape(-1, 2)
    assert covered(told) == sum(map(bool, at_once))
    assert most_at_once(told) == max(at_once)


def test_a_worker_that_waits_for_the_last_unit_is_idle() -> None:
    spans = np.array([(0.0, 4.0), (0.0, 2.0), (10.0, 12.0), (10.0, 12.0)])
    assert idle_share(spans, workers=2) == pytest.approx(2 / 12)
    assert idle_share(spans[:0], workers=2) is None


def test_costs_of_a_run_by_step(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    workspace.write_bytes("plan.json", json.dumps({"steps": ["ingest", "choose"]}).encode())
    for unit, began, memory in (("a", 100.0, 7), ("b", 101.0, 9)):
        told = Receipt(
            step="ingest",
            unit=unit,
            fingerprint="",
            seconds=3.0,
            began=began,
            memory=memory,
            counts={"bytes": 3_000_000},
        )
        write_receipt(workspace, told)
    write_receipt(workspace, Receipt(step="choose", unit="all", fingerprint="", seconds=2.0, began=110.0))
    ingest, choose = step_costs(workspace)
    assert (ingest.name, ingest.units, ingest.seconds, ingest.memory, ingest.rate) == ("ingest", 2, 6.0, 9, 1.0)
    assert ingest.idle == pytest.approx(1 - 6 / 8) and choose.idle == pytest.approx(0.5) and choose.memory == 0


def test_a_receipt_of_before_times_were_kept_stays_as_it_was() -> None:
    old = Receipt(step="s", unit="u", fingerprint="f", seconds=1.0)
    assert b"began" not in old.to_json() and b"memory" not in old.to_json()
    told = Receipt(step="s", unit="u", fingerprint="f", seconds=1.0, began=5.0, memory=6)
    assert Receipt.from_json(old.to_json()) == old and Receipt.from_json(told.to_json()) == told


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is Linux's to tell")
def test_a_peak_is_forgotten_and_another_one_seen() -> None:
    """In a process of its own: in this one, other tests' threads may give back more than the test takes."""
    steps = """
from winnow.pipeline.running.memory import forget_peak, peak

size = 64 << 20
held = bytearray(b"x") * size
first = peak()
del held
forget_peak()
low = peak()
held = bytearray(b"x") * size
print(size, first, low, peak())
"""
    told = subprocess.run([sys.executable, "-c", steps], check=True, capture_output=True, text=True).stdout
    size, first, low, again = map(int, told.split())
    assert first > size and low < first - size // 2 and again >= low + size // 2
