"""A server of chat completions on loopback whose answers follow from the request alone, and which fails as it is told to.

It counts what it is asked, so that a test can hold that nothing was asked for twice.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = Mapping[str, Any]
Answer = tuple[int, Mapping[str, str], bytes]


def completion(text: str, finish: str = "stop", **more: Any) -> bytes:
    message = {"role": "assistant", "content": text, **more}
    usage = {"prompt_tokens": 10, "completion_tokens": len(text.split())}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "x", "model": "served", "choices": [choice], "usage": usage}).encode()


def echo(body: Body) -> str:
    """A text that follows from the request: its last words and a number of its seed."""
    said = body["messages"][-1]["content"]
    number = int(hashlib.blake2b(str(body.get("seed")).encode(), digest_size=2).hexdigest(), 16) % 3
    return f"{said.split()[-1]} said anew, \\boxed{{{number}}}"


def error(status: int, message: str, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, told, json.dumps({"error": {"message": message}}).encode()


@dataclass
class Served:
    """What a server was asked, in the order of arrival, and how it answers: `answer(body, tries of this body)`."""

    answer: Callable[[Body, int], Answer]
    port: int = 0
    slow: float = 0.0
    bodies: list[Body] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    most_open: int = 0
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def tries(self, body: Body) -> int:
        return sum(other == body for other in self.bodies)

    def take(self, body: Body, headers: Mapping[str, str]) -> Answer:
        with self._lock:
            self.bodies.append(body)
            self.headers.append(headers)
            tries = self.tries(body)
            self._open += 1
            self.most_open = max(self.most_open, self._open)
        try:
            time.sleep(self.slow)
            return self.answer(body, tries)
        finally:
            with self._lock:
                self._open -= 1


def good(body: Body, tries: int) -> Answer:
    return 200, {}, completion(echo(body))


@contextmanager
def serving(answer: Callable[[Body, int], Answer] = good, *, slow: float = 0.0, port: int = 0) -> Iterator[Served]:
    served = Served(answer, slow=slow)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/v1/chat/completions":
                answer: Answer = error(404, f"no such path: {self.path}")
            else:
                answer = served.take(json.loads(content), dict(self.headers))
            status, headers, body = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if headers.get("Connection") == "close":
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Nothing on the test's terminal."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        served.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def free_port() -> Iterator[int]:
    """A port where nobody listens."""
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
