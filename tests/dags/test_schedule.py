"""The DAG under a real Airflow: scheduler, DAG processor and API server on the loopback, tasks as processes.

`make airflow-serve-test` makes `.venv-airflow` and runs it: five minutes of one processor, ten by the clock on a busy machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import Client

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
AIRFLOW = ROOT / ".venv-airflow" / "bin" / "airflow"
PATIENCE = 600.0  # seconds; on a quiet machine a run takes forty
NEVER = "0 0 29 2 *"  # a run of 2026 has the interval between the last two such days, and none comes by itself
LEAP_DAY = "2020-02-29"
SERIES = "runs/mid-by-date"

MANIFEST = """\
stage: mid
seed: 1
deduplicate: {exact: {}, minhash: {threshold: 0.7, remember: true}}
tokenizer: {vocabulary_size: 600}
mixture: {sources: {web: 50, notes: 50}, natural: true}
packing: best_fit
curriculum: [{length: 128, share: 100}]
"""
PROFILE = """\
buckets: 1
sources:
  web: [{kind: tables, content: prose, paths: ["crawl/{date}/*.jsonl"]}]
  notes: [{kind: tables, content: prose, paths: ["notes/*.jsonl"]}]
"""


@dataclass(frozen=True)
class Served:
    """An Airflow that is up, and the folder in which the runs of its DAG have their inputs."""

    folder: Path
    url: str
    token: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def start(self, **asked: object) -> str:
        """Starts a run of the DAG over the folder's inputs; its id."""
        given = {"stage": "mid.yaml", "profile": "profile.yaml", "workers": 1}
        body = {"logical_date": asked.pop("logical_date", None), "conf": {**given, **asked}}
        return str(self.ask("POST", "dags/winnow/dagRuns", body)["dag_run_id"])

    def ended(self, run: str, dag: str = "winnow") -> str:
        """Waits for a run's end; its state."""

        return str(wait_for(lambda: self.over(run, dag), f"the end of {run}"))

    def over(self, run: str, dag: str = "winnow") -> str:
        """The state of a run that is over; empty before."""
        found = str(self.ask("GET", f"dags/{dag}/dagRuns/{run}")["state"])
        return found if found in ("success", "failed") else ""

    def tasks(self, run: str) -> dict[str, dict[str, Any]]:
        """The instances of a run's tasks by name; those mapped over sources by name and source."""
        found = self.ask("GET", f"dags/winnow/dagRuns/{run}/taskInstances?limit=100")["task_instances"]
        return {
            entry["task_id"] + (f" {entry['rendered_map_index']}" if entry["map_index"] >= 0 else ""): entry
            for entry in found
        }

    def states(self, run: str) -> dict[str, str]:
        return {name: entry["state"] for name, entry in self.tasks(run).items()}


def wait_for(found: Callable[[], Any], what: str, pause: float = 1.0) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):  # no file yet, or no answer
            if answer := found():
                return answer
        time.sleep(pause)
    raise TimeoutError(what)


