"""Starts runs from a process that has everything loaded, so that hundreds of trials don't import the same packages.

A trial by `subprocess` takes most of its time to import packages and to load compiled kernels. Here a process loads both
once (`load`) and forks for each run; the run forks a server of forks of its own, from which Dask takes its workers. Faults
that are about starting up, or that a program meets before its first line, are still done to programs started by `exec`.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import multiprocessing.forkserver as forks
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import FileIO, TextIOWrapper
from multiprocessing.connection import arbitrary_address
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

METHOD = "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD"


class Forked:
    """A run that was forked from this process; as much of `subprocess.Popen` as faults use."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise TimeoutExpired("a forked run", timeout or 0)
            time.sleep(0.02)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    arguments: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    limits: Callable[[], None] | None = None,
    shim: Path | None = None,
) -> Forked:
    """`winnow ARGUMENTS` in a session of its own; `shim` is a file of Python that is run before it."""
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return Forked(pid)
    status = 1
    try:
        os.setsid()
        _write_to(log)
        os.environ.update(environment or {})
        tempfile.tempdir = None
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where the trials run in the background
        if limits is not None:
            limits()
        if shim is not None:
            _execute(shim)
        _serve_forks()
        status = _ended(lambda: _run(arguments))
    finally:
        os._exit(status)


def load(arguments: Sequence[str]) -> None:
    """Imports what the run of these arguments uses, and loads its kernels. The run itself is another process's."""
    os.environ[METHOD] = "forkserver"  # read when Dask is imported
    handle, name = tempfile.mkstemp(prefix="loaded-")
    os.close(handle)
    found = Path(name)
    try:
        if not (pid := os.fork()):
            status = 1
            try:
                _write_to(Path(os.devnull))
                with _one_process():
                    status = _ended(lambda: _run(arguments))
                found.write_bytes(pickle.dumps((list(sys.modules), list(_kernels()))))
            finally:
                os._exit(status)
        if os.waitpid(pid, 0)[1]:
            raise RuntimeError(f"winnow {' '.join(arguments)} failed where nothing disturbed it")
        modules, kernels = pickle.loads(found.read_bytes())
    finally:
        found.unlink()
    for module in modules:
        if module not in sys.modules and not module.startswith(("__", "tests.")):
            try:
                importlib.import_module(module)
            except ImportError:  # a name that another module made up
                continue
    for module, name, signature in kernels:
        getattr(sys.modules[module], name).compile(signature)
    os.environ.pop(METHOD)  # for those that are started by `exec`


def _execute(file: Path) -> None:
    specification = importlib.util.spec_from_file_location(f"{file.stem}_of_a_trial", file)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)


def _run(arguments: Sequence[str]) -> None:
    from winnow.pipeline.cli import main

    main(list(arguments))


def _ended(act: Callable[[], None]) -> int:
    """What Python does at the end of a program: its status, after threads and what waits for the exit."""
    status = 0
    try:
        act()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _write_to(log: Path) -> None:
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout, sys.stderr = (TextIOWrapper(FileIO(number, "w", closefd=False), "utf-8") for number in (1, 2))


def _serve_forks() -> None:
    """Begins the server of forks that `multiprocessing` would begin by `exec`, and that would import all anew."""
    server: Any = forks._forkserver  # type: ignore[attr-defined]
    address = arbitrary_address("AF_UNIX")  # of Linux's own name space: no file that a kill would leave
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    ended, alive = os.pipe()
    if pid := os.fork():
        listener.close()
        os.close(ended)
        server._forkserver_address, server._forkserver_alive_fd, server._forkserver_pid = address, alive, pid
        return
    os.close(alive)
    try:
        forks.main(listener.detach(), ended, [])
    except SystemExit:
        pass
    finally:
        os._exit(0)


@contextmanager
def _one_process() -> Iterator[None]:
    """Runs in here work in this process: it knows at the end whatever a worker loads."""
    from winnow.pipeline.running import conductor

    @contextmanager
    def connect(**_: Any) -> Iterator[Any]:
        from distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client

    before = conductor.connect
    conductor.connect = connect
    try:
        yield
    finally:
        conductor.connect = before


def _kernels() -> Iterator[tuple[str, str, Any]]:
    """Module, name and types of each compiled kernel that has been called."""
    from numba.core.registry import CPUDispatcher

    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if module is not None else ():
            if isinstance(value, CPUDispatcher) and value.py_func.__module__ == module.__name__:
                for signature in value.signatures:
                    yield module.__name__, name, signature
