"""What made a unit's bytes besides its inputs: Python, Winnow and every package that a run needs, in their versions.

A receipt holds the digest of the environment in which its unit was worked; the table itself stands once in the run, as
`environments/<digest>.json`. Units that another environment worked are kept, and named; `--rework-versions` works them
again.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import winnow
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.run.workspace import Workspace

FOLDER = "environments"
DISTRIBUTION = "winnow-corpora"
EXTRAS = frozenset({"pdf", "semantic", "onnx"})  # what they bring shapes bytes, where it is installed
SHAPING = ("filters", "formats", "stages", "tokenizer")  # folders whose code shapes bytes
UNKNOWN = "unknown"
DIGEST_BYTES = 8  # enough to tell a few environments of a run apart, short enough for every receipt


@dataclass(frozen=True, kw_only=True)
class Environment:
    """`source` is the digest of Winnow's code as it stands; `commit` is that of the checkout, if it is one.

    The commit isn't part of the digest: one that changes a page of documentation makes no other bytes.
    """

    python: str
    winnow: str
    source: str
    packages: Mapping[str, str]
    commit: str | None = None

    @property
    def digest(self) -> str:
        """16 hexadecimal digits."""
        content = {name: value for name, value in vars(self).items() if name != "commit"}
        encoded = json.dumps(content, sort_keys=True).encode()
        return hashlib.blake2b(encoded, digest_size=DIGEST_BYTES).hexdigest()

    def differences(self, other: Environment) -> Iterator[str]:
        """What isn't the same in another environment, as people write it: `numpy 2.1 → 2.2`."""
        for name in sorted({*self.packages, *other.packages}):
            before, after = self.packages.get(name, "none"), other.packages.get(name, "none")
            if before != after:
                yield f"{name} {before} → {after}"
        if self.python != other.python:
            yield f"Python {self.python} → {other.python}"
        if self.source != other.source:
            after = _said(other) if _said(other) != _said(self) else "the same with files edited since"
            yield f"Winnow {_said(self)} → {after}"


@cache
def environment() -> Environment:
    """That of this process."""
    return Environment(
        python=platform.python_version(),
        winnow=distribution(DISTRIBUTION).version,
        source=digest_of_code(SHAPING),
        packages=dict(sorted(_packages())),
        commit=_commit(Path(winnow.__file__).resolve().parents[2]),
    )


def environment_path(digest: str) -> str:
    return f"{FOLDER}/{digest}.json"


def note_environment(workspace: Workspace) -> str:
    """Writes the table of this process's environment into the run, unless it is there; returns its digest."""
    if workspace.is_local:
        _note(workspace.root)
    else:
        _note_once(workspace.root)
    return environment().digest


def _note(root: str) -> None:
    workspace, here = Workspace(root), environment()
    path = environment_path(here.digest)
    if not workspace.exists(path):
        workspace.write_bytes(path, table_json(vars(here)))


_note_once = cache(_note)
"""A process looks once: on an object store that costs two requests, of some ten for a small unit."""


def table_json(table: Mapping[str, object]) -> bytes:
    """The content of an environment's file, from its fields."""
    return (json.dumps(table, indent=1, sort_keys=True) + "\n").encode()


def read_environment(workspace: Workspace, digest: str) -> Environment | None:
    """An environment by its digest; None where the run holds no such table, or another than the digest says."""
    try:
        found = Environment(**json.loads(workspace.read_bytes(environment_path(digest))))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if found.digest == digest else None


def worked_in(receipts: Sequence[Receipt]) -> dict[str, int]:
    """How many units each environment worked, by its digest; `unknown` are those whose receipts don't say."""
    return dict(sorted(Counter(receipt.environment or UNKNOWN for receipt in receipts).items()))


def kept_notes(
    tables: Mapping[str, Environment], steps: Mapping[str, Mapping[str, int]], here: Environment
) -> list[str]:
    """A sentence for each other environment that worked units of these steps (step → environment → units).

    `tables` are the environments of the run by their digests.
    """
    notes = []
    for digest in sorted({digest for units in steps.values() for digest in units if digest != here.digest}):
        count = sum(units.get(digest, 0) for units in steps.values())
        names = [step for step, units in steps.items() if digest in units]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more steps" if len(names) > 3 else "")
        changed = ", ".join(tables[digest].differences(here)) if digest in tables else "versions that nobody noted"
        notes.append(
            f"{count:,} units of {shown} were worked by other versions and are kept ({changed}); "
            "`winnow run --rework-versions` works them again"
        )
    return notes


def _said(one: Environment) -> str:
    return f"{one.winnow} ({(one.commit or one.source)[:7]})"


def _packages() -> Iterator[tuple[str, str]]:
    """Every distribution that Winnow requires, directly or not, and that is installed: name and version."""
    seen: set[tuple[str, str]] = set()
    waiting = [(DISTRIBUTION, extra) for extra in ("", *sorted(EXTRAS))]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # of an extra that isn't installed
        if name != DISTRIBUTION:
            yield name, found.version
        for line in found.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                key = canonicalize_name(needed.name)
                waiting += [(key, ""), *((key, wanted) for wanted in needed.extras)]


@cache
def digest_of_code(folders: tuple[str, ...]) -> str:
    """One digest over all files of these folders of Winnow's code."""
    summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
    root = Path(winnow.__file__).parent
    for folder in folders:
        top = (root / folder).resolve()  # a link, in a checkout
        for path in sorted(path for path in top.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            content = path.read_bytes()
            summary.update(f"{folder}/{path.relative_to(top).as_posix()} {len(content)}\n".encode() + content)
    return summary.hexdigest()


def _commit(root: Path) -> str | None:
    """The commit that a checkout is at, read from its files: git itself isn't needed."""
    try:
        folder = root / ".git"
        if folder.is_file():  # a work tree beside the main one
            folder = (root / folder.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (folder / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        common = folder / "commondir"
        shared = (folder / common.read_text().strip()).resolve() if common.is_file() else folder
        if (shared / name).is_file():
            return (shared / name).read_text().strip()
        lines = (shared / "packed-refs").read_text().splitlines()
        return next((line.split()[0] for line in lines if line.endswith(f" {name}")), None)
    except OSError:
        return None
