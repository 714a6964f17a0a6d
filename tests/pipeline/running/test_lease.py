"""One run works in a folder, on a disk whose kernel refuses locks, too: Lustre without `flock`, NFS without its daemon."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.proof.inspection import TOP
from winnow.pipeline.running import lease
from winnow.pipeline.running.lease import UNLOCKED, alone
from winnow.stages.run.workspace import Workspace

FLOCK = {"x86_64": 73, "aarch64": 32}.get(platform.machine())
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # of seccomp: go on; an error whose number stands below
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
linux = pytest.mark.skipif(sys.platform != "linux" or FLOCK is None, reason="seccomp is Linux's")

HOLD = """\
import sys, time
from tests.pipeline.running.test_lease import refuse_locks
from winnow.pipeline.running.lease import alone
from winnow.stages.run.workspace import Workspace

refuse_locks(int(sys.argv[2]))
with alone(Workspace(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def refuse_locks(number: int) -> None:
    """From now on the kernel answers every `flock` of this process with this error."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    code = b"".join(
        struct.pack("HBBI", *line)
        for line in ((0x20, 0, 0, 0), (0x15, 0, 1, FLOCK), (0x06, 0, 0, REFUSE | number), (0x06, 0, 0, ALLOW))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((NO_NEW_PRIVILEGES, 1, 0), (SECCOMP, FILTER, ctypes.byref(Program(len(code) // 8, code)))):
        if libc.prctl(*arguments, 0, 0):
            raise OSError(ctypes.get_errno(), "no seccomp here")


def holder(folder: Path, number: int) -> subprocess.Popen[bytes]:
    """A process that holds the folder until its input ends."""
    search = os.pathsep.join([str(Path(__file__).parents[3]), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": search},
    )
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    return process


@linux
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_folder_is_held_where_the_kernel_refuses_locks(tmp_path: Path, number: int) -> None:
    with holder(tmp_path, number) as process:
        assert (tmp_path / UNLOCKED).exists() and UNLOCKED in TOP
        process.communicate()
    assert process.returncode == 0
    assert not (tmp_path / UNLOCKED).exists()


@linux
def test_a_second_run_refuses_there_and_takes_over_from_one_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.2)
    monkeypatch.setattr(lease, "PATIENCE_WITH_DISKS", 30.0)
    said: list[str] = []
    workspace = Workspace(str(tmp_path))
    with holder(tmp_path, errno.ENOLCK) as process:
        with (
            pytest.raises(ConfigurationError, match="another run is working in"),
            lease.lease(workspace, said.append, name=UNLOCKED),
        ):
            pass
        process.kill()
    assert len(said) == 1 and (tmp_path / UNLOCKED).exists()
    monkeypatch.setattr(lease, "PATIENCE_WITH_DISKS", 1.0)
    with lease.lease(workspace, said.append, name=UNLOCKED):
        pass
    assert not (tmp_path / UNLOCKED).exists()


def test_a_holder_that_was_taken_over_says_so_and_leaves_the_others_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.05)
    said: list[str] = []
    told = threading.Event()

    def tell(line: str) -> None:
        said.append(line)
        told.set()

    workspace = Workspace(str(tmp_path))
    with lease.lease(workspace, tell, name=UNLOCKED):
        end = time.monotonic() + 30
        while not told.wait(0.1) and time.monotonic() < end:  # again, where a sign of life came between
            (tmp_path / UNLOCKED).write_text('{"run": "another", "beat": 1}')
    assert len(said) == 1 and "another run has taken over" in said[0]
    assert (tmp_path / UNLOCKED).read_text() == '{"run": "another", "beat": 1}'


def test_a_lock_ends_with_its_holder_and_leaves_no_lease(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    for _ in range(2):
        with alone(workspace):
            assert not (tmp_path / UNLOCKED).exists()
            with pytest.raises(ConfigurationError, match="another run is working in"), alone(workspace):
                pass
