"""Runs a program that a model wrote, shut in: no network, no files, little time and memory, no second process.

Python without packages, in namespaces of Linux that util-linux's `unshare` makes and `room` furnishes: it sees Python and the
system's libraries, read-only, and an empty /tmp of 16 MiB in memory; no process, no interface, no socket, no
variable of the environment. Where the machine doesn't permit namespaces a program is refused, not run without them.
About 60 ms a program. The kernel is the machine's: what might know a hole in it belongs in a virtual machine.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from winnow.trainer.alignment import room
from winnow.trainer.config import TrainingError

MEMORY = 1 << 29
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache")
NAMESPACES = ("--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child")
OF_A_USER = ("--user", "--map-root-user")
FIRST_USER, USERS = 61_184, 4_336  # numbers that systemd deals out for a moment and nobody owns


class NoSandbox(TrainingError):
    """This machine can't shut a program in."""


@dataclass(frozen=True)
class Outcome:
    """How a program ended: its exit status (None where it ran out of time), and the end of what it printed."""

    status: int | None
    printed: str

    @property
    def passed(self) -> bool:
        return self.status == 0


def run(
    program: str,
    *,
    seconds: float = 5.0,
    most_printed: int = 10_000,
    memory: int = MEMORY,
    descriptors: Sequence[int] = (),
) -> Outcome:
    """Runs Python source text and waits for it, `seconds` at the most. Raises `NoSandbox` where it can't be shut in.

    `descriptors`, ends of pipes, are handed over: the program has them under the same numbers, and here they are closed.
    """
    with ExitStack() as handed:
        for descriptor in descriptors:
            handed.callback(os.close, descriptor)
        return _run(program, seconds, most_printed, memory, descriptors, handed)


def _run(
    program: str, seconds: float, most_printed: int, memory: int, descriptors: Sequence[int], handed: ExitStack
) -> Outcome:
    unshare = shutil.which("unshare")
    if unshare is None or platform.machine() not in room.CALLS:
        raise NoSandbox("programs are run in namespaces of Linux on x86-64 or ARM; util-linux's `unshare` makes them")
    root = os.geteuid() == 0
    user = FIRST_USER + secrets.randbelow(USERS) if root else 0
    told, report = os.pipe()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as printed, os.fdopen(told) as answer:
        command = [
            unshare,
            *NAMESPACES,
            *(() if root else OF_A_USER),
            sys.executable,
            "-I",
            "-S",
            room.__file__,
            folder,
        ]
        command += [_libraries(), str(int(seconds) + 1), str(memory), str(user), str(report)]
        process = subprocess.Popen(
            command,
            env={},
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.STDOUT,
            pass_fds=(report, *descriptors),
            start_new_session=True,
        )
        os.close(report)
        handed.close()
        status = _wait(process, program.encode("utf-8", "surrogatepass"), seconds)
        printed.seek(max(0, printed.seek(0, 2) - most_printed))
        said = printed.read().decode("utf-8", "replace")
        furnished = answer.read()
        if furnished != "ready" and not (status is None and not furnished):
            raise NoSandbox(f"a program can't be shut in on this machine: {furnished or said.strip()}")
        return Outcome(status, said)


def _wait(process: subprocess.Popen[bytes], given: bytes, seconds: float) -> int | None:
    """The process's exit status; None where its time was over, and nothing of it is left then."""
    try:
        process.communicate(given, timeout=seconds)
        return process.returncode
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(
                process.pid, signal.SIGKILL
            )  # the program, too, while it is being shut in; then by its parent's end
            process.communicate()


def _libraries() -> str:
    """What a program sees: the folder of Python, and where the system keeps libraries."""
    return os.pathsep.join([str(Path(sys.base_prefix).resolve()), *LIBRARIES])
