"""The room that `sandbox` shuts a program in. Run as a script by `unshare`, in namespaces of its own; ends as that program.

    unshare --mount --net --pid … python -I -S room.py ROOT LIBRARIES SECONDS MEMORY USER REPORT < program

Builds a file system in memory on the folder ROOT: Python and the system's libraries, read-only, the program, and /tmp of
16 MiB; makes that the root and lets go of the old one. Then it gives up what it may: user, groups, capabilities, the
means to get any back, forks, system calls that lead outside; and becomes the program. Imports nothing of ours: it
runs without the site's packages.

Writes `ready` to the descriptor REPORT just before, or what went wrong.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Sequence

SCRATCH = "size=16m,nr_inodes=1k,mode=1777"
FILE_BYTES = 1 << 20
OPEN_FILES = 64
DEVICES = ("null", "zero", "urandom", "random")

READ_ONLY, NO_SETUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE = 1, 2, 4, 32, 4096, 16384  # linux/mount.h
DETACH = 2
MOUNT_SETATTR, HERE, WHOLE_TREE = 442, -100, 0x8000  # one number on all architectures
DIE_WITH_PARENT, SET_SECCOMP, DROP_BOUND, NO_NEW_PRIVILEGES = 1, 22, 24, 38  # linux/prctl.h
CAPABILITY_VERSION = 0x20080522

CALLS = {
    "x86_64": (0xC000003E, 155, (41, 101, 165, 272, 308, 321, 298, 248, 249, 250, 323, 304, 425)),
    "aarch64": (0xC00000B7, 41, (198, 117, 40, 97, 268, 280, 241, 217, 218, 219, 282, 265, 425)),
}
"""Of a machine: its number in linux/audit.h, its `pivot_root`, and the calls refused: socket (no namespace shuts AF_VSOCK
out), ptrace, mount, unshare, setns, bpf, perf_event_open, add_key, request_key, keyctl, userfaultfd, open_by_handle_at,
io_uring_setup."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def build(root: str, libraries: Sequence[str], program: bytes) -> None:
    """Makes `root` the root of a file system that holds the libraries read-only, the program and a scratch folder."""
    _mount("room", root, "tmpfs", NO_SETUID, "size=4m,mode=755")
    for library in libraries:
        _show(library, root + library, READ_ONLY | NO_SETUID | NO_DEVICES)
    for device in DEVICES:
        _show(f"/dev/{device}", f"{root}/dev/{device}", READ_ONLY | NO_SETUID)
    for folder in ("tmp", "old"):
        os.makedirs(f"{root}/{folder}", exist_ok=True)
    _mount("scratch", f"{root}/tmp", "tmpfs", NO_SETUID | NO_DEVICES, SCRATCH)
    with open(f"{root}/program.py", "wb") as file:
        file.write(program)
    _call(CALLS[platform.machine()][1], "pivot_root", root.encode(), f"{root}/old".encode())
    os.chdir("/")
    _succeed(_LIBC.umount2(b"/old", DETACH), "umount /old")
    os.rmdir("/old")
    _restrict("/", READ_ONLY | NO_SETUID | NO_DEVICES, 0)
    os.chdir("/tmp")


def give_up(seconds: int, memory: int, user: int) -> None:
    """Leaves the process no rights, no other process, and limits; as `user` where that isn't 0."""
    for capability in range(64):
        _LIBC.prctl(DROP_BOUND, capability, 0, 0, 0)  # fails above the kernel's last one
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _succeed(_LIBC.capset(struct.pack("Ii", CAPABILITY_VERSION, 0), bytes(24)), "capset")
    _succeed(_LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    _succeed(_LIBC.prctl(DIE_WITH_PARENT, 9, 0, 0, 0), "pdeathsig")  # `unshare` asked for it; another user forgets it
    for kind, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 1),
    ):
        resource.setrlimit(kind, (most, most))
    _refuse_calls()


def _refuse_calls() -> None:
    """A filter that stays for good: calls in the manner of another architecture, and those of `CALLS`, aren't permitted."""
    architecture, _, calls = CALLS[platform.machine()]
    load, equal, at_least, end = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
    refuse, allow = 0x00050000 | 1, 0x7FFF0000  # with EPERM; linux/seccomp.h
    last = len(calls)
    rules = [
        (load, 0, 0, 4),
        (equal, 0, last + 3, architecture),
        (load, 0, 0, 0),
        (at_least, last + 1, 0, 0x40000000),  # the x32 calls of x86-64
        *((equal, last - place, 0, call) for place, call in enumerate(calls)),
        (end, 0, 0, allow),
        (end, 0, 0, refuse),
    ]
    held = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    given = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(held))
    _succeed(_LIBC.prctl(SET_SECCOMP, ctypes.c_ulong(2), given, 0, 0), "seccomp")


def _show(source: str, target: str, flags: int) -> None:
    """Shows a folder or file of the machine; a link as a link. What isn't there is left out."""
    if os.path.lexists(target) or not os.path.lexists(source):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.mkdir(target)
    else:
        open(target, "x").close()
    _mount(source, target, None, BIND | RECURSIVE, None)
    _restrict(target, flags, WHOLE_TREE)


def _restrict(target: str, flags: int, depth: int) -> None:
    """Sets flags of the mount at `target`, and of those below it. Raises `OSError` before Linux 5.12."""
    attributes = struct.pack("QQQQ", flags, 0, 0, 0)
    _call(MOUNT_SETATTR, f"mount_setattr {target}", HERE, target.encode(), depth, attributes, len(attributes))


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    given = [None if text is None else text.encode() for text in (source, target, kind)]
    done = _LIBC.mount(*given, ctypes.c_ulong(flags), None if options is None else options.encode())
    _succeed(done, f"mount {target}")


def _call(number: int, what: str, *given: bytes | int) -> None:
    long = (ctypes.c_long(each) if isinstance(each, int) else each for each in given)
    _succeed(_LIBC.syscall(ctypes.c_long(number), *long), what)


def _succeed(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def main() -> None:
    root, libraries = sys.argv[1:3]
    seconds, memory, user, report = map(int, sys.argv[3:])
    os.set_inheritable(report, False)
    python = os.path.realpath(sys.executable)
    try:
        build(root, libraries.split(os.pathsep), sys.stdin.buffer.read())
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        give_up(seconds, memory, user)
        os.write(report, b"ready")
        os.execve(python, [python, "-I", "-S", "/program.py"], {})
    except Exception as error:
        os.write(report, f"{type(error).__name__}: {error}".encode())
        os._exit(1)


if __name__ == "__main__":
    main()
