"""Faults that a run must survive. Each begins the run, does its harm at a moment that the dice choose, and ends it.

A fault is given an `Attempt` and says in a word what became of it; whatever it does, it leaves the folder as it found
the machine: mounts undone, processes ended.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.mounts import Mounted
from tests.chaos.power import Journal, lose_power
from tests.chaos.starter import Forked, start

SHIM = Path(__file__).parent / "shim"
DEADLINE = 600.0  # seconds in which a run ends or is taken for hung; a busy machine needs many
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class Hung(AssertionError):
    """A run that neither ended nor went on."""


@dataclass
class Attempt:
    """One start of the run in the folder `out`, whose output goes to `log`."""

    command: list[str]
    out: Path
    log: Path
    dice: random.Random
    finished: Sequence[Path]  # the files of a run that nobody disturbed
    process: subprocess.Popen[bytes] | Forked | None = None
    forked: bool = False  # from a process that has all loaded, where the fault doesn't ask for a program of its own
    told: str = ""
    before: dict[str, tuple[int, int]] = field(default_factory=dict)  # inode and size of each file when it began

    def start(
        self,
        environment: Mapping[str, str] | None = None,
        limits: Callable[[], None] | None = None,
        *,
        journal: Path | None = None,
        cold: bool = False,
    ) -> None:
        """`journal`: where the shim notes what was flushed. `cold`: a program by itself, even where runs are forked."""
        environment = dict(environment or {})
        if journal is not None:
            environment["CHAOS_JOURNAL"] = str(journal)
        if self.forked and not cold:
            arguments = self.command[self.command.index("run") :]
            self.process = start(
                arguments, self.log, environment, limits, SHIM / "sitecustomize.py" if journal else None
            )
            return
        if journal is not None:
            environment["PYTHONPATH"] = os.pathsep.join([str(SHIM), os.environ.get("PYTHONPATH", "")])
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **environment},
                preexec_fn=partial(_begin, limits),
            )

    @cached_property
    def total(self) -> int:
        """Receipts of a finished run."""
        return sum(path.parent.parent.name == "receipts" and path.suffix == ".json" for path in self.finished)

    @cached_property
    def sizes(self) -> list[int]:
        """Those of a finished run's files, the smallest first."""
        return sorted(path.stat().st_size for path in self.finished)

    def used(self) -> int:
        """Bytes that lie in the folder of the run."""
        return sum(path.stat().st_size for path in self.out.rglob("*") if path.is_file())

    def receipts(self) -> int:
        return sum(1 for _ in (self.out / "receipts").glob("*/*.json"))

    def wait_for_moment(self) -> bool:
        """Until some receipt that isn't there yet is, and a little longer. False where the run ended before."""
        assert self.process is not None
        there = self.receipts()
        wanted = self.dice.randint(there, max(self.total - 1, there))
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None and self.receipts() < wanted:
            if time.monotonic() > end:
                raise Hung(f"no receipt {wanted} of {self.total}")
            time.sleep(0.01)
        time.sleep(self.dice.random() * 0.2)
        return self.process.poll() is None

    def finish(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Hung("the run didn't end") from None
        finally:
            self.kill()

    def kill(self) -> None:
        """Every process of the attempt, whatever became of it."""
        assert self.process is not None
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.process.pid:
                    process.kill()
            except (psutil.Error, ProcessLookupError, PermissionError):
                continue
        self.process.wait()

    def workers(self) -> list[psutil.Process]:
        assert self.process is not None
        try:
            run = psutil.Process(self.process.pid)
            if isinstance(self.process, Forked):  # its workers are children of its server of forks
                return [worker for server in run.children() for worker in server.children()]
            return [child for child in run.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
        except psutil.Error:
            return []


def _begin(limits: Callable[[], None] | None) -> None:
    """In a program that is about to be started: Control-C ends it, even where the trials run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if limits is not None:
        limits()


def kill_worker(attempt: Attempt) -> int:
    """A worker dies; the nanny that watches it, a thread of the run, starts another."""
    attempt.start()
    for _ in range(attempt.dice.randint(1, 3)):
        if attempt.wait_for_moment() and (workers := attempt.workers()):
            _kill(attempt.dice.choice(workers))
    return attempt.finish()


def kill_group(attempt: Attempt) -> int:
    attempt.start()
    attempt.wait_for_moment()
    attempt.kill()
    return -signal.SIGKILL


def kill_main(attempt: Attempt) -> int:
    """The run with its scheduler and nannies; its workers see that alone, and end. The next run may begin before they do."""
    attempt.start()
    attempt.wait_for_moment()
    assert attempt.process is not None
    workers = attempt.workers()
    attempt.process.kill()
    attempt.process.wait()
    end = time.monotonic() + DEADLINE
    while any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers):
        if time.monotonic() > end:
            raise Hung("workers outlive their run")
        time.sleep(0.05)
    return -signal.SIGKILL


def kill_at_start(attempt: Attempt) -> int:
    attempt.start(cold=True)
    time.sleep(attempt.dice.random() * 6)
    attempt.kill()
    return -signal.SIGKILL


def kill_workers_at_start(attempt: Attempt) -> int:
    """Each worker as it comes up, up to four."""
    attempt.start(cold=attempt.dice.random() < 0.5)
    assert attempt.process is not None
    end = time.monotonic() + attempt.dice.uniform(5, 20)
    killed: set[int] = set()
    while time.monotonic() < end and len(killed) < 4 and attempt.process.poll() is None:
        for worker in attempt.workers():
            if worker.pid not in killed:
                killed.add(worker.pid)
                _kill(worker)
        time.sleep(0.02)
    return attempt.finish()


def interrupt(attempt: Attempt) -> int:
    """Control-C, or what a batch system sends."""
    attempt.start()
    attempt.wait_for_moment()
    assert attempt.process is not None
    attempt.process.send_signal(attempt.dice.choice([signal.SIGINT, signal.SIGTERM]))
    return attempt.finish()


def kill_scheduler(attempt: Attempt) -> int:
    """A scheduler and a nanny with one worker of their own, one of which dies."""
    attempt.start()  # only to have a session that holds them; replaced below
    attempt.kill()
    python = attempt.command[0]
    address = f"127.0.0.1:{attempt.dice.randint(20_000, 60_000)}"
    host, port = address.split(":")
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    scheduler = subprocess.Popen(
        [python, "-m", "distributed.cli.dask_scheduler", "--host", host, "--port", port, "--no-dashboard"], **quiet
    )
    nanny = subprocess.Popen(
        [python, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"], **quiet
    )
    attempt.command = [*attempt.command, "--scheduler", f"tcp://{address}"]
    try:
        attempt.start()
        attempt.wait_for_moment()
        _kill(psutil.Process(attempt.dice.choice([scheduler.pid, scheduler.pid, nanny.pid])))
        assert attempt.process is not None
        if scheduler.poll() is None:  # without its only nanny a run waits for another, as it should
            time.sleep(1)
            attempt.kill()
            return -signal.SIGKILL
        return attempt.finish()
    finally:
        for process in (nanny, scheduler):
            for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
                _kill(child)
            process.kill()
            process.wait()


def full_disk(attempt: Attempt) -> int:
    """The disk of the run fills up: somewhere between what lies there and what a finished run needs."""
    used = attempt.used()
    with Mounted(attempt.out, used + attempt.dice.randint(20_000, max(3_000_000, sum(attempt.sizes) - used))):
        attempt.start()
        return attempt.finish()


def large_files_refused(attempt: Attempt) -> int:
    """From a size on that some files of a finished run have."""
    most = max(1_000, attempt.dice.choice(attempt.sizes[len(attempt.sizes) // 2 :]))
    attempt.start(limits=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
    return attempt.finish()


def read_only(attempt: Attempt) -> int:
    """The folder of the run can't be written any more, from a moment on."""
    with Mounted(attempt.out, attempt.used() + (64 << 20) + 2 * sum(attempt.sizes)) as mounted:
        attempt.start()
        attempt.wait_for_moment()
        mounted.refuse_writes()
        return attempt.finish()


def few_handles(attempt: Attempt) -> int:
    most = attempt.dice.choice([16, 24, 40, 64, 100])
    attempt.start(limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)), cold=True)
    return attempt.finish()


