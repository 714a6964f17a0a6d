"""Whether a program passes its tests, each in a sandbox of its own.

The verdict is that of the tests' process, which prints a mark at its end. In one process with them a program could read the
mark, change what tests do, or be equal to whatever they expect; here it only answers what it is asked (`wire`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from winnow.trainer.alignment import sandbox, wire


def passes(program: str, tests: str, *, seconds: float = 5.0) -> bool:
    """Whether tests come to their end on what a program defined, in so many seconds. Raises `NoSandbox`.

    A program that leaves before, with whatever status, hasn't passed. Of objects of the program's own making tests may ask
    attributes, items and calls; comparing them with each other, copying them and `isinstance` fail.
    """
    mark = secrets.token_hex(16)
    asked, answers = os.pipe(), os.pipe()
    with ThreadPoolExecutor(1) as aside:
        ends = (asked[0], answers[1])
        other = aside.submit(_run, f"serve({ends[0]}, {ends[1]}, {program!r})", ends, seconds)
        ends = (answers[0], asked[1])
        outcome = _run(f"judge({ends[0]}, {ends[1]}, {tests!r}, {mark!r})", ends, seconds)
        other.result()
    return outcome.passed and outcome.printed.endswith(mark)


def _run(call: str, ends: Sequence[int], seconds: float) -> sandbox.Outcome:
    return sandbox.run(f"{_source()}\n\n{call}\n", seconds=seconds, descriptors=ends)


@cache
def _source() -> str:
    return Path(wire.__file__).read_text(encoding="utf-8")
