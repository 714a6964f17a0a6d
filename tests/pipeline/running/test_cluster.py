"""Where the work runs: workers that are killed while they come up, schedulers that ask for certificates."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import LocalCluster
from distributed.security import Security

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.running import cluster as cluster_room
from winnow.pipeline.running.cluster import Tls, connect


@contextmanager
def killer(most: int) -> Iterator[list[int]]:
    """Kills the first `most` processes that this one spawns, as soon as they are seen."""
    killed: list[int] = []
    known, done = {child.pid for child in psutil.Process(os.getpid()).children()}, threading.Event()

    def watch() -> None:
        while not done.wait(0.005) and len(killed) < most:
            for child in psutil.Process(os.getpid()).children():
                if child.pid not in known and len(killed) < most and "spawn_main" in " ".join(child.cmdline()):
                    known.add(child.pid)
                    child.kill()
                    killed.append(child.pid)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        done.set()
        thread.join()


def test_workers_killed_while_they_come_up_are_started_once_more() -> None:
    with killer(1) as killed, connect(workers=1, scheduler=None) as client:
        assert client.submit(sum, [1, 2]).result() == 3
    assert len(killed) == 1


class Unread:
    """What no worker can read, as an import that memory ends for."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unread, (os.getpid(),)


def _unread(made_by: int) -> Unread:
    if os.getpid() != made_by:
        raise ImportError("x.so: failed to map segment from shared object")
    return Unread()


def test_a_worker_that_parted_with_its_scheduler_and_does_not_end_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its stream breaks at a message that it can't read, and its end never comes."""
    monkeypatch.setattr(cluster_room, "STRAYED", 1)

    async def hangs(dask_worker: Any) -> int:
        async def close(**_: Any) -> None:
            await asyncio.Event().wait()

        dask_worker.close = close
        return os.getpid()

    with connect(workers=1, scheduler=None) as client:
        [stray] = client.run(hangs).values()
        unread = client.submit(str, Unread(), pure=False)
        end = time.monotonic() + 300
        while psutil.pid_exists(stray) and time.monotonic() < end:
            time.sleep(0.1)
        unread.cancel()
        assert client.submit(os.getpid, pure=False).result(300) != stray


def test_workers_that_never_come_up_are_one_message() -> None:
    with (
        killer(1000) as killed,
        pytest.raises(ConfigurationError, match="2 workers of this machine didn't come up"),
        connect(workers=2, scheduler=None),
    ):
        pass
    assert len(killed) >= 2


def test_too_few_file_handles_are_one_message() -> None:
    """In a process of its own: a limit once lowered can't be raised again."""
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "from winnow.pipeline.running.cluster import connect\n"
        "with connect(workers=2, scheduler=None): pass\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "ConfigurationError: 2 workers need 160 files open at once" in result.stderr
    assert "lets a process open 40: see `ulimit -n`" in result.stderr


def test_a_message_that_a_worker_has_no_memory_for_is_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    """Dask's own sender, of an object that can't be sent: it logs as critical what it logs where memory ends."""

    def send() -> str:
        from distributed.protocol.core import dumps

        class Endless:
            def __reduce__(self) -> str:
                raise MemoryError

        try:
            dumps({"message": Endless()}, on_error="raise")
        except MemoryError:
            return "no memory"
        return "sent"

    with connect(workers=1, scheduler=None) as client:
        assert client.submit(send).result() == "no memory"
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


def test_a_local_cluster_listens_on_the_loopback_alone() -> None:
    with connect(workers=1, scheduler=None) as client:
        listening = [
            entry.laddr.ip for entry in psutil.Process(os.getpid()).net_connections() if entry.status == "LISTEN"
        ]
        assert client.scheduler.address.startswith("tcp://127.0.0.1:")
    assert listening and set(listening) <= {"127.0.0.1", "::1"}


def test_a_scheduler_that_asks_for_certificates_gets_them(tmp_path: Path) -> None:
    security = Security.temporary()
    files = {}
    for name, content in (
        ("ca", security.tls_ca_file),
        ("certificate", security.tls_client_cert),
        ("key", security.tls_client_key),
    ):
        (tmp_path / name).write_text(content)
        files[name] = str(tmp_path / name)
    with LocalCluster(n_workers=1, processes=False, security=security, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        with connect(workers=None, scheduler=address, tls=Tls(**files)) as client:
            assert client.submit(sum, [1, 2]).result() == 3
        with (
            pytest.raises(ConfigurationError, match="no Dask scheduler answers"),
            connect(workers=None, scheduler=address),
        ):
            pass
