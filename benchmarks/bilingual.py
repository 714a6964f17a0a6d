"""Pairs of any size: speed of a piece, and peak memory of the process that reads all pieces of a file, one by one.

    python -m benchmarks.bilingual --megabytes 1024       a table, two Moses files and a memory, plain and packed

The pairs are those of Python's documentation in Chinese, repeated. Every form must give the same number of documents for
any size of piece before anything is printed. Each form is read by a fresh process, whose memory is measured whole.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import click
import zstandard

from benchmarks.gold import CORPORA
from winnow.stages.ingest import bilingual
from winnow.stages.ingest.source import Builder

MEGABYTE = 1 << 20


def pairs() -> list[tuple[str, str]]:
    with zstandard.open(CORPORA / "zh_en" / "python_docs_po.jsonl.zst", "rt", encoding="utf-8") as rows:
        entries = [entry for row in rows for entry in json.loads(row)["entries"]]
    told = [entry for entry in entries if entry["zh"] and not entry["fuzzy"]]
    return [(" ".join(entry["en"].split()), " ".join(entry["zh"].split())) for entry in told]


def written(folder: Path, size: int) -> None:
    """The three forms, plain and packed, of as many pairs as make a table of `size` bytes."""
    unit = '<tu><tuv xml:lang="en"><seg>{}</seg></tuv><tuv xml:lang="zh"><seg>{}</seg></tuv></tu>\n'
    forms: dict[str, Callable[[str, str], str]] = {
        "table/a.tsv": lambda source, target: f"{source}\t{target}\n",
        "moses/a.en": lambda source, target: f"{source}\n",
        "moses/a.zh": lambda source, target: f"{target}\n",
        "memory/a.tmx": lambda source, target: unit.format(escape(source), escape(target)),
    }
    block = pairs()
    repeats = max(size // sum(len(f"{source}\t{target}\n".encode()) for source, target in block), 1)
    for name, form in forms.items():
        content = "".join(form(*pair) for pair in block).encode()
        head, tail = (b'<tmx version="1.4"><body>\n', b"</body></tmx>\n") if name.endswith("tmx") else (b"", b"")
        packed = folder / f"packed-{name}.gz"
        for path in (folder / name, packed):
            path.parent.mkdir(exist_ok=True)
        with (folder / name).open("wb") as plain, gzip.open(packed, "wb", compresslevel=1) as stream:
            for out in (plain, stream):
                out.write(head)
                for _ in range(repeats):
                    out.write(content)
                out.write(tail)


def read(path: Path, split_bytes: int) -> None:
    """What the process of one form does: prints what it found and cost."""
    settings = bilingual.Settings(split_bytes=split_bytes)
    builder = Builder("benchmark", "bilingual", lambda table: None)
    pieces, rejected, start = bilingual.splits(str(path), settings), 0, time.process_time()
    for piece in pieces:
        bilingual.read(piece, settings, builder)
        builder.flush()
        rejected += len(builder.rejections)
        builder.rejections.clear()  # as each piece of a run has a builder of its own
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {"pieces": len(pieces), "documents": builder.documents, "rejected": rejected}
    print(json.dumps({**found, "seconds": seconds, "peak": peak}))


def measured(path: Path, split_bytes: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.bilingual", "--read", str(path), "--pieces", str(split_bytes)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def sizes(folder: Path) -> Iterator[int]:
    yield from (file.stat().st_size for file in folder.iterdir())


@click.command(help=__doc__)
@click.option("--megabytes", default=64, help="size of the table")
@click.option("--pieces", default=64 * MEGABYTE, help="bytes of a piece")
@click.option("--form", default="", help="only forms whose names begin like this")
@click.option("--read", "only", type=Path, hidden=True)
def main(megabytes: int, pieces: int, form: str, only: Path | None) -> None:
    if only is not None:
        read(only, pieces)
        return
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), megabytes * MEGABYTE)
        for path in sorted(Path(folder).iterdir()):
            if not path.name.startswith(form):
                continue
            found = measured(path, pieces)
            size = sum(sizes(path)) / MEGABYTE
            print(
                f"{path.name:14} {size:7,.0f} MB {found['pieces']:4.0f} pieces {found['documents']:9,.0f} documents "
                f"{found['rejected']:9,.0f} rejected {size / found['seconds']:6.1f} MB/s {found['peak'] / MEGABYTE:5.0f} MB"
            )


if __name__ == "__main__":
    main()
