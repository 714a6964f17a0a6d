"""What of a run is published: its lock, and the files that the lock proves; sent to a folder or a store, and brought.

The lock holds the digest of every file of `shards/`, `tokenizer/` and `rl/`, so one digest, the lock's, stands for the
whole. It travels last: where a lock lies, its files do. Each file is compared with it on its way, before it gets its
name. Documents, receipts and rejections stay with the run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.proof.lock import FINAL_FOLDERS, PATH, lock_digest
from winnow.stages.run.digests import DIGEST_BYTES, READ_BLOCK, DigestError
from winnow.stages.run.workspace import Workspace, digest_file

THREADS = 8
CARDS = frozenset({"README.md", "MODEL.md", "croissant.json", ".gitattributes"})
"""What may lie beside a lock and its files; nothing proves it, and a card is written from the lock at any time."""


@dataclass(frozen=True)
class Published:
    """A lock as it stands, and the digests of the files that it proves by their paths."""

    content: bytes
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        return lock_digest(self.content)


@dataclass(frozen=True)
class Transfer:
    """`files` were copied, of `bytes` in all; `there` were at their place already, with the right digest."""

    digest: str
    files: int
    there: int
    bytes: int


def published(workspace: Workspace) -> Published:
    """What a folder publishes. Raises `ConfigurationError` where it has no lock, or one that a run can't have written."""
    try:
        content = workspace.read_bytes(PATH)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{workspace.root} has no {PATH}: what is published is proved by the lock of a finished run"
        ) from None
    try:
        files = json.loads(content)["outputs"]
        known = all(_is_final(path) and len(digest) == 2 * DIGEST_BYTES for path, digest in files.items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise ConfigurationError(f"{workspace.root}/{PATH} is not the lock of a run")
    return Published(content, files)


def send(run: Workspace, target: Workspace, cards: Mapping[str, bytes], *, replace: bool = False) -> Transfer:
    """Copies what `run` publishes, and `cards` by their names, to a folder or an object store.

    What is there already isn't sent again, so that an interrupted transfer goes on. Raises `ConfigurationError` where a
    file isn't what the lock says, and where another lock lies at the target, unless it is to be replaced.
    """
    ours = published(run)
    before = _before(target, ours, replace=replace)
    if before is not None:
        target.remove(PATH)
    done = _copied(run, target, ours.files)
    for name, content in cards.items():
        target.write_bytes(name, content)
    target.write_bytes(PATH, ours.content)
    for path in sorted(before.files.keys() - ours.files.keys()) if before else ():
        target.remove(path)
    return Transfer(ours.digest, *done)


def bring(source: Workspace, target: Workspace, wanted: str | None = None) -> Transfer:
    """Copies what `source` publishes into a folder, each file compared with the lock before it gets its name.

    `wanted` is the digest that the lock must have. Raises `ConfigurationError` where it has another, where a file isn't
    what the lock says, and where something else lies in the folder.
    """
    theirs = published(source)
    if wanted is not None and theirs.digest != wanted:
        raise ConfigurationError(f"{source.root}/{PATH} has digest {theirs.digest}, --lock says {wanted}")
    _before(target, theirs, replace=False)
    done = _copied(source, target, theirs.files)
    target.write_bytes(PATH, theirs.content)
    return Transfer(theirs.digest, *done)


def is_published(listed: Collection[str]) -> bool:
    """Whether files by these paths are a data set as it is published, without the run that made it."""
    return PATH in listed and all(_is_final(name) or name in CARDS or name == PATH for name in listed)


def problems(workspace: Workspace, listed: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a published data set: a path and the problem, for each file."""
    ours, names = published(workspace), set(listed)
    for path, digest in ours.files.items():
        if path not in names:
            yield path, "is gone"
        elif (found := digest_file(workspace, path)) != digest:
            yield path, f"has digest {found}, the lock says {digest}"
    for path in sorted(names - ours.files.keys() - CARDS - {PATH}):
        yield path, "is foreign: the lock doesn't name it"


def other_lock(place: str, before: Published, ours: Published) -> ConfigurationError:
    """What is said where another data set lies at the target."""
    return ConfigurationError(
        f"{place} holds another data set, of lock {before.digest}; this one is of lock {ours.digest}: choose another "
        "place, or `winnow push --replace`"
    )


def _before(target: Workspace, ours: Published, *, replace: bool) -> Published | None:
    """Another data set at the target, which is to be replaced; None where there is none."""
    if not target.exists(PATH) or target.read_bytes(PATH) == ours.content:
        return None
    before = published(target)
    if not replace:
        raise other_lock(target.root, before, ours)
    return before


def _copied(source: Workspace, target: Workspace, files: Mapping[str, str]) -> tuple[int, int, int]:
    """Copies files; returns how many, how many were there, and the bytes copied."""

    def work(path: str) -> int | None:
        return copy(source, Workspace(target.root), path, files[path])

    with ThreadPoolExecutor(THREADS) as pool:
        sizes = list(pool.map(work, sorted(files)))
    copied = [size for size in sizes if size is not None]
    return len(copied), len(sizes) - len(copied), sum(copied)


def copy(source: Workspace, target: Workspace, path: str, digest: str) -> int | None:
    """Copies a file, unless it is there; returns its bytes, or None where it was.

    Raises `ConfigurationError` where the file isn't what the lock says: it doesn't get its name then.
    """
    if target.exists(path) and digest_file(target, path) == digest:
        return None
    if not source.exists(path):
        raise ConfigurationError(f"{source.root}/{path} is gone, and {PATH} names it")
    try:
        with target.create(path, digest=digest) as stream, source.open_input(path) as given:
            while block := given.read(READ_BLOCK):
                stream.write(block)
    except DigestError:
        raise differs(source, path) from None
    return target.written[-1].bytes


def differs(source: Workspace, path: str) -> ConfigurationError:
    """What is said of a file that the lock doesn't prove."""
    return ConfigurationError(
        f"{source.root}/{path} isn't what {PATH} says: nothing is published or brought that isn't proved. `winnow verify` "
        "tells what else is wrong"
    )


def _is_final(path: str) -> bool:
    """Whether a path is one that a run's final steps write: below its folders, and never out of them."""
    return path.startswith(FINAL_FOLDERS) and ".." not in PurePosixPath(path).parts and "\\" not in path
