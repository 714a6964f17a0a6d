"""Units that could not be finished, and why, in words."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from winnow.stages.run.unit import Away, Unworkable

REFUSALS = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the quota of the disk is used up", "free some space"),
    errno.EFBIG: ("no file may grow so large here", "see `ulimit -f`"),
    errno.EACCES: ("a file may not be opened", "give whoever runs this the right to, or name other inputs"),
    errno.EROFS: ("the disk can't be written to any more", "see what it says in the system's log"),
    errno.EMFILE: ("too few files may be open at once", "see `ulimit -n`"),
    errno.ENFILE: ("too many files are open on this machine", "close some"),
    errno.ENOMEM: ("no memory is left on this machine", "fewer workers, by --workers, need less"),
    errno.EIO: ("the disk fails", "see what it says in the system's log"),
}
"""What a machine refuses, in words: no fault of ours, so no traceback."""
_SAY_WHO = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; of a public bucket, FSSPEC_S3_ANON=true"
WITHOUT_CREDENTIALS = {"NoCredentialsError": _SAY_WHO, "PartialCredentialsError": _SAY_WHO, "ProfileNotFound": _SAY_WHO}
"""By the names of botocore's errors, which may not be installed."""
UNMAPPED = "failed to map segment from shared object"  # the loader of a compiled module, where memory ends
_NO_THREAD = "no further thread can be started ({}): for want of memory, which fewer --workers need, or see `ulimit -u`"
BY_WORDS = {
    "can't start new thread": _NO_THREAD,  # Python's
    "Failed to launch worker thread": _NO_THREAD,  # Arrow's
    "Could not find/load shared object file": (  # llvmlite's, who doesn't say why
        "a library can't be loaded: for want of memory, which fewer --workers need, or it is damaged ({})"
    ),
}
"""What libraries say where memory ends, in errors that have neither a number nor a kind of their own."""

MEMORY_WORDS = (
    *("MemoryError", "std::bad_alloc", "Cannot allocate memory", "memory allocation of"),  # Python, C++, C, Rust
    *("Unable to allocate", "Memory allocation", "LLVM ERROR: out of memory", UNMAPPED, *BY_WORDS),  # LLVM, OpenBLAS
)
"""One of these stands in whatever a process prints that ends for want of memory."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A unit that could not be finished: quarantined, reported, and the reason that the run ends with an error.

    `away`: what it needs isn't there, so that the step's other units weren't begun.
    """

    step: str
    unit: str
    reason: str
    away: bool = False


def failure_of(step: str, unit: str, error: BaseException) -> Failure:
    return Failure(step=step, unit=unit, reason=reason_of(error), away=isinstance(error, Away))


class RunFailed(Exception):
    """Some units of a step failed; the others are done and stay done."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        self.failures = tuple(failures)
        names = ", ".join(f"{failure.step}/{failure.unit}" for failure in failures[:5])
        super().__init__(f"{len(failures)} units failed: {names}")


def reason_of(error: BaseException) -> str:
    """One sentence, or a traceback where the fault is ours."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm.core import CommClosedError

    if isinstance(error, CancelledError | CommClosedError):  # the second while an answer was on its way
        return "the Dask scheduler was lost, and with it what became of this unit: start it again"
    if isinstance(error, KilledWorker):
        return "every worker that took this unit died: out of memory or killed from outside"
    if told := want_of_memory(error) or refusal(error):
        return told
    if isinstance(error, Unworkable):
        return str(error)
    return "".join(traceback.format_exception(error)).strip()


def want_of_memory(error: BaseException) -> str | None:
    """What to say of an error that comes of it, whichever library raised it; None for any other."""
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and UNMAPPED in str(error)):
        return "no memory is left on this machine: fewer workers, by --workers, need less"
    told = next((sentence for words, sentence in BY_WORDS.items() if words in str(error)), None)
    return told.format(error) if told else None


def refusal(error: BaseException) -> str | None:
    """What the machine or a store refuses, and what to do; None for any other error."""
    if type(error).__name__ in WITHOUT_CREDENTIALS:
        return f"an object store wants to know who asks ({error}): {WITHOUT_CREDENTIALS[type(error).__name__]}"
    if not isinstance(error, OSError) or error.errno not in REFUSALS:
        return None
    what, advice = REFUSALS[error.errno]
    return f"{what} ({error}): {advice}"


def is_for_want_of_memory(printed: str) -> bool:
    """Whether what a process printed, tracebacks and all, tells that memory ended for it."""
    return any(words in printed for words in MEMORY_WORDS)
