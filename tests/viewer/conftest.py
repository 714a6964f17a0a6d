"""A run made for looking at: prose with a near-duplicate, a benchmark's item and hostile marks; talks; a package."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from winnow.pipeline.record.funnel import DROPS, INGEST_REJECTIONS
from winnow.stages.document import REJECTION
from winnow.stages.run.workspace import Workspace
from winnow.viewer.application import application
from winnow.viewer.runs import Run

ITEM = "How many golden pears does the third orchard of the old monastery carry in a dry year of the long century?"
HOSTILE = '<script>alert("here")</script> <img src=x onerror=alert(1)> \u202egnp.exe\u202c \x1b[2J'
ADDED = "One more sentence at the end makes it another text."
REPEATED = "Subscribe to our newsletter today and never miss a single offer again."
MANIFEST = """\
stage: mid
seed: 7
description: prose, talks and a package
filters:
  - {recipe: gopher_quality, kinds: [tables], thresholds: {words: {minimum: 30}}}
  - {recipe: gopher_repetition, kinds: [tables]}
deduplicate:
  exact: {}
  minhash: {threshold: 0.7}
mixture:
  sources: {prose: 50, code: 30, talks: 20}
repositories: {unknown_license: keep, length: 1024}
packing: best_fit
loss: assistant
curriculum:
  - {length: 256, share: 60}
  - {length: 1024, share: 40, rotary_base: 1000000}
"""
PROFILE = """\
root: ROOT
buckets: 2
scale: {vocabulary_size: 600, tokenizer_sample_bytes: 200000, epochs: 4}
benchmarks:
  - {path: items.jsonl}
sources:
  prose: [{kind: tables, content: prose, paths: [prose.jsonl]}]
  code: [{kind: repositories, paths: [json-1.0.tar.gz]}]
  talks: [{kind: conversations, paths: [talks.jsonl]}]
"""


def prose() -> Iterator[str]:
    """Paragraphs of the standard library's own documentation, so that every filter has real words to count."""
    library = Path(sysconfig.get_path("stdlib"))
    for name in (
        "difflib",
        "statistics",
        "textwrap",
        "heapq",
        "random",
        "fractions",
        "argparse",
        "csv",
        "ast",
        "inspect",
    ):
        source = (library / f"{name}.py").read_text("utf-8")
        for text in source.split('"""')[1::2]:
            if 240 < len(text) < 6000:
                yield " ".join(text.split("\n")) if len(text) % 2 else text


def make_inputs(folder: Path) -> None:
    """Writes inputs, manifest and profile. The texts that tests look for are planted."""
    data = folder / "data"
    data.mkdir(parents=True)
    texts = list(prose())
    long = max(texts, key=len)
    planted = [
        f"{long}\n{ADDED}",
        f"{texts[0]}\n{ITEM}\n{texts[1]}",
        f"{texts[2]}\n{HOSTILE}\n{texts[3]} The beginning, the middle and the end of this text are plain words.",
        f"{texts[4]}\n" + f"{REPEATED}\n" * 12,
        "Far too short.",
        "这是一个关于数学的句子。" * 3,
    ]
    with (data / "prose.jsonl").open("w", encoding="utf-8") as stream:
        for number, text in enumerate([*texts, *planted]):
            stream.write(json.dumps({"text": text, "url": f"https://example.org/{number}"}) + "\n")
    with (data / "talks.jsonl").open("w", encoding="utf-8") as stream:
        for number, text in enumerate(texts[:30]):
            asked, said = f"Please explain part {number} of the library: {text[:60]}", text[60:900]
            messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
            stream.write(json.dumps({"messages": messages}) + "\n")
    package = Path(sysconfig.get_path("stdlib")) / "json"
    with (
        gzip.GzipFile(data / "json-1.0.tar.gz", "wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for path in sorted(package.glob("*.py")):
            archive.add(path, f"json-1.0/json/{path.name}")
    (data / "items.jsonl").write_text(json.dumps({"id": "pears", "question": ITEM}) + "\n")
    (folder / "small.yaml").write_text(MANIFEST)
    (folder / "profile.yaml").write_text(PROFILE.replace("ROOT", str(data)))


def run_pipeline(folder: Path, out: Path) -> None:
    command = [sys.executable, "-m", "winnow.pipeline.cli", "run", "--workers", "1", "--out", str(out)]
    command += ["--stage", str(folder / "small.yaml"), "--profile", str(folder / "profile.yaml")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run: one for all processes that share the tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "seen"
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "run" / "report.html").exists():
            make_inputs(folder)
            run_pipeline(folder, folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def run(finished: Path) -> Run:
    return Run(str(finished))


@pytest.fixture
def client(run: Run, tmp_path: Path) -> TestClient:
    """Asks the pages as a browser on this machine would."""
    return TestClient(application(run, None, tmp_path / "labels.jsonl"), base_url="http://127.0.0.1")


def read_rejections(workspace: Workspace) -> pl.DataFrame:
    """Every rejection of a run, at ingest and by each stage that dropped documents: the columns of `REJECTION`."""
    paths = [path for folder in (INGEST_REJECTIONS, DROPS) for path in workspace.list(folder, ".parquet")]
    tables = [workspace.read_table(path, columns=REJECTION.names) for path in paths]
    frame = pl.from_arrow(pa.concat_tables(tables) if tables else REJECTION.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame
