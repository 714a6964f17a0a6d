"""Who works in a run's folder on an object store: the run that holds its lease, and no second one.

There are no locks there, but a PUT that succeeds only where nothing lies (`If-None-Match: *`) is one: the object
`.running` is the lease. Its holder writes it anew every few seconds, so that of one that was killed it is seen, by
whoever looks on for a while, that nobody holds it any more. Clocks are not compared.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.stages.run.workspace import Workspace

NAME = ".running"
BEAT = 5.0  # seconds between two signs of life
PATIENCE = 20.0  # seconds without one, after which a lease is nobody's: retries of a slow store take some


@contextmanager
def lease(workspace: Workspace, tell: Callable[[str], None], *, wait: bool = False) -> Iterator[None]:
    """Holds the folder until the block ends. Raises `ConfigurationError` where another run works in it, unless it is to
    `wait` for that one's end.

    A store that knows no conditional writes is worked in without a lease: units commit the same bytes, so a second run
    wastes work and spoils nothing.
    """
    token = uuid.uuid4().hex
    while True:
        try:
            taken = _taken(workspace, token, tell)
            break
        except ConfigurationError:
            if not wait:
                raise
    if not taken:
        yield
        return
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(workspace, token, ended), daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
        with suppress(OSError):
            if _holder(workspace) == token:
                workspace.remove(NAME)


def _taken(workspace: Workspace, token: str, tell: Callable[[str], None]) -> bool:
    """Whether the lease is ours now; False where the store has none to give."""
    try:
        if _created(workspace, token):
            return True
    except NotImplementedError:
        return False
    tell(f"{workspace.root}: another run may be working there; looking on for {PATIENCE:.0f} s …")
    before = _said(workspace)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        time.sleep(BEAT / 2)
        if (now := _said(workspace)) and now != before:
            raise ConfigurationError(f"another run is working in {workspace.root}")
    if before == _said(workspace):
        workspace.remove(NAME)
    if not _created(workspace, token):  # somebody else looked on, too
        raise ConfigurationError(f"another run is working in {workspace.root}")
    return True


def _created(workspace: Workspace, token: str) -> bool:
    if workspace.write_new(NAME, _sign(token, 0)):
        return True
    return _holder(workspace) == token  # the answer to the first try was lost, and the second found what it had written


def _beat(workspace: Workspace, token: str, ended: threading.Event) -> None:
    count = 0
    while not ended.wait(BEAT):
        count += 1
        with suppress(OSError):
            if _holder(workspace) != token:
                return
            workspace.write_bytes(NAME, _sign(token, count))


def _sign(token: str, count: int) -> bytes:
    return json.dumps({"run": token, "beat": count}).encode()


def _said(workspace: Workspace) -> bytes:
    with suppress(FileNotFoundError):
        return workspace.read_bytes(NAME)
    return b""


def _holder(workspace: Workspace) -> str | None:
    try:
        return str(json.loads(_said(workspace))["run"])
    except (ValueError, KeyError, TypeError):
        return None
