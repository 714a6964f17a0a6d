"""Which units of a step begin first: by the rates of earlier runs, and by bytes where there are none."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.pipeline.planning.lengths import Lengths
from winnow.pipeline.record.rates import PATH, Rate, read_rates
from winnow.stages.run.unit import File, Unit
from winnow.stages.run.workspace import Workspace


def rate(each: float, byte: float) -> Rate:
    return Rate(
        units=1, raw=1, seconds=1.0, each=each, byte=byte, longest=1.0, read=0.0, written=0, exchanged=0, memory=0
    )


def unit(name: str, *inputs: str) -> Unit[Any]:
    return Unit(name=name, asked=tuple(File(one) for one in inputs))


KINDS = {"a": ("web", 1_000), "b": ("web", 1_000), "c": ("chats", 100), "d": ("books", 50)}
UNITS = [unit("a", "x", "y"), unit("b", "z"), unit("c", "x")]
SIZES = {"x": 10, "y": 20, "z": 60}


def test_a_kind_takes_what_its_rate_tells_and_its_units_their_share_by_bytes() -> None:
    known = [{"measure": {"web": rate(1.0, 0.001), "chats": rate(2.0, 0.1)}}]
    lengths = Lengths(kinds=KINDS, known=known)
    assert lengths.of("measure", UNITS, SIZES) == pytest.approx([1 + 2 * 30 / 90, 1 + 2 * 60 / 90, 12.0])
    without_files = lengths.of("measure", UNITS, {})
    assert without_files == pytest.approx([2.0, 2.0, 12.0])


def test_a_kind_that_no_run_has_met_costs_what_the_others_do_together() -> None:
    known = [{}, {"measure": {"web": rate(1.0, 0.0), "chats": rate(3.0, 0.0)}}]
    assert Lengths(kinds=KINDS, known=known).of("measure", [unit("d", "x")], SIZES)[0] == 2.0 + 0 * 50


@pytest.mark.parametrize(
    ("known", "units"),
    [
        ([], UNITS),
        ([{"decide": {"web": rate(9.0, 0.0)}}], UNITS),
        ([{"measure": {"": rate(9.0, 0.0)}}], [unit("q", "z")]),
    ],
)
def test_where_no_run_has_measured_the_step_or_units_work_no_part_bytes_count(known: Any, units: Any) -> None:
    expected = {"a": 30.0, "b": 60.0, "c": 10.0, "q": 60.0}
    assert Lengths(kinds=KINDS, known=known).of("measure", units, SIZES) == [expected[one.name] for one in units]


def test_files_of_a_whole_exchange_tell_no_unit_from_another() -> None:
    names = [f"f{number}" for number in range(40)]
    units = [Unit(name="a", asked=tuple(map(File, names)), raw_bytes=7), unit("b", *names[:3])]
    assert Lengths().of("pack", units, dict.fromkeys(names, 5)) == [7.0, 15.0]


@given(
    st.recursive(
        st.none() | st.floats() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2)
    )
)
def test_rates_that_are_no_numbers_are_none_at_all(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    workspace = Workspace(str(tmp_path_factory.mktemp("run")))
    said = {"measure": {"web": {**asdict(rate(1.0, 2.0)), "byte": value}}}
    workspace.write_bytes(PATH, json.dumps(said).encode())
    lengths = Lengths(kinds=KINDS, known=[read_rates(workspace)]).of("measure", UNITS[:2], SIZES)
    assert lengths == sorted(lengths) and len(lengths) == 2
