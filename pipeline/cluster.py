"""Where the work runs: Dask workers on this machine, or a cluster that somebody else started.

The only room besides the command line that reads the environment.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.reading import ConfigurationError

LOCAL_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
CONNECT_SECONDS = 20
ALLOWED_FAILURES = 3  # workers that one unit may take down before it is quarantined


@contextmanager
def connect(*, workers: int | None, scheduler: str | None) -> Iterator[Any]:
    """A `distributed.Client`: of the scheduler at that address, or of a new local cluster of `workers` processes.

    One thread per worker: a unit's kernels release the GIL, but its Python doesn't. Raises `ConfigurationError` when
    nobody answers at the scheduler's address.
    """
    import dask
    from distributed import Client, LocalCluster

    # Workers inherit this: a kernel that runs in parallel would take every core in each of them.
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    dask.config.set(
        {
            "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
            "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
            "distributed.worker.memory.spill": False,  # units hold tables, not Dask results: nothing could be spilled
            "distributed.worker.memory.target": False,
            "distributed.admin.system-monitor.disk": False,
        }
    )
    if scheduler:
        try:
            client = Client(scheduler, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise ConfigurationError(f"no Dask scheduler answers at {scheduler}: {error}") from None
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=workers or LOCAL_CORES,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,  # a failed unit is reported once, by the run
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
