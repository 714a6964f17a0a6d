"""What the processes of a run print past it: their tracebacks for want of memory become one sentence.

Workers, the processes by which `multiprocessing` starts them and keeps their books, and threads of Dask's that no unit runs
in print by themselves where they can't begin or end: no error of theirs comes to the run, which tells what became of its
units anyhow. All of them write to standard error as it is when they are started, so that is where they are heard, whichever
library says it and however early. Everything else that is written there, other tracebacks included, is passed on as it came.
"""

from __future__ import annotations

import os
import re
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from winnow.pipeline.running.failures import is_for_want_of_memory

QUIET = 0.3
"""Seconds without a further line after which a traceback has come to its end; those of several processes come mixed."""
HELD_BYTES = 1 << 20  # of what may be one: more is passed on as it is
TOLD = "for want of memory a process of this run can't go on: fewer workers, by --workers, need less\n"
BEGINS = re.compile(
    rb"^(.*Traceback \(most recent call last\):|Exception (in|ignored)|Process .*:$"
    rb"|[\d-]+ [\d:,]+ - [\w.]+ - (ERROR|CRITICAL) - |Fatal Python error|terminate called"
    rb"|(thread '.*'|\S*) ?panicked at|(LLVM|OpenBLAS) (ERROR|error):)",
    re.MULTILINE,
)
"""A line with which a traceback of Python's begins, or stands above one; what Rust, C++, LLVM and OpenBLAS say as they end."""


@contextmanager
def overheard() -> Iterator[None]:
    """Listens to what this process and those that it starts meanwhile write to standard error.

    Where there are no two handles or no thread to be had for it they write past us.
    """
    try:
        listener = _Listener()
    except (OSError, RuntimeError, MemoryError):
        yield
        return
    try:
        yield
    finally:
        listener.close()


class _Listener:
    def __init__(self) -> None:
        _flush()
        self._kept = os.dup(2)
        try:
            self._reading, writing = os.pipe()
        except OSError:
            os.close(self._kept)
            raise
        os.set_blocking(self._reading, False)
        self._ended, self._told = threading.Event(), False
        self._thread = threading.Thread(target=self._listen, name="overheard", daemon=True)
        try:
            self._thread.start()
            os.dup2(writing, 2)
        except BaseException:
            self._ended.set()
            for handle in (self._kept, self._reading):
                os.close(handle)
            raise
        finally:
            os.close(writing)

    def close(self) -> None:
        """Standard error is what it was; what was written before is passed on. Processes that live on are heard no more."""
        _flush()
        os.dup2(self._kept, 2)
        self._ended.set()
        self._thread.join()
        for handle in (self._kept, self._reading):
            os.close(handle)

    def _listen(self) -> None:
        held = b""
        while True:
            ended = self._ended.is_set()  # looked at first: what was written before is read
            came = self._read()
            held += came
            begins = BEGINS.search(held)
            if begins is None or len(held) > HELD_BYTES:
                whole = held.rfind(b"\n") + 1 if came else len(held)
                self._pass_on(held[:whole])
                held = held[whole:]
            elif not came:
                self._pass_on(held[: begins.start()] + self._folded(held[begins.start() :]))
                held = b""
            if ended and not came:
                return

    def _read(self) -> bytes:
        """What has come, after `QUIET` seconds nothing."""
        if not select.select([self._reading], [], [], 0 if self._ended.is_set() else QUIET)[0]:
            return b""
        with suppress(BlockingIOError):
            return os.read(self._reading, 1 << 16)
        return b""

    def _folded(self, printed: bytes) -> bytes:
        """A sentence, once; what tells of something else stands as it is."""
        if not is_for_want_of_memory(printed.decode("utf-8", "replace")):
            return printed
        told, self._told = b"" if self._told else TOLD.encode(), True
        return told

    def _pass_on(self, content: bytes) -> None:
        while content:
            with suppress(InterruptedError):
                content = content[os.write(self._kept, content) :]


def _flush() -> None:
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
