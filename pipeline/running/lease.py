"""Who works in a run's folder: the run that holds it, and no second one.

A disk has locks, which end with their holder. Some network file systems refuse them (Lustre mounted without `flock`, NFS
without its lock daemon), and an object store has none, but a PUT that succeeds only where nothing lies (`If-None-Match:
*`) is one, as is a file that only one process can create: `.running` on a store, `.running.lease` on such a disk, is the
lease. Its holder writes it anew every few seconds, so that of one that was killed it is seen, by whoever looks on for a
while, that nobody holds it any more. Clocks are not compared.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from winnow.pipeline import terminal
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.stages.run.workspace import Workspace

NAME = ".running"
UNLOCKED = f"{NAME}.lease"  # the lease of a folder on a disk that refuses locks
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})  # what such a disk says
BEAT = 5.0  # seconds between two signs of life
PATIENCE = 20.0  # seconds without one, after which a lease is nobody's: retries of a slow store take some
PATIENCE_WITH_DISKS = 90.0  # a network file system may show what it remembers for a minute


@contextmanager
def alone(workspace: Workspace, *, wait: bool = False) -> Iterator[None]:
    """Holds the run's folder for this process; a second run there says so and ends, or waits if it was told to.

    Raises `ConfigurationError` where another run works in it.
    """
    if not workspace.is_local:
        with lease(workspace, terminal.say, wait=wait):
            yield
        return
    import fcntl

    os.makedirs(workspace.path(""), exist_ok=True)
    with open(workspace.path(NAME), "a") as handle, ExitStack() as held:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise ConfigurationError(f"another run is working in {workspace.root}") from None
            terminal.say(f"waiting for the run that works in {workspace.root} …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            held.enter_context(lease(workspace, terminal.say, wait=wait, name=UNLOCKED))
        yield


@contextmanager
def lease(workspace: Workspace, tell: Callable[[str], None], *, wait: bool = False, name: str = NAME) -> Iterator[None]:
    """Holds the folder until the block ends. Raises `ConfigurationError` where another run works in it, unless it is to
    `wait` for that one's end.

    A store that knows no conditional writes is worked in without a lease: units commit the same bytes, so a second run
    wastes work and spoils nothing.
    """
    token = uuid.uuid4().hex
    while True:
        try:
            taken = _taken(workspace, name, token, tell)
            break
        except ConfigurationError:
            if not wait:
                raise
    if not taken:
        yield
        return
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(workspace, name, token, ended, tell), daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
        with suppress(OSError):
            if _holder(workspace, name) == token:
                workspace.remove(name)


def _taken(workspace: Workspace, name: str, token: str, tell: Callable[[str], None]) -> bool:
    """Whether the lease is ours now; False where the store has none to give."""
    try:
        if _created(workspace, name, token):
            return True
    except NotImplementedError:
        return False
    patience = PATIENCE_WITH_DISKS if workspace.is_local else PATIENCE
    tell(f"{workspace.root}: another run may be working there; looking on for {patience:.0f} s …")
    before = _said(workspace, name)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        time.sleep(BEAT / 2)
        if (now := _said(workspace, name)) and now != before:
            raise ConfigurationError(f"another run is working in {workspace.root}")
    if before == _said(workspace, name):
        workspace.remove(name)
    if not _created(workspace, name, token):  # somebody else looked on, too
        raise ConfigurationError(f"another run is working in {workspace.root}")
    return True


def _created(workspace: Workspace, name: str, token: str) -> bool:
    if workspace.write_new(name, _sign(token, 0)):
        return True
    # The answer to the first try may have been lost, and the second found what it had written.
    return _holder(workspace, name) == token


def _beat(workspace: Workspace, name: str, token: str, ended: threading.Event, tell: Callable[[str], None]) -> None:
    """Signs of life until the end, or until somebody took over from what seemed dead to him: a machine that slept."""
    count = 0
    while not ended.wait(BEAT):
        count += 1
        with suppress(OSError):
            if _holder(workspace, name) != token:
                tell(
                    f"{workspace.root}: another run has taken over here, since this one gave no sign of life: stop one of them"
                )
                return
            workspace.write_bytes(name, _sign(token, count))


def _sign(token: str, count: int) -> bytes:
    return json.dumps({"run": token, "beat": count}).encode()


def _said(workspace: Workspace, name: str) -> bytes:
    with suppress(FileNotFoundError):
        return workspace.read_bytes(name)
    return b""


def _holder(workspace: Workspace, name: str) -> str | None:
    try:
        return str(json.loads(_said(workspace, name))["run"])
    except (ValueError, KeyError, TypeError):
        return None
