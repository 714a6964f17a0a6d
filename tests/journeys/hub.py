"""A server that answers as the Hub does where data sets are listed and read: names, sizes, and ranges of files."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub(name: str, files: dict[str, bytes]) -> Iterator[str]:
    """The address of a hub with one data set."""
    folders = {file.rpartition("/")[0] for file in files if "/" in file}

    def entry(path: str) -> dict[str, Any]:
        if path in files:
            return {"type": "file", "path": path, "size": len(files[path]), "oid": f"{len(files[path]):040x}"}
        return {"type": "directory", "path": path, "oid": COMMIT}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if (found := re.fullmatch(rf"/api/datasets/{name}/tree/[^/]+/?(.*)", path)) is not None:
                under = f"{found[1].rstrip('/')}/" if found[1] else ""
                deep = "recursive" in self.path and "ecursive=false" not in self.path.lower()
                names = [path for path in (*files, *folders) if path.startswith(under) and path != under.rstrip("/")]
                self.answer([entry(path) for path in names if deep or "/" not in path.removeprefix(under)])
            elif re.fullmatch(rf"/api/datasets/{name}(/revision/[^/]+)?", path):
                siblings = [{"rfilename": file} for file in files]
                self.answer(
                    {"id": name, "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
                )
            elif (found := re.fullmatch(rf"/datasets/{name}/resolve/[^/]+/(.+)", path)) and found[1] in files:
                self.file(files[found[1]])
            else:
                self.send(404, b"{}", {"X-Error-Code": "EntryNotFound" if name in path else "RepoNotFound"})

        do_HEAD = do_GET

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = json.loads(asked) if asked.startswith("{") else parse_qs(asked)
            self.answer([entry(path) for path in form["paths"] if path in files or path in folders])

        def file(self, content: bytes) -> None:
            told = {"X-Repo-Commit": COMMIT, "ETag": f'"{len(content):040x}"', "Accept-Ranges": "bytes"}
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if found is None:
                self.send(200, content, told)
                return
            first, last = int(found[1]), min(int(found[2] or len(content)), len(content) - 1)
            told["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            self.send(206, content[first : last + 1], told)

        def answer(self, value: object) -> None:
            self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def send(self, status: int, content: bytes, told: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in {**told, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
