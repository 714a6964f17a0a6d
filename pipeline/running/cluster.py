"""Where the work runs: Dask workers on this machine, or a cluster that somebody else started.

The only room besides the command line that reads the environment.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.running.overheard import overheard

if TYPE_CHECKING:
    from distributed import LocalCluster

LOCAL_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
CONNECT_SECONDS = 20
ALLOWED_FAILURES = 3  # workers that one unit may take down before it is quarantined
HANDLES, HANDLES_OF_A_WORKER = 128, 16
"""Files and sockets that a run and its scheduler hold open, and those that each worker adds to them."""
SILENCE = logging.CRITICAL + 1
"""Of Dask: of every message that it can't send or read for want of memory it would tell a traceback as critical."""
ROLL_CALL = 2_000  # milliseconds between two looks at whether all local workers are there
STRAYED = 30  # looks in a row at which a worker's process lives and its scheduler doesn't know it: a minute


@dataclass(frozen=True, kw_only=True)
class Tls:
    """PEM files by which this client and a scheduler at `tls://…` know each other."""

    ca: str
    certificate: str
    key: str


@contextmanager
def connect(
    *, workers: int | None, scheduler: str | None, tls: Tls | None = None, allowed_failures: int = ALLOWED_FAILURES
) -> Iterator[Any]:
    """A `distributed.Client`: of the scheduler at that address, or of a new local cluster of `workers` processes.

    A local cluster and its dashboard listen on the loopback alone. One thread per worker: a unit's kernels release the
    GIL, but its Python doesn't. Raises `ConfigurationError` when nobody answers at the scheduler's address, or no worker
    of a local cluster comes up.
    What processes of it print for want of memory is told in a sentence (`overheard.py`).
    """
    with overheard(), _client(workers, scheduler, tls, allowed_failures) as client:
        yield client


@contextmanager
def _client(workers: int | None, scheduler: str | None, tls: Tls | None, allowed_failures: int) -> Iterator[Any]:
    import dask
    from distributed import Client
    from distributed.security import Security
    from tornado.ioloop import PeriodicCallback

    # Workers inherit this: a kernel that runs in parallel would take every core in each of them.
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    dask.config.set(
        {
            "distributed.scheduler.allowed-failures": allowed_failures,
            "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
            "distributed.deploy.lost-worker-timeout": "10 minutes",  # a busy machine starts none in Dask's 15 s
            "distributed.worker.memory.spill": False,  # units hold tables, not Dask results: nothing could be spilled
            "distributed.worker.memory.target": False,
            "distributed.admin.system-monitor.disk": False,
        }
    )
    if scheduler:
        # A scheduler that is lost is told by the run.
        logging.getLogger("distributed.client").setLevel(SILENCE)
        try:
            files = (
                {"tls_ca_file": tls.ca, "tls_client_cert": tls.certificate, "tls_client_key": tls.key} if tls else {}
            )
            security = Security(**files, require_encryption=True) if tls else None
            client = Client(scheduler, timeout=CONNECT_SECONDS, security=security)
        except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:  # the last two: TLS without files
            raise ConfigurationError(f"no Dask scheduler answers at {scheduler}: {error}") from None
        with client:
            yield client
        return
    count = workers or LOCAL_CORES
    _check_handles(count)
    with (
        _local_cluster(count) as cluster,
        Client(cluster) as client,
    ):
        cluster.loop.add_callback(PeriodicCallback(_RollCall(cluster, count).look, ROLL_CALL).start)
        yield client


def _check_handles(count: int) -> None:
    """Raises this process's limit of open files as far as it may; refuses where so many workers need more."""
    try:
        import resource
    except ImportError:  # on Windows, which has no such limit
        return
    needed = HANDLES + count * HANDLES_OF_A_WORKER
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if not 0 <= soft < needed:  # below 0 is without a limit
        return
    if hard < 0 or hard >= needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed if hard < 0 else hard, hard))
    else:
        raise ConfigurationError(
            f"{count} workers need {needed} files open at once, and this machine lets a process open {soft}: see `ulimit -n`"
        )


def _local_cluster(count: int) -> LocalCluster:
    """Workers on this machine; once more where one of them was killed while they came up."""
    from distributed import LocalCluster

    def start() -> LocalCluster:
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=SILENCE,  # a failed unit is reported once, by the run
        )

    try:
        return start()
    except RuntimeError:
        try:
            return start()
        except RuntimeError as error:
            raise ConfigurationError(
                f"the {count} workers of this machine didn't come up, twice: {error}. Were they killed, for want of memory "
                "perhaps? Fewer of them, by --workers, need less"
            ) from None


@dataclass
class _RollCall:
    """Starts workers for those that are gone for good, looked at by the cluster's own loop."""

    cluster: LocalCluster
    count: int
    missed: dict[Any, int] = field(default_factory=dict)  # looks in a row, by the names of workers

    def look(self) -> None:
        """Dask starts a dead worker anew, but gives it up when it dies once more while it starts: of a unit that it was
        handed at once, or for want of memory. Without its last worker a run would wait for ever. It would as well for
        workers that have parted with their scheduler and don't come to their end: no memory is left to get there."""
        from distributed.core import Status

        workers, scheduler = self.cluster.workers, self.cluster.scheduler
        if self.cluster.status is not Status.running or scheduler is None:
            return
        for name, worker in list(workers.items()):
            if worker.status in (Status.closed, Status.failed):
                del workers[name]
            elif _is_stray(worker, scheduler.workers):
                self.missed[name] = self.missed.get(name, 0) + 1
                if self.missed[name] > STRAYED:
                    _kill(worker)  # its nanny sees that, and starts another or ends
            else:
                self.missed.pop(name, None)
        if len(workers) < self.count:
            self.cluster.scale(self.count)


def _is_stray(worker: Any, known: Collection[str]) -> bool:
    """Whether a nanny's process has come up, hasn't ended, and isn't the scheduler's any more."""
    from distributed.core import Status

    process = worker.process
    return process is not None and process.status is Status.running and process.worker_address not in known


def _kill(worker: Any) -> None:
    import psutil

    if pid := worker.pid:
        with suppress(psutil.Error):
            psutil.Process(pid).kill()
