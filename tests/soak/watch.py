"""Looks at the processes of a soak: their memory, handles, threads, children and processor time, step by step.

Roles: `driver` is `winnow run` of a round, `cluster` the process of scheduler and nannies, `worker-0` … the workers. Cluster
and workers live through all rounds; a worker that is started anew in between is told by its number of lives.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

PERIOD = 2.0
"""Seconds between two looks."""
YARDSTICK_PERIOD = 20.0
IDLE = "idle"  # of a round's end, when its run has


@dataclass(frozen=True)
class Look:
    """One process at one moment. `speed`: how much of a fixed piece of work the machine does in a second of processor
    time just then, which on a shared one changes with its neighbours."""

    time: float
    round: int
    step: str
    role: str
    pid: int
    memory: int
    handles: int
    threads: int
    children: int
    processor: float  # seconds so far
    speed: float


class Watch:
    """Looks every `PERIOD` and whenever a step begins; each look is a line of JSON in the log."""

    def __init__(self, log: Path, roles: Callable[[], dict[str, psutil.Process]]) -> None:
        self.round, self.step = 0, IDLE
        self._roles, self._log = roles, log.open("a", encoding="utf-8")
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._speed, self._measured = 0.0, -YARDSTICK_PERIOD
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()
        self._log.close()

    def begin(self, round: int, step: str) -> None:
        """What was used up to here is the step's before, from here on this one's."""
        self.look()
        with self._lock:
            self.round, self.step = round, step
        self.look()

    def note(self, **facts: Any) -> None:
        """A line of the log that is no look: bytes of a round, how it ended."""
        with self._lock:
            self._write({"time": time.time(), "round": self.round, **facts})

    def look(self) -> None:
        with self._lock:
            if time.monotonic() - self._measured > YARDSTICK_PERIOD:
                self._speed, self._measured = yardstick(), time.monotonic()
            for role, process in self._roles().items():
                with suppress(psutil.Error), process.oneshot():
                    used = process.cpu_times()
                    look = Look(
                        time=round(time.time(), 2),
                        round=self.round,
                        step=self.step,
                        role=role,
                        pid=process.pid,
                        memory=process.memory_info().rss,
                        handles=process.num_fds(),
                        threads=process.num_threads(),
                        children=len(process.children()),
                        processor=round(used.user + used.system, 2),
                        speed=self._speed,
                    )
                    self._write(asdict(look))

    def _write(self, fields: dict[str, Any]) -> None:
        self._log.write(json.dumps(fields) + "\n")
        self._log.flush()

    def _go_on(self) -> None:
        while not self._ended.wait(PERIOD):
            self.look()


def yardstick() -> float:
    """Pieces of a fixed work in a second of processor time: some compression, and a loop of Python."""
    content = bytes(range(256)) * 4096
    before = time.thread_time()
    for _ in range(3):
        zlib.compress(content, 6)
    total = 0
    for number in range(200_000):
        total += number & 7
    return round(1 / (time.thread_time() - before), 2)
