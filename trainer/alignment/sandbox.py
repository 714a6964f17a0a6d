"""Runs a program that a model wrote, with limits: time, memory, output, files, and no network where that can be had.

A Python process of its own without the site's packages (`-I -S`), in an empty folder, with an empty environment. Its
processor time, memory and file sizes are limited (`resource`); where `unshare` may make a network
namespace it has none. That holds off accidents and laziness, not an attacker: run what strangers' models write in a virtual
machine.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache

MEMORY = 1 << 29
FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """How a program ended: its exit status (None where it ran out of time), and the end of what it printed."""

    status: int | None
    printed: str

    @property
    def passed(self) -> bool:
        return self.status == 0


def run(program: str, *, seconds: float = 5.0, most_printed: int = 10_000) -> Outcome:
    """Runs Python source text and waits for it, `seconds` at the most."""
    command = [*_without_network(), sys.executable, "-I", "-S", "-c", program]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as printed:
        try:
            ended = subprocess.run(
                command,
                cwd=folder,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                preexec_fn=lambda: _limit(seconds),  # runs nothing but setrlimit
                check=False,
            )
            status: int | None = ended.returncode
        except subprocess.TimeoutExpired:
            status = None
        printed.seek(max(0, printed.seek(0, 2) - most_printed))
        return Outcome(status, printed.read().decode("utf-8", "replace"))


def _limit(seconds: float) -> None:
    for kind, most in (
        (resource.RLIMIT_CPU, int(seconds) + 1),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


@cache
def _without_network() -> tuple[str, ...]:
    """What goes before a command so that it has no network; nothing where this machine can't do that."""
    tool = shutil.which("unshare")
    if tool is None:
        return ()
    prefix = (tool, "--user", "--map-root-user", "--net")
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if tried.returncode == 0 else ()