def little_memory(attempt: Attempt) -> int:
    most = attempt.dice.choice([800, 1200, 1600, 2400]) << 20
    attempt.start(limits=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)), cold=True)
    return attempt.finish()


def clock_set_back(attempt: Attempt) -> int:
    """The run begins years ago, or the clock is slow."""
    shift = attempt.dice.choice(["-3y", "-2d", "+5y", "-0 x0.5"])
    attempt.start({"LD_PRELOAD": str(FAKETIME), "FAKETIME": shift}, cold=True)
    attempt.wait_for_moment()
    if attempt.dice.random() < 0.5:
        attempt.kill()
        return -signal.SIGKILL
    return attempt.finish()


def full_temporary_folder(attempt: Attempt) -> int:
    folder = attempt.log.parent / "tmp"
    folder.mkdir(exist_ok=True)
    with Mounted(folder, 1 << 16):
        (folder / "full").write_bytes(bytes(60_000))
        attempt.start({"TMPDIR": str(folder)})
        return attempt.finish()


def power_failure(attempt: Attempt) -> int:
    journal = attempt.log.parent / "journal"
    journal.unlink(missing_ok=True)
    attempt.start(journal=journal)
    attempt.wait_for_moment()
    attempt.kill()
    attempt.told = str(lose_power(attempt.out, _with_what_was_there(attempt, journal), attempt.dice))
    return -signal.SIGKILL


def _with_what_was_there(attempt: Attempt, path: Path) -> Journal:
    """The journal, and beside it as flushed what no process of this attempt has touched."""
    journal = Journal.read(path)
    for file in attempt.out.rglob("*"):
        if file.is_file() and str(file) in attempt.before:
            found = file.stat()
            if (found.st_ino, found.st_size) == attempt.before[str(file)]:
                journal.flushed.setdefault((found.st_dev, found.st_ino), found.st_size)
    return journal


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.kill()


FAULTS: dict[str, tuple[int, Callable[[Attempt], int]]] = {
    "kill -9 of workers": (6, kill_worker),
    "kill -9 of the group": (8, kill_group),
    "kill -9 of the run alone": (5, kill_main),
    "kill -9 of all at start-up": (5, kill_at_start),
    "kill -9 of workers at start-up": (2, kill_workers_at_start),
    "kill -9 of scheduler or nanny": (2, kill_scheduler),
    "SIGINT, SIGTERM": (4, interrupt),
    "full disk": (6, full_disk),
    "files above a size refused": (3, large_files_refused),
    "read-only from a moment on": (3, read_only),
    "few file handles": (2, few_handles),
    "little memory": (2, little_memory),
    "clock set back or ahead, slow": (3, clock_set_back),
    "TMPDIR full": (2, full_temporary_folder),
    "power failure": (8, power_failure),
}
"""By name how often each is drawn, and the fault."""
