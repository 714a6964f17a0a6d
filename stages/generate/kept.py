"""Answers as they come: a small file each, so that a unit that is killed asks for none of them again.

`asked/<part>/<key>.json` holds one reply until its unit is done, `asked/<part>.parquet` all that this part was ever
answered. No receipt owns them: a part whose documents, number of answers or prompt change asks for what is new alone. The
key is a hash of the request with its seed, so another model, prompt or sampling finds nothing here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from winnow.stages.generate.server import FAILED, Reply
from winnow.stages.run.unit import File
from winnow.stages.run.workspace import Workspace

FOLDER = "asked"
REPLY = pa.schema(
    [
        pa.field("status", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("reasoning", pa.large_string(), nullable=False),
        pa.field("finish", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("prompt_tokens", pa.int64(), nullable=False),
        pa.field("completion_tokens", pa.int64(), nullable=False),
    ]
)
KEPT = pa.schema([pa.field("key", pa.string(), nullable=False), *REPLY])


def answers_path(part: str) -> File:
    """Where the answers of a part lie when its unit is done."""
    return File(f"answers/{part}.parquet")


def request_key(request: Mapping[str, Any]) -> str:
    """32 hexadecimal digits that stand for a request."""
    content = json.dumps(request, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Kept:
    """What one part was answered, from earlier runs and from this one."""

    def __init__(self, place: str, part: str) -> None:
        self._workspace, self._part = Workspace(place), part
        self.replies: dict[str, Reply] = {}
        self._new = False
        if self._workspace.exists(self._whole):
            for row in self._workspace.read_table(self._whole).to_pylist():
                key = row.pop("key")
                self.replies[key] = Reply(**row)
        for path in self._workspace.list(f"{FOLDER}/{part}", ".json"):
            self.replies[path.rpartition("/")[2].removesuffix(".json")] = Reply(
                **json.loads(self._workspace.read_bytes(path))
            )
            self._new = True

    @property
    def _whole(self) -> str:
        return f"{FOLDER}/{self._part}.parquet"

    def add(self, key: str, reply: Reply) -> None:
        """Keeps a reply, from any thread; what failed is no answer and is asked for when the unit is worked again."""
        if reply.status != FAILED:
            Workspace(self._workspace.place).write_bytes(
                f"{FOLDER}/{self._part}/{key}.json", json.dumps(asdict(reply)).encode()
            )
            self._new = True
        self.replies[key] = reply

    def close(self) -> None:
        """Brings the small files into the one of the part."""
        if self._new:
            rows = [{"key": key, **asdict(one)} for key, one in sorted(self.replies.items()) if one.status != FAILED]
            self._workspace.write_table(self._whole, pa.Table.from_pylist(rows, schema=KEPT))
            self._workspace.remove(f"{FOLDER}/{self._part}")
