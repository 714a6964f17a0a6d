"""What processes print for want of memory is a sentence, whoever prints it and however early; all else stands as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from winnow.pipeline.running.overheard import TOLD, overheard


def run(script: str) -> str:
    """What a program writes to standard error."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    ).stderr


def test_what_a_process_prints_that_memory_ends_for_is_a_sentence() -> None:
    """A process that may map next to nothing more, for real: its imports fail, Python writes what it writes."""
    told = run(
        """
        import subprocess, sys
        from winnow.pipeline.running.overheard import overheard
        hungry = (
            "import resource; held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
            "resource.setrlimit(resource.RLIMIT_AS, (held + (1 << 20),) * 2); import numpy, pyarrow, scipy.optimize"
        )
        with overheard():
            for _ in range(2):
                assert subprocess.run([sys.executable, "-c", hungry]).returncode
        """
    )
    assert told == TOLD


def test_threads_and_workers_of_multiprocessing_are_heard_too() -> None:
    told = run(
        """
        import multiprocessing, threading
        from winnow.pipeline.running.overheard import overheard
        def fail():
            raise MemoryError
        if __name__ == "__main__":
            with overheard():
                for kind in (threading.Thread, multiprocessing.get_context("fork").Process):
                    one = kind(target=fail)
                    one.start()
                    one.join()
        """
    )
    assert told == TOLD


@pytest.mark.parametrize(
    "written",
    [
        b"a line\nanother, without an end",
        b'Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 1\n',
        b"\xff\xfe no text\n" * 3,
        b"x" * 200_000 + b"\n",
    ],
)
def test_everything_else_is_passed_on_as_it_came(written: bytes) -> None:
    script = (
        "import sys\nfrom winnow.pipeline.running.overheard import overheard\n"
        "with overheard(): sys.stderr.buffer.write(sys.stdin.buffer.read())"
    )
    result = subprocess.run([sys.executable, "-c", script], input=written, capture_output=True, check=True)
    assert result.stderr == written


def test_what_stands_before_and_after_a_folded_traceback_stays(capfd: pytest.CaptureFixture[str]) -> None:
    with overheard():
        os.write(2, b"before\nTraceback (most recent call last):\n  File 'x', line 1, in f\nMemoryError\n")
    with overheard():
        os.write(2, b"after\n")
    assert capfd.readouterr().err == f"before\n{TOLD}after\n"


def test_a_program_that_has_no_handle_left_goes_on() -> None:
    told = run(
        """
        import os, resource, sys
        from winnow.pipeline.running.overheard import overheard
        highest = max(map(int, os.listdir("/proc/self/fd")))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, highest + 1))
        taken = []
        try:
            while True: taken.append(os.dup(0))
        except OSError: pass
        with overheard():
            os.write(2, b"written")
        """
    )
    assert told == "written"
