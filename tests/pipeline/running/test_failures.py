"""What a machine refuses a unit is a sentence; what is our fault keeps its traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from distributed import CancelledError
from distributed.comm.core import CommClosedError

from winnow.pipeline.running.failures import reason_of


def test_a_compiled_module_that_memory_ends_for_is_a_sentence() -> None:
    """By the loader's own words: a process that may map no more loads a module that it hasn't loaded."""
    script = (
        "import resource, sys, _ctypes, winnow.pipeline.running.failures as failures, distributed\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 20),) * 2)\n"
        "try: import scipy.optimize._highspy._core\n"
        "except (ImportError, MemoryError) as error: print(failures.reason_of(error))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.startswith("no memory is left on this machine"), result.stdout + result.stderr
    assert reason_of(ImportError("No module named 'x'")) == "ImportError: No module named 'x'"


def test_no_further_thread_is_a_sentence_whoever_asked_for_it() -> None:
    """A process whose address space is nearly used up: its next thread has no stack."""
    script = (
        "import resource, threading, distributed\n"
        "from winnow.pipeline.running import failures\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + (2 << 20), held + (2 << 20)))\n"
        "threading.stack_size(64 << 20)\n"
        "try: threading.Thread(target=print).start()\n"
        "except (RuntimeError, MemoryError) as error: print(failures.reason_of(error))\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "no further thread can be started" in told and "Traceback" not in told
    assert "no further thread" in reason_of(OSError("Unknown error: Failed to launch worker thread: Resource …"))


@pytest.mark.parametrize(
    "error", [CancelledError("unit"), CommClosedError("in <TCP (closed) …>: ConnectionResetError")]
)
def test_a_scheduler_that_is_lost_is_a_sentence(error: Exception) -> None:
    assert reason_of(error).startswith("the Dask scheduler was lost")


def test_a_library_that_llvmlite_cannot_load_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own loader, asked for a library that isn't there."""
    ffi = pytest.importorskip("llvmlite.binding.ffi")
    monkeypatch.setattr(ffi, "get_library_name", lambda: "libnowhere.so")
    with pytest.raises(OSError) as raised:
        ffi._lib_wrapper()._load_lib()
    assert reason_of(raised.value).startswith("a library can't be loaded: for want of memory")


def test_a_store_that_is_asked_without_credentials_says_what_to_set(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FSSPEC_"))}
    environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HOME": str(tmp_path),
    }
    asked = [sys.executable, "-m", "winnow.pipeline.cli", "inspect", "s3://nobody/run"]
    result = subprocess.run(asked, capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    assert "wants to know who asks" in result.stderr
    assert "FSSPEC_S3_ANON" in result.stderr
    assert "Traceback" not in result.stderr
