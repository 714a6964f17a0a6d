"""What listens: on this machine's loopback alone, so that a run's texts are shown to nobody else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn

from winnow.viewer.application import application
from winnow.viewer.runs import Run

LOOPBACK = "127.0.0.1"


def serve(
    run: Run, other: Run | None, *, port: int, labels: str | Path, ready: Callable[[str], None] = lambda address: None
) -> None:
    """Serves the pages until it is interrupted; `ready` hears their address. Port 0 takes any that is free.

    Raises `OSError` where the port is taken, `ValueError` for a file of labels that holds something else.
    """
    app = application(run, other, labels)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen()
        ready(f"http://{LOOPBACK}:{listening.getsockname()[1]}/")
        threading.Thread(target=app.state.warm, daemon=True).start()
        settings = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(settings).run(sockets=[listening])
