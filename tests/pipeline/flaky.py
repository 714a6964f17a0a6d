"""A proxy before an object store that fails: of so many requests in a hundred it answers 503, stalls, or breaks off.

Seeded; counts what it was asked for. Broken off is before the request is passed on, or in the middle of the answer: then
the store did what it was asked to, and nobody was told.
"""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

STALL = 2.0  # seconds
FAULTS = ("fail", "stall", "reset", "cut")
HOP = {"connection", "transfer-encoding", "keep-alive"}


class Proxy(ThreadingHTTPServer):
    """`requests` counts methods, `harmed` faults."""

    daemon_threads = True

    def __init__(self, store: str, share: float, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = urlsplit(store).netloc
        self.share = share
        self.requests: Counter[str] = Counter()
        self.harmed: Counter[str] = Counter()
        self._dice = random.Random(seed)
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fate(self, method: str) -> str:
        with self._lock:
            self.requests[method] += 1
            fault = self._dice.choice(FAULTS) if self._dice.random() < self.share else ""
            self.harmed[fault or "none"] += 1
            return fault

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""

    def _pass_on(self) -> None:
        fate = self.server.fate(self.command)
        size = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(size)
        if fate == "reset":
            self._break_off()
            return
        if fate == "fail":
            self._answer(503, [("Content-Type", "application/xml")], b"<Error><Code>SlowDown</Code></Error>")
            return
        if fate == "stall":
            time.sleep(STALL)
        store = http.client.HTTPConnection(self.server.store, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in (*HOP, "expect")}
        store.request(self.command, self.path, body, headers)
        answer = store.getresponse()
        content = answer.read()
        if fate == "cut":
            self._answer(answer.status, answer.getheaders(), content, cut=True)
            self._break_off()
        else:
            self._answer(answer.status, answer.getheaders(), content)
        store.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, cut: bool = False) -> None:
        self.send_response_only(status)
        said = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        if "content-length" not in said:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)

    def _break_off(self) -> None:
        """A reset, not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


@contextmanager
def proxy(store: str, share: float = 0.1, seed: int = 0) -> Iterator[Proxy]:
    """A proxy before the store at this address, of whose requests this share comes to harm."""
    server = Proxy(store, share, seed)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
