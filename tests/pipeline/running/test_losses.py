"""What a runner loses: workers, a scheduler, a disk, the sight of its folder. Units are worked again, or named in a sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from typing import Any

import pytest
from distributed import Client

from tests.pipeline.conftest import Silence
from tests.pipeline.running.work import SQUARE, UNITS, Number, square
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.record.receipt import read_receipt
from winnow.pipeline.running import runner as runner_module
from winnow.pipeline.running.cluster import ROLL_CALL, connect
from winnow.pipeline.running.failures import RunFailed
from winnow.pipeline.running.runner import Runner
from winnow.stages.run.unit import Counts, Step, Unit
from winnow.stages.run.workspace import Workspace

DEADLINE = 60.0


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


def lose_the_scheduler(workspace: Workspace, unit: Unit[Any]) -> Counts:
    os.kill(unit.asked.number, signal.SIGKILL)
    time.sleep(DEADLINE)
    return {}


def fill_the_disk(workspace: Workspace, unit: Unit[Any]) -> Counts:
    with open("/dev/full", "wb") as stream:  # Linux's device that answers every write as a full disk does
        stream.write(b"x")
    return {}


def test_a_killed_worker_costs_nothing_but_time(run: Any, workspace: Workspace) -> None:
    [receipts] = run((Step(name="square", version=1, work=die_once), UNITS))
    assert workspace.exists("died")
    assert [receipt.counts["number"] for receipt in receipts] == [0, 1, 2, 3]


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


def test_a_folder_that_workers_dont_share_ends_the_run(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a process is a file system that no other process sees."""
    monkeypatch.setattr(runner_module, "SHARED_SECONDS", 0.0)
    with (
        Runner(Workspace("memory://unshared"), lambda: nullcontext(client), Silence()) as runner,
        pytest.raises(ConfigurationError, match="isn't to be seen here"),
    ):
        runner.run(Step(name="write", version=1, work=write), UNITS[:1])
