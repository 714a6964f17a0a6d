"""The runner on a real Dask cluster: done work isn't done again, a killed worker loses nothing, a failure is named."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from pydantic import BaseModel

from tests.pipeline.conftest import Silence
from winnow.filters.recipes import Rule, find_recipe
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.record import ledger
from winnow.pipeline.record.receipt import (
    Fingerprints,
    Receipt,
    fingerprint,
    read_receipt,
    receipt_path,
    write_receipt,
)
from winnow.pipeline.record.receipt_tables import read_table, table_of, write_table
from winnow.pipeline.running import runner as runner_module
from winnow.pipeline.running.cluster import ROLL_CALL, connect
from winnow.pipeline.running.failures import RunFailed
from winnow.pipeline.running.runner import Runner
from winnow.stages.decide import Application
from winnow.stages.run.unit import GROUND_VERSION, Counts, File, Files, Place, Step, Unit, canonical
from winnow.stages.run.workspace import Workspace

DEADLINE = 60.0


@dataclass(frozen=True, kw_only=True)
class Number:
    number: int
    others: Files = ()


def square(workspace: Workspace, unit: Unit[Number]) -> Counts:
    with open(workspace.path("calls"), "a") as calls:
        calls.write(unit.name + "\n")
    number = unit.asked.number
    for name in unit.asked.others:
        number += int(workspace.read_bytes(name))
    workspace.write_bytes(f"squares/{unit.name}", str(number**2).encode())
    return {"number": number}


def write(workspace: Workspace, unit: Unit[Any]) -> Counts:
    workspace.write_bytes(unit.name, b"")
    return {}


def die_once(workspace: Workspace, unit: Unit[Any]) -> Counts:
    if unit.name == "unit-1" and not workspace.exists("died"):
        workspace.write_bytes("died", b"")
        os.kill(os.getpid(), signal.SIGKILL)
    return square(workspace, unit)


def die_in_company(workspace: Workspace, unit: Unit[Any]) -> Counts:
    deaths = len(workspace.list("deaths"))
    if unit.name == "unit-1" and deaths < 2:
        workspace.write_bytes(f"deaths/{deaths}", b"")
        os.kill(os.getpid(), signal.SIGKILL)
    return square(workspace, unit)


def die_always(workspace: Workspace, unit: Unit[Any]) -> Counts:
    if unit.name == "unit-1":
        os.kill(os.getpid(), signal.SIGKILL)
    return square(workspace, unit)


def meet(workspace: Workspace, unit: Unit[Any]) -> Counts:
    """Done when the other run has begun too."""
    workspace.write_bytes("here", b"")
    deadline = time.monotonic() + DEADLINE
    while not Path(unit.asked, "here").exists():
        assert time.monotonic() < deadline, "the other run never began"
        time.sleep(0.01)
    return {}


def lose_the_scheduler(workspace: Workspace, unit: Unit[Any]) -> Counts:
    os.kill(unit.asked.number, signal.SIGKILL)
    time.sleep(DEADLINE)
    return {}


def divide(workspace: Workspace, unit: Unit[Any]) -> Counts:
    return {"number": 1 // (unit.asked.number - 1)}


def fill_the_disk(workspace: Workspace, unit: Unit[Any]) -> Counts:
    with open("/dev/full", "wb") as stream:  # Linux's device that answers every write as a full disk does
        stream.write(b"x")
    return {}


UNITS = [Unit(name=f"unit-{number}", asked=Number(number=number)) for number in range(4)]
SQUARE = Step(name="square", version=1, work=square)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with connect(workers=2, scheduler=None, allowed_failures=1) as client:
        yield client


@pytest.fixture
def run(workspace: Workspace, client: Client) -> Any:
    os.makedirs(workspace.root, exist_ok=True)

    @contextmanager
    def cluster() -> Iterator[Client]:
        yield client

    def work(*steps: tuple[Step[Any], list[Unit[Any]]]) -> list[list[Receipt]]:
        with Runner(workspace, cluster, Silence()) as runner:
            return [runner.run(step, units) for step, units in steps]

    return work


def calls(workspace: Workspace) -> list[str]:
    return sorted(Path(workspace.path("calls")).read_text().split())


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


def test_a_killed_worker_costs_nothing_but_time(run: Any, workspace: Workspace) -> None:
    [receipts] = run((Step(name="square", version=1, work=die_once), UNITS))
    assert workspace.exists("died")
    assert [receipt.counts["number"] for receipt in receipts] == [0, 1, 2, 3]


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


def test_workers_that_dask_gave_up_are_replaced(run: Any, workspace: Workspace, client: Client) -> None:
    cluster = client.cluster
    lost = list(cluster.workers.values())
    for nanny in lost:
        cluster.sync(nanny.close)  # what becomes of a nanny whose worker dies while it starts
    [receipts] = run((SQUARE, UNITS))
    assert [receipt.counts["number"] for receipt in receipts] == [0, 1, 2, 3]
    patience = time.monotonic() + 10 * ROLL_CALL / 1000  # one may have done all before the next roll call
    while not set(lost).isdisjoint(cluster.workers.values()) and time.monotonic() < patience:
        time.sleep(0.1)
    assert set(lost).isdisjoint(cluster.workers.values())


def test_a_unit_that_kills_its_workers_is_quarantined_and_the_others_are_done(run: Any, workspace: Workspace) -> None:
    with pytest.raises(RunFailed) as caught:
        run((Step(name="square", version=1, work=die_always), UNITS))
    [failure] = caught.value.failures
    assert (failure.unit, "died" in failure.reason) == ("unit-1", True)
    done = {unit.name for unit in UNITS if read_receipt(workspace, "square", unit.name)}
    assert done == {"unit-0", "unit-2", "unit-3"}


def test_a_unit_blamed_for_dead_workers_gets_a_last_try_alone(run: Any, workspace: Workspace) -> None:
    [receipts] = run((Step(name="square", version=1, work=die_in_company), UNITS))
    assert len(workspace.list("deaths")) == 2
    assert [receipt.counts["number"] for receipt in receipts] == [0, 1, 2, 3]


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


def test_shared_parameters_and_files_count_for_every_unit_that_has_them() -> None:
    shared = tuple(File(f"f{number}") for number in range(40))
    units = [Unit(name=f"u{number}", asked=Number(number=number, others=shared)) for number in range(3)]
    digests = {name: name for name in shared}
    marking = Fingerprints(SQUARE, digests)
    marks = [marking.of(unit) for unit in units]
    assert marks == [fingerprint(SQUARE, unit, digests) for unit in units]
    assert len({*marks, *(fingerprint(SQUARE, unit, {**digests, "f39": "x"}) for unit in units)}) == 6


def written_out(value: Any, digests: dict[str, str]) -> str:
    """What a fingerprint is of, as it was first written: each value by itself, nothing remembered."""

    def files(names: Files) -> str:
        told = "".join(f"{name}\0{digests[name]}\0" for name in names).encode("utf-8", "surrogatepass")
        return f"{len(names)} files {blake2b(told, digest_size=16).hexdigest()}"

    if isinstance(value, File):
        return files((value,))
    if isinstance(value, tuple) and value and all(isinstance(inner, File) for inner in value):
        return files(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(written_out(inner, digests) for inner in value if not isinstance(inner, Place))}]"
    if is_dataclass(value) and not hasattr(value, "identity"):
        named = [(field.name, getattr(value, field.name)) for field in fields(value)]
        told = [f"{name}:{written_out(one, digests)}" for name, one in named if not isinstance(one, Place)]
        return f"{{{','.join(told)}}}"
    return json.dumps(canonical(value, files), sort_keys=True, ensure_ascii=False)


class Colour(StrEnum):
    RED = "red"


class Options(BaseModel):
    width: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Everything:
    value: Any
    more: tuple[Any, ...]


def test_a_fingerprint_is_of_all_parameters_written_out() -> None:
    shared = tuple(File(f"f{number}") for number in range(40))
    rule = Rule(name="a", measure="b", minimum=0.5)
    values = [
        None, True, 3, -0.0, 1e300, "文 \"\n\udc80", Place("/here"), File("f1"), shared, (), [], (File("f2"), "no file"),
        Colour.RED, {"b": Place("/x"), "a": File("f3"), "c": shared}, frozenset({"b", "a"}), Number(number=1, others=shared[:2]),
        rule, (Place("/there"), None, 2.0), Application(recipe=find_recipe("gopher_quality")), Options(),
    ]  # fmt: skip
    digests = {name: f"{number:032x}" for number, name in enumerate(shared)}
    marking = Fingerprints(SQUARE, digests)
    for place, value in enumerate([*values, *values]):
        unit = Unit(name=f"u{place}", asked=Everything(value=value, more=(value, values[(place - 1) % len(values)])))
        heading = f"square\0{1}\0{GROUND_VERSION}\0{unit.name}\0"
        content = (heading + written_out(unit.asked, digests)).encode("utf-8", "surrogatepass")
        assert marking.of(unit) == blake2b(content, digest_size=16).hexdigest()


def test_a_file_that_no_receipt_vouches_for_cannot_be_an_input() -> None:
    with pytest.raises(KeyError):
        fingerprint(SQUARE, Unit(name="x", asked=Number(number=1, others=(File("nowhere"),))), {})


def test_a_receipt_survives_its_own_format() -> None:
    receipt = Receipt(step="s", unit="u", fingerprint="f", counts={"文档": 3}, seconds=0.5)
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert json.loads(receipt.to_json())["counts"] == {"文档": 3}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_a_full_disk_is_named_without_a_traceback(run: Any) -> None:
    with pytest.raises(RunFailed) as caught:
        run((Step(name="fill", version=1, work=fill_the_disk), UNITS[:1]))
    assert caught.value.failures[0].reason == "the disk is full ([Errno 28] No space left on device): free some space"


def test_a_scheduler_that_is_lost_is_one_sentence(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of one's own, on loopback, with one worker; it is killed while it has a unit worked."""
    monkeypatch.setattr("winnow.pipeline.running.cluster.CONNECT_SECONDS", 2)
    os.makedirs(workspace.root, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    module = [sys.executable, "-m"]
    scheduler = subprocess.Popen(
        [*module, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"], **quiet
    )
    worker = subprocess.Popen(
        [*module, "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"], **quiet
    )
    kill = Step(name="kill", version=1, work=lose_the_scheduler)
    units = [Unit(name="unit-0", asked=Number(number=scheduler.pid))]
    try:
        deadline = time.monotonic() + DEADLINE
        while not _answers(int(port)):
            assert time.monotonic() < deadline, "the scheduler never came up"
            time.sleep(0.1)
        with (
            Runner(workspace, lambda: connect(workers=None, scheduler=address), Silence()) as runner,
            pytest.raises(RunFailed) as failed,
        ):
            runner.run(kill, units)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()
    assert [failure.reason for failure in failed.value.failures] == [
        "the Dask scheduler was lost, and with it what became of this unit: start it again"
    ]
    assert "Traceback" not in caplog.text


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


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


def test_a_folder_that_workers_dont_share_ends_the_run(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a process is a file system that no other process sees."""
    monkeypatch.setattr(runner_module, "SHARED_SECONDS", 0.0)
    with (
        Runner(Workspace("memory://unshared"), lambda: nullcontext(client), Silence()) as runner,
        pytest.raises(ConfigurationError, match="isn't to be seen here"),
    ):
        runner.run(Step(name="write", version=1, work=write), UNITS[:1])
