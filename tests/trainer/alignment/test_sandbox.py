"""Hostile programs in the sandbox: what each tries would be noticed outside, and isn't."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from winnow.trainer.alignment import sandbox
from winnow.trainer.alignment.room import CALLS


def test_nothing_outside_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    monkeypatch.setenv("WINNOW_SECRET", "key")
    seen = sandbox.run(
        f"import os, pathlib\nprint('WINNOW_SECRET' in os.environ, pathlib.Path({str(secret)!r}).exists(),"
        f" pathlib.Path({__file__!r}).exists(), pathlib.Path('/etc/passwd').exists(), os.listdir('.'))"
    )
    assert seen.passed and seen.printed.strip() == "False False False False []"
    listed = sandbox.run("import os; print(*sorted(os.listdir('/')))").printed.split()
    assert {"home", "proc", "sys", "var", "run", "old"}.isdisjoint(listed) and {"dev", "program.py", "tmp"} <= {*listed}
    assert sandbox.run("import os; print(*sorted(os.listdir('/dev')))").printed.split() == sorted(
        ["null", "random", "urandom", "zero"]
    )


def test_nothing_outside_is_written(tmp_path: Path) -> None:
    marks = [
        tmp_path / "mark",
        Path(sys.base_prefix) / "winnow-mark",
        Path("/usr/lib/winnow-mark"),
        Path("/tmp/winnow-mark"),
    ]
    for mark in marks:
        sandbox.run(f"open({str(mark)!r}, 'w').write('x')")
    assert not any(mark.exists() for mark in marks)
    kept = "open('/tmp/a', 'w').write('x'); print(open('/tmp/a').read())"
    assert sandbox.run(kept).printed == "x\n"
    assert not sandbox.run("open('/tmp/a')").passed  # each program has a scratch folder of its own


def test_no_server_outside_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        tried = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)"
        subprocess.run([sys.executable, "-c", tried], check=True)  # outside of the sandbox it can be reached
        server.accept()[0].close()
        assert not sandbox.run(tried).passed
        with pytest.raises(TimeoutError):
            server.accept()
    for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"):
        refused = sandbox.run(f"import socket\nsocket.socket(socket.{family}, socket.SOCK_RAW)")
        assert not refused.passed and "PermissionError" in refused.printed, family


def test_no_second_process_and_no_rights() -> None:
    for program in (
        "import os; os.fork()",
        "import threading; threading.Thread(target=print).start()",
        "import subprocess; subprocess.run(['/bin/true'])",
        "while True:\n    import os; os.fork()",
    ):
        assert not sandbox.run(program).passed
    calls = ("l.unshare(0x10000000)", "l.unshare(0x20000)", "l.setuid(0) if os.getuid() else -1", "l.syscall(425, 1, 0)",
             "l.mount(b'x', b'/tmp', b'tmpfs', 0, None)", "l.mount(None, b'/', None, 32, None)", "l.chroot(b'/tmp')",
             "l.ptrace(16, 1, 0, 0)", "l.sethostname(b'x', 1)", "l.mknod(b'/tmp/sda', 0o60666, 0x800)")  # fmt: skip
    for call in calls:
        tried = sandbox.run(f"import ctypes, os\nl = ctypes.CDLL(None)\nprint({call})")
        assert tried.printed.strip() == "-1", (call, tried)


def test_no_process_outside_is_killed() -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        for target in (sleeper.pid, os.getpid(), -1):
            assert not sandbox.run(f"import os; os.kill({target}, 9)").passed
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal, time\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: time.sleep(1)",
        "import sys\nwhile True: sys.stdin.read()",
    ],
)
def test_time_ends(program: str) -> None:
    name = f"w{secrets.token_hex(6)}"
    named = f"import ctypes; ctypes.CDLL(None).prctl(15, {name.encode()!r}, 0, 0, 0)\nprint('begun', flush=True)\n"
    ended = sandbox.run(named + program, seconds=5)
    assert ended.status is None and "begun" in ended.printed
    until = time.monotonic() + 30  # on a busy machine a killed process takes its time to go
    while name in _processes():
        assert time.monotonic() < until, "it lives on"


def test_memory_ends() -> None:
    assert not sandbox.run("x = bytearray(1 << 31)").passed
    assert not sandbox.run("x = [0]\nwhile True: x += x", seconds=20).passed
    filled = sandbox.run("for i in range(64): open(f'/tmp/{i}', 'wb').write(bytes(1 << 20))")
    assert not filled.passed and "No space left" in filled.printed
    assert not sandbox.run("open('big', 'wb').write(bytes(1 << 22))").passed
    assert not sandbox.run("for i in range(5_000): open(f'/tmp/{i}', 'w')").passed
    assert len(sandbox.run("while True: print('x' * 1_000)", seconds=3).printed) <= 10_000


def test_what_programs_need_is_there() -> None:
    assert (
        sandbox.run(
            "import asyncio, decimal, hashlib, json, random, re, sqlite3, unicodedata, zlib\nprint('雪')"
        ).printed
        == "雪\n"
    )
    long = f"x = {'a' * 300_000!r}\nprint(len(x))"  # longer than an argument of a command may be
    assert sandbox.run(long).printed == "300000\n"
    assert sandbox.run("print('a' * 50_000 + 'end')").printed.endswith("end\n")
    assert sandbox.run("raise SystemExit(3)").status == 3
    several = [threading.Thread(target=lambda: done.append(sandbox.run("print(1)").passed)) for _ in range(4)]
    done: list[bool] = []
    for one in several:
        one.start()
    for one in several:
        one.join()
    assert done == [True] * 4


def test_a_machine_without_namespaces_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sandbox.NoSandbox, match="Operation not permitted"):
        sandbox.run("print(1)")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(sandbox.NoSandbox, match="util-linux"):
        sandbox.run("print(1)")


def test_the_calls_refused_are_those_that_are_named() -> None:
    """Against the kernel's header, where it lies here."""
    names = ("pivot_root", "socket", "ptrace", "mount", "unshare", "setns", "bpf", "perf_event_open", "add_key",
             "request_key", "keyctl", "userfaultfd", "open_by_handle_at", "io_uring_setup")  # fmt: skip
    machine = platform.machine()
    headers = {
        "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
        "aarch64": "/usr/include/asm-generic/unistd.h",
    }
    header = Path(headers[machine])
    if not header.exists():
        pytest.skip("no kernel headers here")
    numbers = dict(re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", header.read_text()))
    _, pivot, refused = CALLS[machine]
    assert (pivot, *refused) == tuple(int(numbers[name]) for name in names)


def _processes() -> set[str]:
    """The names of this machine's processes."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            found.add(file.read_text().strip())
    return found
