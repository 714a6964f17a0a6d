"""A small run on real input: pages that pydoc writes, packages of the standard library, their interactive examples."""

from __future__ import annotations

import gzip
import importlib
import json
import pydoc
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from winnow.pipeline.running.runner import Progress

PAGES = ("difflib", "statistics", "textwrap", "heapq", "bisect", "random", "fractions", "decimal", "argparse", "csv")
PACKAGES = ("json", "email", "logging")
MODULES = (
    "difflib.py",
    "statistics.py",
    "heapq.py",
    "random.py",
    "fractions.py",
    "collections/__init__.py",
    "_pydecimal.py",
)

MANIFEST = """\
stage: mid
seed: 11
edits:
  - recipe: personal_data
filters:
  - {recipe: gopher_repetition, kinds: [web]}
  - {recipe: conversations, kinds: [documentation]}
deduplicate:
  exact: {}
  minhash: {threshold: 0.7}
mixture:
  sources: {web: 40, repositories: 40, tool_use: 20}
repositories: {unknown_license: keep, length: 2048}
packing: best_fit
curriculum:
  - {length: 512, share: 50}
  - {length: 2048, share: 50, rotary_base: 1000000}
"""

PROFILE = """\
root: ROOT
buckets: 3
scale: {vocabulary_size: 1000, tokenizer_sample_bytes: 400000, epochs: 4}
benchmarks:
  - {path: items.jsonl}
sources:
  web: [{kind: web, paths: ["pages/*.html"]}]
  repositories: [{kind: repositories, paths: ["packages/*.tar.gz"]}]
  tool_use: [{kind: documentation, paths: [examples.tar.gz], forms: [sessions, sections]}]
"""


class Silence(Progress):
    """Who follows a run and says nothing."""


@dataclass(frozen=True)
class SmallRun:
    """Inputs, manifest and profile of a run that takes seconds."""

    folder: Path  # of manifest and profile
    data: Path

    def command(self, out: Path, *options: str) -> list[str]:
        """`winnow run`, by one worker where `options` ask for no other number: each has to start first."""
        workers = () if "--workers" in options else ("--workers", "1")
        manifest, profile = self.folder / "small.yaml", self.folder / "profile.yaml"
        return [
            *(sys.executable, "-m", "winnow.pipeline.cli", "run", "--stage", str(manifest), "--profile", str(profile)),
            *("--out", str(out), *workers, *options),
        ]

    def made_again(self, folder: Path) -> SmallRun:
        """The same inputs in another folder."""
        return make_small_run(folder)

    def with_manifest(self, folder: Path, old: str, new: str) -> SmallRun:
        """The same inputs where they are, and another manifest."""
        assert old in MANIFEST
        folder.mkdir()
        (folder / "small.yaml").write_text(MANIFEST.replace(old, new))
        (folder / "profile.yaml").write_text(PROFILE.replace("ROOT", str(self.data)))
        return SmallRun(folder, self.data)

    def run(self, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(out, *options), capture_output=True, text=True, check=False)


def make_small_run(folder: Path) -> SmallRun:
    """Writes the inputs below `folder`. Equal on every call, so that two of them give equal locks."""
    data = folder / "data"
    (data / "pages").mkdir(parents=True)
    (data / "packages").mkdir()
    for name in PAGES:
        page = pydoc.html.page(name, pydoc.html.document(importlib.import_module(name), name))
        (data / "pages" / f"{name}.html").write_text(page, "utf-8")
    library = Path(sysconfig.get_path("stdlib"))
    for name in PACKAGES:
        pack(data / "packages" / f"{name}-1.0.tar.gz", f"{name}-1.0", library / name)
    pack(data / "examples.tar.gz", "examples-1.0", *(library / module for module in MODULES))
    item = {
        "id": "1",
        "question": "How many golden pears does the third orchard of the old monastery carry in a dry year?",
    }
    (data / "items.jsonl").write_text(json.dumps(item) + "\n")
    (folder / "small.yaml").write_text(MANIFEST)
    (folder / "profile.yaml").write_text(PROFILE.replace("ROOT", str(data)))
    return SmallRun(folder, data)


def pack(target: Path, top: str, *sources: Path) -> None:
    """A gzipped tar of Python files, with times and owners that don't change."""

    def fixed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if "__pycache__" in member.name:
            return None
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with gzip.GzipFile(target, "wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for source in sources:
            archive.add(source, f"{top}/{source.name}", filter=fixed)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    return make_small_run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def finished(small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was never interrupted."""
    out = tmp_path_factory.mktemp("finished") / "run"
    result = small_run.run(out)
    assert result.returncode == 0, result.stdout + result.stderr
    return out
