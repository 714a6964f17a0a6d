"""Where the work runs: Dask workers on this machine, or a cluster that somebody else started.

The only room besides the command line that reads the environment.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from winnow.pipeline.configuration.reading import ConfigurationError

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
    """
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
        cluster.loop.add_callback(PeriodicCallback(partial(_replace_lost, cluster, count), ROLL_CALL).start)
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


def _replace_lost(cluster: LocalCluster, count: int) -> None:
    """Starts workers for those that are gone for good.

    Dask starts a dead worker anew, but gives it up when it dies once more while it starts: of a unit that it was handed
    at once, or for want of memory. Without its last worker a run would wait for ever.
    """
    from distributed.core import Status

    if cluster.status is not Status.running:
        return
    lost = [name for name, worker in cluster.workers.items() if worker.status in (Status.closed, Status.failed)]
    for name in lost:
        del cluster.workers[name]
    if len(cluster.workers) < count:
        cluster.scale(count)