def write(path: Path, numbers: range) -> None:
    """A text of its own for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [f"{chr(97 + first)}{chr(97 + second)}ra" for first in range(26) for second in range(26)]
    texts = (" ".join(random.Random(number).choices(words, k=120)) for number in numbers)
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not AIRFLOW.exists():
        pytest.skip("make airflow-serve-test installs Airflow")
    folder = tmp_path_factory.mktemp("airflow")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "mid.yaml").write_text(MANIFEST)
    (folder / "profile.yaml").write_text(PROFILE)
    write(folder / "notes/a.jsonl", range(20))
    write(folder / f"crawl/{LEAP_DAY}/a.jsonl", range(100, 130))
    (folder / "dags").mkdir()
    shutil.copy(ROOT / "dags" / "shards.py", folder / "dags")
    shutil.copy(Path(__file__).with_name("waiting.py"), folder / "dags")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test alone, which has more than its sixty-four bytes",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "120",  # a busy machine's server answers late
        "TOLD": str(folder / "told.json"),
        "WINNOW_HOME": str(folder),
        "WINNOW_ON_FAILURE": f'echo "$TASK $RUN: $ERROR" >>"{folder}/failures"',
        "WINNOW_POOL": "shards",
        "WINNOW_REPORTS": "https://reports.example",
        "WINNOW_RETRIES": "1",
        "WINNOW_RETRY_SECONDS": "1",
        "WINNOW_SCHEDULE": NEVER,
    }
    subprocess.run([AIRFLOW, "db", "migrate"], env=environment, check=True, capture_output=True)
    commands = (
        ("api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        ("scheduler",),
        ("dag-processor",),
    )
    with contextlib.ExitStack() as stack:
        for command in commands:
            log = stack.enter_context(open(folder / f"{command[0]}.log", "w"))
            process = subprocess.Popen([AIRFLOW, *command], env=environment, stdout=log, stderr=log)
            stack.callback(end, process)

        def token() -> str:
            with urllib.request.urlopen(f"{url}/auth/token", timeout=60) as answer:
                return str(json.load(answer)["access_token"])

        served = Served(folder, url, wait_for(token, "the API server"))
        served.ask("POST", "pools", {"name": "shards", "slots": 1, "description": "one run at a time"})
        for dag in ("winnow", "training"):
            wait_for(lambda dag=dag: served.ask("PATCH", f"dags/{dag}", {"is_paused": False}), dag)
        yield served


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and what it has started."""
    started = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(20)
    for one in (process, *started):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def working(run: Path) -> psutil.Process | None:
    """The process of `winnow run` in a folder."""
    for process in psutil.process_iter(["cmdline"]):
        asked = process.info["cmdline"] or []
        if "run" in asked and f"--series={SERIES}" in asked and f"--date={run.name}" in asked:
            return process
    return None


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a Dask cluster of one worker."""
    address = f"tcp://127.0.0.1:{free_port()}"
    port, dask = address.rpartition(":")[2], ROOT / ".venv/bin/dask"
    with contextlib.ExitStack() as stack:
        for command in (
            ("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"),
            ("worker", address, "--nthreads", "1", "--no-dashboard"),
        ):
            process = subprocess.Popen([dask, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(end, process)
        yield address


@pytest.fixture(scope="module")
def first(served: Served) -> str:
    """A run of which the last task but two is killed in the middle, with all that it had started."""
    started = served.start(logical_date="2026-11-30T02:00:00Z")
    folder = served.folder / SERIES / LEAP_DAY
    begun = folder / "receipts/encode"
    wait_for(lambda: list(begun.glob("*")) or served.over(started), "encoded documents", pause=0.2)
    process = working(folder)
    assert process is not None and not (folder / "lock.json").exists()
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGKILL)
    assert served.ended(started) == "success"
    return started


def test_a_killed_task_is_tried_again_to_the_lock_of_a_run_that_wasnt(served: Served, first: str) -> None:
    tries = {name: entry["try_number"] for name, entry in served.tasks(first).items()}
    assert tries["build"] == 2 and sum(tries.values()) == len(tries) + 1
    command = [ROOT / ".venv/bin/winnow", "run", "--stage", "mid.yaml", "--profile", "profile.yaml", "--workers", "1"]
    subprocess.run([*command, "--date", LEAP_DAY, "--out", "whole"], cwd=served.folder, check=True, capture_output=True)
    locks = [(served.folder / folder / "lock.json").read_bytes() for folder in (f"{SERIES}/{LEAP_DAY}", "whole")]
    assert locks[0] == locks[1]


def test_sources_are_tasks_of_their_own_in_the_pool(served: Served, first: str) -> None:
    tasks = served.tasks(first)
    steps = {f"by_source.{step} {source}" for step in ("ingest", "filter") for source in ("notes", "web")}
    assert tasks.keys() == {"plan", "deduplicate", "build", "verify", "publish", *steps}
    assert {entry["pool"] for entry in tasks.values()} == {"shards"}


def test_another_dag_waits_for_the_asset_and_hears_of_the_run(served: Served, first: str) -> None:
    told = json.loads(wait_for(lambda: (served.folder / "told.json").read_text(), "the other DAG"))
    verified = subprocess.run(
        [ROOT / ".venv/bin/winnow", "verify", served.folder / SERIES / LEAP_DAY],
        check=True,
        capture_output=True,
        text=True,
    )
    run = f"{served.folder}/{SERIES}/{LEAP_DAY}"
    assert told == [{"run": run, "lock": verified.stdout.split()[-1], "report": f"{run}/report.html"}]


def test_the_task_links_to_the_report(served: Served, first: str) -> None:
    links = served.ask("GET", f"dags/winnow/dagRuns/{first}/taskInstances/build/links")
    assert links["extra_links"] == {"Report": f"https://reports.example/{SERIES}/{LEAP_DAY}/report.html"}


def test_the_next_run_takes_what_is_new_and_the_one_after_has_nothing_to_do(
    served: Served, first: str, scheduler: str
) -> None:
    write(served.folder / "crawl/2026-11-16/b.jsonl", range(120, 150))  # ten of them are known
    second = served.start(date="2026-11-16", scheduler=scheduler)
    assert served.ended(second) == "success"
    lock = json.loads((served.folder / SERIES / "2026-11-16/lock.json").read_bytes())
    assert [entry["path"] for entry in lock["inputs"]] == ["crawl/2026-11-16/b.jsonl"] and lock["after"]
    dropped = next(step for step in lock["steps"] if step["step"] == "deduplicate.minhash.drop")
    assert dropped["counts"]["dropped"] == 10
    with Client(scheduler) as client:
        assert client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter) > 0
    third = served.start(date="2026-11-23")
    assert served.ended(third) == "success"
    assert set(served.states(third).values()) == {"skipped"}


def test_a_task_given_up_is_told_and_parameters_are_no_shell(served: Served, first: str) -> None:
    run = served.start(profile="$(touch pwned); `touch pwned`", date="2026-11-28", series=False, out="elsewhere")
    assert served.ended(run) == "failed"
    assert served.states(run)["plan"] == "failed" and served.tasks(run)["plan"]["try_number"] == 2
    told = wait_for(lambda: (served.folder / "failures").read_text(), "the callback")
    assert told.startswith(f"plan {served.folder}/elsewhere: ") and told.count("\n") == 1
    assert not list(served.folder.rglob("pwned"))
