"""A git repository read through git itself: listings, contents and commits, never a hook, a filter or a network.

Every command runs with the machine's and the user's configuration switched off, without lazy fetches from a remote, and
with paths as bytes between NULs. The repository's own configuration can't start a program with the plumbing used here.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
_OPTIONS = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.devnull)
REGULAR = ("100644", "100755", "100664")


class GitError(ValueError):
    """A repository that git can't read as asked; the message carries git's own words."""


@dataclass(frozen=True)
class Entry:
    """One file of a commit: its path (None where that is no UTF-8), mode, object name and size in bytes (-1: none)."""

    path: str | None
    shown: str
    mode: str
    object: str
    size: int


def is_repository(path: str) -> bool:
    """Whether a local folder is a git repository: a bare one, or one with a work tree."""
    if os.path.exists(f"{path}/.git"):
        return True
    return all(os.path.exists(f"{path}/{name}") for name in ("HEAD", "objects", "refs"))


def git(path: str, *arguments: str, stdin: bytes | None = None) -> bytes:
    """What a git command writes. Raises `GitError` with the command and git's message when it fails."""
    command = ["git", "-C", path, *_OPTIONS, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, env=_environment(), check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise GitError(f"{path}: git {arguments[0]} failed: {said or f'exit status {done.returncode}'}")
    return done.stdout


def differs(path: str, *arguments: str) -> bool:
    """Whether a comparing command (`diff --quiet`) found a difference. Raises `GitError` when it fails."""
    command = ["git", "-C", path, *_OPTIONS, *arguments]
    done = subprocess.run(command, capture_output=True, env=_environment(), check=False)
    if done.returncode > 1:
        raise GitError(f"{path}: git {arguments[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.returncode == 1


def commit_of(path: str, revision: str) -> str | None:
    """The full name of the commit that a revision means; None for HEAD of a repository without a commit.

    Raises `GitError` for any other revision that isn't there.
    """
    if revision.startswith("-"):
        raise GitError(f"{path}: {revision!r} is no revision")
    try:
        return git(path, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    except GitError:
        if revision == "HEAD" and is_repository(path):
            return None
        raise GitError(
            f"{path}: no commit {revision!r}; name a branch, a tag or a commit that `git log --all` shows"
        ) from None


def entries(path: str, commit: str) -> list[Entry]:
    """Every entry of a commit's tree, by path."""
    found = []
    for line in git(path, "ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0"):
        if line:
            facts, _, name = line.partition(b"\t")
            mode, _, identity, size = facts.decode().split()
            try:
                decoded: str | None = name.decode("utf-8")
            except UnicodeDecodeError:
                decoded = None
            shown = name.decode("utf-8", "backslashreplace")
            found.append(Entry(decoded, shown, mode, identity, -1 if size == "-" else int(size)))
    return sorted(found, key=lambda entry: entry.shown)


def contents(path: str, objects: Iterable[str]) -> Iterator[bytes]:
    """The bytes of each object, in order, one at a time: what one `git cat-file --batch` streams.

    Raises `GitError` where an object isn't there (a partial clone).
    """
    command = ["git", "-C", path, *_OPTIONS, "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            for identity in objects:
                process.stdin.write(identity.encode() + b"\n")
                process.stdin.flush()
                answer = process.stdout.readline().split()
                if len(answer) != 3:
                    raise GitError(
                        f"{path}: object {identity} is missing: {b' '.join(answer).decode('utf-8', 'replace')}"
                    )
                size = int(answer[2])
                content = process.stdout.read(size)
                process.stdout.read(1)
                if len(content) != size:
                    raise GitError(f"{path}: object {identity} ends after {len(content)} of {size} bytes")
                yield content
        finally:
            process.stdin.close()


def origin_name(path: str) -> str | None:
    """`owner/name` of the remote called origin, as its URL ends; None without one."""
    try:
        url = git(path, "config", "--local", "--get", "remote.origin.url").decode("utf-8", "replace").strip()
    except GitError:
        return None
    parts = [part for part in url.removesuffix("/").removesuffix(".git").replace(":", "/").split("/") if part]
    return "/".join(parts[-2:]) or None


def commit_day(path: str, commit: str) -> str:
    """The committer's date of a commit, ISO 8601 with its offset."""
    return git(path, "show", "-s", "--format=%cI", commit).decode().strip()


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.devnull, **_ENVIRONMENT}
