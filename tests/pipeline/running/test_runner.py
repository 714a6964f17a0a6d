"""The runner on a real Dask cluster: done work isn't done again, what is spoiled is, and a failure is named."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from tests.pipeline.conftest import Silence
from tests.pipeline.running.work import SQUARE, UNITS, Number, calls, square
from winnow.pipeline.record import ledger
from winnow.pipeline.record.receipt import (
    Receipt,
    read_receipt,
    receipt_path,
    write_receipt,
)
from winnow.pipeline.record.receipt_tables import read_table, table_of, write_table
from winnow.pipeline.running.failures import RunFailed
from winnow.pipeline.running.runner import Runner
from winnow.stages.run.unit import Counts, File, Step, Unit
from winnow.stages.run.workspace import Workspace

DEADLINE = 60.0


def meet(workspace: Workspace, unit: Unit[Any]) -> Counts:
    """Done when the other run has begun too."""
    workspace.write_bytes("here", b"")
    deadline = time.monotonic() + DEADLINE
    while not Path(unit.asked, "here").exists():
        assert time.monotonic() < deadline, "the other run never began"
        time.sleep(0.01)
    return {}


def divide(workspace: Workspace, unit: Unit[Any]) -> Counts:
    return {"number": 1 // (unit.asked.number - 1)}


def test_every_unit_is_worked_once_and_has_its_receipt(run: Any, workspace: Workspace) -> None:
    [receipts] = run((SQUARE, UNITS))
    assert [receipt.counts["number"] for receipt in receipts] == [0, 1, 2, 3]
    assert calls(workspace) == [unit.name for unit in UNITS]
    assert workspace.read_bytes("squares/unit-3") == b"9"


def test_what_is_done_is_not_done_again(run: Any, workspace: Workspace) -> None:
    first = run((SQUARE, UNITS))
    again = run((SQUARE, UNITS))
    assert first == again
    assert len(calls(workspace)) == len(UNITS)


def test_a_changed_parameter_a_changed_version_and_a_changed_input_are_worked_again(
    run: Any, workspace: Workspace
) -> None:
    def chain(number: int, version: int) -> None:
        first = Unit(name="first", asked=Number(number=number))
        second = Unit(name="second", asked=Number(number=1, others=(File("squares/first"),)))
        run((SQUARE, [first]), (Step(name="second", version=version, work=square), [second]))

    chain(2, 1)
    chain(2, 1)
    assert calls(workspace) == ["first", "second"]
    chain(2, 2)
    assert calls(workspace) == ["first", "second", "second"]
    chain(3, 2)
    assert calls(workspace) == ["first", "first", "second", "second", "second"]
    assert workspace.read_bytes("squares/second") == b"100"


def flip(path: Path) -> None:
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


SPOILED: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "nothing": (lambda root: None, set()),
    "a file is gone": (lambda root: (root / "squares/unit-1").unlink(), {"unit-1"}),
    "a file is longer": (lambda root: (root / "squares/unit-4").write_bytes(b"16 "), {"unit-4"}),
    "two files are empty": (
        lambda root: [(root / f"squares/unit-{number}").write_bytes(b"") for number in (0, 3)],
        {"unit-0", "unit-3"},
    ),
    "a table is flipped": (lambda root: flip(first_table(root)), {"unit-0", "unit-1"}),
    "a table is gone": (lambda root: first_table(root).unlink(), {"unit-0", "unit-1"}),
    "a receipt is newer": (lambda root: write_receipt(Workspace(str(root)), STALE), {"unit-2"}),
    "a table has another's name": (
        lambda root: first_table(root).rename(root / "receipts/square" / f"{'0' * 32}.parquet"),
        {"unit-0", "unit-1"},
    ),
}
STALE = Receipt(step="square", unit="unit-2", fingerprint="another")


def first_table(root: Path) -> Path:
    workspace = Workspace(str(root))
    tables = [read_table(workspace, path) for path in workspace.list("receipts/square", ".parquet")]
    return next(root / table.path for table in tables if "unit-0" in table.column("unit"))


@pytest.mark.parametrize("spoiled", SPOILED)
def test_of_a_step_in_tables_what_is_spoiled_is_worked_again_and_nothing_else(
    run: Any, workspace: Workspace, spoiled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "LEAST_UNITS", 3)
    monkeypatch.setattr(ledger, "ROWS", 2)
    units = [Unit(name=f"unit-{number}", asked=Number(number=number)) for number in range(5)]
    after = Unit(
        name="after", asked=Number(number=1, others=tuple(File(f"squares/unit-{number}") for number in range(5)))
    )
    chain = ((SQUARE, units), (Step(name="after", version=1, work=square), [after]))
    first = [[told(one) for one in step] for step in run(*chain)]
    assert len(workspace.list("receipts/square", ".parquet")) == 3
    Path(workspace.path("calls")).write_text("")
    spoil, expected = SPOILED[spoiled]
    spoil(Path(workspace.root))
    again = [list(step) for step in run(*chain)]
    assert set(calls(workspace)) == expected
    assert [[told(one) for one in step] for step in again] == first
    assert workspace.read_bytes("squares/after") == b"961"  # (0 + 1 + 4 + 9 + 16 + 1) squared
    assert len(workspace.list("receipts/square")) == 3
    Path(workspace.path("calls")).write_text("")
    assert [list(step) for step in run(*chain)] == again and calls(workspace) == []


def told(receipt: Receipt) -> tuple[Any, ...]:
    return receipt.unit, receipt.fingerprint, receipt.outputs, receipt.counts


def test_of_a_step_in_tables_a_flipped_bit_and_another_environment_count_where_that_is_asked(
    workspace: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "LEAST_UNITS", 3)
    monkeypatch.setattr(ledger, "ROWS", 2)

    def work(**options: bool) -> list[str]:
        Path(workspace.path("calls")).write_text("")
        with Runner(workspace, lambda: nullcontext(client), Silence(), **options) as runner:
            runner.run(SQUARE, UNITS)
        return calls(workspace)

    os.makedirs(workspace.root)
    assert len(work()) == 4
    flip(Path(workspace.path("squares/unit-3")))
    assert work() == [] and work(paranoid=True) == ["unit-3"] and work(paranoid=True) == []
    assert work(rework_versions=True) == []
    table = first_table(Path(workspace.root))
    held = read_table(workspace, str(table.relative_to(workspace.root)))
    other = [replace(one, environment="another") for one in held.receipts()]
    write_table(workspace, SQUARE.name, table_of(other))
    table.unlink()
    assert work() == [] and work(rework_versions=True) == ["unit-0", "unit-1"]


def test_what_an_earlier_plan_left_is_removed(run: Any, workspace: Workspace) -> None:
    run((SQUARE, UNITS))
    run((SQUARE, UNITS[:2]))
    assert workspace.list("squares") == ["squares/unit-0", "squares/unit-1"]
    assert len(workspace.list("receipts")) == 2


def test_a_torn_receipt_is_as_good_as_none(run: Any, workspace: Workspace) -> None:
    run((SQUARE, UNITS))
    path = Path(workspace.path(receipt_path("square", "unit-2")))
    path.write_bytes(path.read_bytes()[:20])
    run((SQUARE, UNITS))
    assert calls(workspace).count("unit-2") == 2
    assert read_receipt(workspace, "square", "unit-2") is not None


def test_two_runs_share_a_scheduler_and_no_unit(client: Client, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]

    def work(folder: Path, other: Path) -> list[Receipt]:
        folder.mkdir()
        unit = Unit(name="all", asked=str(other))
        with Runner(Workspace(str(folder)), lambda: nullcontext(client), Silence()) as runner:
            return runner.run(Step(name="meet", version=1, work=meet), [unit])

    with ThreadPoolExecutor(2) as threads:
        assert len(list(threads.map(work, folders, reversed(folders)))) == 2
    assert all((folder / "receipts/meet/all.json").exists() for folder in folders)


def test_a_scheduler_keeps_as_much_of_many_units_as_of_few(workspace: Workspace, client: Client, run: Any) -> None:
    """Its statistics, which it never forgets, are by step: names of inputs are as many as there are inputs."""
    before = set(client.cluster.scheduler.task_prefixes)
    units = [
        Unit(name=f"{name}_{number}.tar.gz", asked=Number(number=number))
        for number, name in enumerate(("news", "books", "code", "talks", "laws", "poems"))
    ]
    run((SQUARE, units))
    assert len(set(client.cluster.scheduler.task_prefixes) - before) <= 1


def test_an_error_names_the_unit_and_the_others_are_done(run: Any, workspace: Workspace) -> None:
    with pytest.raises(RunFailed) as caught:
        run((Step(name="divide", version=1, work=divide), UNITS))
    [failure] = caught.value.failures
    assert failure.unit == "unit-1"
    assert "ZeroDivisionError" in failure.reason
    assert len(workspace.list("receipts/divide", ".json")) == 3


def note_start(workspace: Workspace, unit: Unit[Number]) -> Counts:
    os.makedirs(workspace.path(""), exist_ok=True)
    with open(workspace.path("started"), "a") as stream:
        stream.write(f"{unit.name}\n")
    return {}


def test_the_longest_units_begin_first_and_receipts_keep_their_order(client: Client, workspace: Workspace) -> None:
    sizes = {f"unit-{number:02d}": number for number in range(24)}
    units = [Unit(name=name, asked=Number(number=size), raw_bytes=size) for name, size in sizes.items()]
    with Runner(workspace, lambda: nullcontext(client), Silence()) as runner:
        receipts = runner.run(Step(name="note", version=1, work=note_start), units)
    assert [receipt.unit for receipt in receipts] == list(sizes)
    started = [sizes[name] for name in Path(workspace.path("started")).read_text().split()]
    assert sorted(started) == list(sizes.values())
    for place, size in enumerate(started):
        larger = sum(other > size for other in sizes.values())
        assert larger <= place + 5  # two workers, six units open at a time: the others have begun before


def test_workers_of_another_folder_write_where_the_run_lies(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster was started in a folder of its own, where `runs/mid` would be another one."""
    monkeypatch.chdir(tmp_path)
    workspace = Workspace("runs/mid")
    os.makedirs(workspace.path(""))
    with Runner(workspace, lambda: nullcontext(client), Silence()) as runner:
        runner.run(SQUARE, UNITS[:2])
    assert (tmp_path / "runs/mid/squares/unit-1").exists()
