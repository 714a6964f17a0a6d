"""A server that answers as the Hub does where data sets are listed, read (names, sizes, ranges of files) and committed to."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL = 10_000  # bytes: a larger file is kept by LFS


@contextmanager
def hub(name: str, files: dict[str, bytes], commits: list[str] | None = None) -> Iterator[str]:
    """The address of a hub with one data set, whose `files` commits change.

    What is kept by LFS, as all but the smallest files are, comes by a PUT of its own before the commit names it.
    """
    commits = [] if commits is None else commits
    stored: dict[str, bytes] = {}

    def folders() -> set[str]:
        return {str(parent) for file in files for parent in PurePosixPath(file).parents} - {"."}

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
                names = [path for path in (*files, *folders()) if path.startswith(under) and path != under.rstrip("/")]
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
            asked, path = self.body().decode(), unquote(urlsplit(self.path).path)
            if path.startswith(f"/api/datasets/{name}/commit/"):
                self.commit([json.loads(line) for line in asked.splitlines()])
                return
            form = json.loads(asked) if asked.startswith("{") else parse_qs(asked)
            if path == "/api/repos/create":
                self.answer({"url": f"http://{self.headers['Host']}/datasets/{name}", "name": name})
            elif path == "/api/validate-yaml":
                self.answer({"errors": [], "warnings": []})
            elif path.startswith(f"/api/datasets/{name}/preupload/"):
                modes = ["lfs" if file["size"] > SMALL else "regular" for file in form["files"]]
                told = zip(form["files"], modes, strict=True)
                self.answer(
                    {
                        "files": [
                            {"path": file["path"], "uploadMode": mode, "shouldIgnore": False} for file, mode in told
                        ]
                    }
                )
            elif path == f"/datasets/{name}.git/info/lfs/objects/batch":
                place = f"http://{self.headers['Host']}/lfs/"
                wanted = [{**one, "actions": {"upload": {"href": place + one["oid"]}}} for one in form["objects"]]
                self.answer({"transfer": "basic", "objects": [one for one in wanted if one["oid"] not in stored]})
            else:
                self.answer([entry(path) for path in form["paths"] if path in files or path in folders()])

        def do_PUT(self) -> None:
            content = self.body()
            stored[hashlib.sha256(content).hexdigest()] = content
            self.send(200, b"", {})

        def commit(self, lines: list[dict[str, Any]]) -> None:
            for line in lines:
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = stored[value["oid"]]
                elif line["key"] == "deletedFile":
                    del files[value["path"]]
            commits.append(lines[0]["value"]["summary"])
            self.answer({"success": True, "commitOid": COMMIT, "commitUrl": f"http://{self.headers['Host']}/{name}"})

        def body(self) -> bytes:
            if (length := self.headers.get("Content-Length")) is not None:
                return self.rfile.read(int(length))
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

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
