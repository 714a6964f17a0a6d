"""Spoiled inputs beside sound ones: what can't be read is counted and named, and the sound documents are the same."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

MANIFEST = """\
stage: pretrain
seed: 11
filters: [{recipe: gopher_quality}]
mixture: {sources: {web: 30, code: 20, notes: 30, dialogues: 20}}
packing: concatenate
curriculum: [{length: 512, share: 100}]
"""
PROFILE = """\
root: ROOT
scale: {vocabulary_size: 1000}
sources:
  web: [{kind: web, paths: ["web/*"]}]
  code: [{kind: repositories, paths: ["code/*"]}]
  notes: [{kind: tables, paths: ["notes/*"]}]
  dialogues: [{kind: conversations, paths: ["dialogues/*"]}]
"""
SENTENCE = (
    "The miller sets the sieve to work before dawn, and what the wind carries off is weighed as well as what stays. "
)
ROWS = [{"text": f"Note {number}. {SENTENCE * 8}"} for number in range(40)]
TURNS = [{"role": "user", "content": "What does the miller weigh?"}, {"role": "assistant", "content": SENTENCE}]
DIALOGUES = "".join(json.dumps({"messages": TURNS, "number": number}) + "\n" for number in range(20)).encode()


def page(number: int) -> bytes:
    return f"<html><title>Page {number}</title><body><p>{f'Page {number}. ' + SENTENCE * 8}</p></body></html>".encode()


def warc(pages: int) -> bytes:
    """Records of their own gzip member each, as Common Crawl writes them."""
    members = []
    for number in range(pages):
        payload = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page(number)
        head = (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number:032d}>\r\n"
            f"WARC-Date: 2025-01-01T00:00:00Z\r\nWARC-Target-URI: https://mill.example/{number}\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(payload)}\r\n\r\n"
        )
        members.append(gzip.compress(head.encode() + payload + b"\r\n\r\n", mtime=0))
    return b"".join(members)


def repository() -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for number in range(30):
            lines = "".join(f"    {name} = {number} * {at}\n" for at, name in enumerate("abcdefghij"))
            content = f"def mill_{number}(grain):\n{lines}    return grain\n".encode()
            member = tarfile.TarInfo(f"mill-1.0/mill_{number}.py")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), stream)
    return stream.getvalue()


SOUND: dict[str, Callable[[], bytes]] = {
    "web/sound.warc.gz": lambda: warc(12),
    "web/page.html": lambda: page(100),
    "code/sound-1.0.tar.gz": repository,
    "notes/sound.parquet": parquet,
    "dialogues/sound.jsonl": lambda: DIALOGUES,
}
SPOILED: dict[str, Callable[[], bytes]] = {
    "web/cut.warc.gz": lambda: warc(12)[:-90],
    "web/no.warc.gz": lambda: b"this was never compressed" * 40,
    "web/binary.html": lambda: bytes(range(256)) * 40,
    "code/cut-1.0.tar.gz": lambda: repository()[:-400],
    "notes/cut.parquet": lambda: parquet()[:-30],
    "notes/latin.jsonl": lambda: json.dumps(ROWS[0]).encode() + b'\n{"text": "caf\xe9"}\n{"text": \n',
    "dialogues/cut.jsonl.zst": lambda: zstandard.compress(DIALOGUES * 50)[:-20],
    "dialogues/other.jsonl": lambda: b'{"messages": "hello"}\n{"prompt": 3}\n',
}


def ingest(folder: Path, files: dict[str, Callable[[], bytes]]) -> Path:
    for name, content in files.items():
        (folder / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / name).write_bytes(content())
    (folder / "manifest.yaml").write_text(MANIFEST)
    (folder / "profile.yaml").write_text(PROFILE.replace("ROOT", str(folder / "data")))
    command = [
        *(sys.executable, "-m", "winnow.pipeline.cli", "run", "--until", "ingest", "--workers", "2"),
        *("--stage", str(folder / "manifest.yaml"), "--profile", str(folder / "profile.yaml")),
        *("--out", str(folder / "run")),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "run"


def documents(run: Path) -> dict[str, str]:
    """Locator → text."""
    tables = [pl.read_parquet(path, columns=["locator", "text"]) for path in sorted((run / "documents").glob("*"))]
    return dict(pl.concat(tables).iter_rows())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run over the sound inputs alone, and one over the sound and the spoiled."""
    root = tmp_path_factory.mktemp("corrupt")
    return ingest(root / "sound", SOUND), ingest(root / "both", {**SOUND, **SPOILED})


def test_sound_inputs_give_the_same_documents_beside_spoiled_ones(runs: tuple[Path, Path]) -> None:
    sound, both = (documents(run) for run in runs)
    assert len(sound) == 12 + 1 + 30 + 40 + 20
    assert {locator: text for locator, text in both.items() if not locator.startswith(tuple(SPOILED))} == sound


def test_each_spoiled_input_is_named_among_the_rejections(runs: tuple[Path, Path]) -> None:
    tables = [
        pl.read_parquet(path, columns=["locator", "rule"]) for path in (runs[1] / "rejections" / "ingest").glob("*")
    ]
    rejections = pl.concat(tables)
    named = Counter(name for name in SPOILED for locator in rejections["locator"] if locator.startswith(name))
    assert set(named) == set(SPOILED), rejections.rows()


def test_what_lies_before_the_damage_is_kept(runs: tuple[Path, Path]) -> None:
    kept = Counter(re.split("[@!#]", locator)[0] for locator in documents(runs[1]))
    assert kept["web/cut.warc.gz"] == 11
    assert kept["notes/latin.jsonl"] == 1
    assert 0 < kept["code/cut-1.0.tar.gz"] < 30
