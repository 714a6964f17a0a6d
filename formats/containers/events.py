"""Issues and pull requests out of GH Archive: GitHub's public events, one JSON object a line.

Only the events of one repository are kept: what an issue or a pull request says, its comments in time, and which commit
merged it. What robots say is left out, and so are e-mail replies' quotations of what stands above them.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from winnow.formats.addresses import expand, opened
from winnow.formats.containers.archives import Reject
from winnow.formats.containers.bounds import lines_within
from winnow.formats.containers.columnar import LIMITS
from winnow.formats.containers.inflate import Broken, Inflated
from winnow.formats.containers.json_text import read_json

_QUOTED = re.compile(r"(?m)^(?:>.*|On .{10,80} wrote:)\n?")


@dataclass
class Thread:
    """An issue or a pull request and what was said under it."""

    number: int
    kind: str  # issue, pull request
    title: str = ""
    body: str = ""
    merged: str | None = None
    comments: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # id → (time, author, text)

    def render(self) -> str:
        """As text: title, body, then the comments in the order of time."""
        parts = [f"{self.kind.capitalize()} #{self.number}: {self.title}\n"]
        if self.body.strip():
            parts.append(self.body.strip() + "\n")
        for _, author, text in sorted(self.comments.values()):
            parts.append(f"{author}: {text}\n")
        return "\n".join(parts)


@dataclass
class Events:
    """The threads of one repository by number."""

    threads: dict[int, Thread] = field(default_factory=dict)

    @classmethod
    def read(cls, patterns: Iterable[str], repository: str, reject: Reject) -> Events:
        """Reads event files, compressed or not; lines that are no event of this repository are passed over.

        The rest of a file that breaks off is told to `reject(path, rule, value)`.
        """
        events = cls()
        for pattern in patterns:
            for path in expand(pattern):
                try:
                    for event in _events(path, repository):
                        events._take(event)
                except Broken as broken:
                    reject(path, broken.rule, broken.value)
        return events

    def thread(self, number: int) -> Thread | None:
        found = self.threads.get(number)
        return found if found is not None and found.title else None

    def merged(self, commit: str) -> list[Thread]:
        """The pull requests that a commit merged."""
        return [thread for _, thread in sorted(self.threads.items()) if thread.merged == commit and thread.title]

    def _take(self, event: Mapping[str, Any]) -> None:
        payload = event.get("payload") or {}
        issue, pull = payload.get("issue"), payload.get("pull_request")
        said = pull if isinstance(pull, dict) else issue if isinstance(issue, dict) else None
        if said is None or not isinstance(said.get("number"), int):
            return
        is_pull = said is pull or "pull_request" in said
        thread = self.threads.setdefault(said["number"], Thread(said["number"], "issue"))
        thread.kind = "pull request" if is_pull else "issue"
        thread.title, thread.body = said.get("title") or thread.title, said.get("body") or thread.body
        if said.get("merged") and isinstance(said.get("merge_commit_sha"), str):
            thread.merged = said["merge_commit_sha"]
        comment = payload.get("comment") or payload.get("review")
        if isinstance(comment, dict) and comment.get("body"):
            author = str((comment.get("user") or {}).get("login") or "")
            text = _QUOTED.sub("", comment["body"]).strip()
            if text and not author.lower().endswith(("[bot]", "-bot")):
                when = str(comment.get("created_at") or comment.get("submitted_at") or "")
                thread.comments[str(comment.get("id"))] = (when, author, text)


def _events(path: str, repository: str) -> Iterator[Mapping[str, Any]]:
    needle = json.dumps(repository)[1:-1].encode().lower()
    with opened(path) as stream:
        lines = io.BufferedReader(Inflated(stream, LIMITS))
        for _, line in lines_within(lines):
            if line is None or needle not in line.lower():
                continue
            try:
                event = read_json(line)
            except ValueError:
                continue
            name = (event.get("repo") or {}).get("name") if isinstance(event, dict) else None
            if isinstance(name, str) and name.lower() == repository.lower():
                yield event
