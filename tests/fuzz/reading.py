"""How a fuzzer reads a file: as a run does, piece by piece; and what a reader may not do to it."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa

from winnow.stages.document import DOCUMENT
from winnow.stages.ingest.source import Builder, kind_module

SECONDS = 5.0
"""Of processor time, for a file of some kilobytes."""


class TooSlow(Exception):
    """A small file took more than `SECONDS`."""


def read(path: Path, kind: str) -> tuple[int, int]:
    """How many documents and how many rejections a file is. What `splits` refuses in a sentence counts as one rejection.

    Whatever else is raised is a defect: a run would end in it, and all that lies beside the file would not be read.
    """
    module = kind_module(kind)
    settings = module.Settings()
    builder = Builder("fuzz", kind, _look)
    begun = time.process_time()
    try:
        splits = module.splits(str(path), settings)
    except ValueError as refused:
        if type(refused) is not ValueError and type(refused).__module__.split(".")[0] != "winnow":
            raise  # a library's words, or Unicode's: no sentence for a user
        return 0, 1
    for split in splits:
        module.read(split, settings, builder)
    builder.flush()
    rejections = builder.rejection_table()
    rejections.validate(full=True)
    if (taken := time.process_time() - begun) > SECONDS:
        raise TooSlow(f"{taken:.1f} s for {path.stat().st_size} bytes")
    return builder.documents, rejections.num_rows


def _look(documents: pa.Table) -> None:
    documents.validate(full=True)
    assert documents.schema == DOCUMENT
    assert not any(not text or text.isspace() for text in documents["text"].to_pylist())
