"""Blocks of datatrove as recipes: any filter, formatter or extractor, by the path of its class and its arguments.

Blocks run as datatrove runs them, document by document, through their own `run`; so every block works that takes and
gives documents, and one that is slow there is slow here. A block that only judges belongs in `datatrove`; one that
changes text (a formatter, an extractor, C4's line rules) in `datatrove_edit`. The project's recipes inside a
datatrove pipeline are in `adapters/datatrove.py`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from winnow.filters.recipes import Recipe, Rule

if TYPE_CHECKING:
    from datatrove.data import Document
    from datatrove.pipeline.base import PipelineStep

SWALLOWED = "gave no document"
"""The reason of a block that drops without telling why (an extractor that found nothing or ran out of time)."""


class _Reasons:
    """Stands where datatrove writes dropped documents: keeps each one's reason."""

    def __init__(self) -> None:
        self.by_row: dict[str, str] = {}

    def __enter__(self) -> _Reasons:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def write(self, document: Document, rank: int = 0) -> None:
        self.by_row[document.id] = str(document.metadata.get("filter_reason", SWALLOWED))


def measure(documents: pa.Table, *, blocks: Sequence[Mapping[str, Any]]) -> pa.Table:
    """What the blocks decide, n rows: `datatrove.kept` int64 (1 or 0) and `datatrove.reason` string.

    `blocks`: mappings with `block`, the path of a class (`datatrove.pipeline.filters.GopherQualityFilter`), and its
    `arguments`; a document goes through them in order until one drops it. A reason reads `GopherQualityFilter: its
    words`; null where the document was kept. Raises `LookupError` when there is no such block, `TypeError` when it
    refuses its arguments.
    """
    _, kept = _run(documents, blocks)
    return _as_measures("datatrove", kept)


def edit(documents: pa.Table, *, blocks: Sequence[Mapping[str, Any]]) -> tuple[pa.Table, pa.Table]:
    """The documents with the text that the blocks leave, and `datatrove_edit.kept`, `.reason` as in `measure`.

    A document that a block drops keeps the text it had before that block.
    """
    texts, reasons = _run(documents, blocks)
    place = documents.schema.get_field_index("text")
    changed = documents.set_column(
        place, documents.schema.field("text"), pa.array(texts, documents.schema.field("text").type)
    )
    return changed, _as_measures("datatrove_edit", reasons)


def _as_measures(family: str, reasons: Sequence[str | None]) -> pa.Table:
    kept = pa.array([int(reason is None) for reason in reasons], pa.int64())
    return pa.table({f"{family}.kept": kept, f"{family}.reason": pa.array(reasons, pa.string())})


def _run(documents: pa.Table, blocks: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str | None]]:
    """Each document's text at the end, and why it was dropped, None where it wasn't."""
    texts = documents["text"].to_pylist()
    reasons: list[str | None] = [None] * len(texts)
    waiting = list(_as_documents(documents))
    for description in blocks:
        arguments = json.dumps(description.get("arguments") or {}, sort_keys=True)
        block = load_block(description["block"], arguments)
        heard = _Reasons()
        if hasattr(block, "exclusion_writer"):
            block.exclusion_writer = heard
        rows = {document.id for document in waiting}
        waiting = list(block.run(iter(waiting)))
        for document in waiting:
            texts[int(document.id)] = document.text
        for row in rows - {document.id for document in waiting}:
            reasons[int(row)] = f"{type(block).__name__}: {heard.by_row.get(row, SWALLOWED)}"
    return texts, reasons


def _as_documents(documents: pa.Table) -> Iterator[Document]:
    """datatrove's documents; their ids are row numbers, their metadata the other columns and what `metadata` holds."""
    from datatrove.data import Document

    for row, values in enumerate(documents.to_pylist()):
        stored = values.pop("metadata", None)
        text = values.pop("text")
        metadata = {name: value for name, value in values.items() if value is not None and name != "id"}
        yield Document(text=text or "", id=str(row), metadata=metadata | (json.loads(stored) if stored else {}))


@lru_cache(maxsize=32)
def load_block(path: str, arguments: str) -> PipelineStep:
    """The block of the class at `path`, made with the JSON object `arguments`."""
    from datatrove.pipeline.base import PipelineStep

    module, _, name = path.rpartition(".")
    try:
        block = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise LookupError(f"no datatrove block at {path!r}: {error}") from error
    if not (isinstance(block, type) and issubclass(block, PipelineStep)):
        raise LookupError(f"{path!r} is no block of datatrove; expected the path of a filter, formatter or extractor")
    return block(**json.loads(arguments))


_SOURCE = "datatrove (Penedo et al. 2024), the block that the manifest names"

RECIPES = (
    Recipe(
        name="datatrove",
        summary="Any datatrove filter, by the path of its class and its arguments",
        source=_SOURCE,
        measure=measure,
        columns=("url", "metadata"),
        rules=(Rule(name="kept", measure="datatrove.kept", minimum=1),),
        cost=40,
    ),
    Recipe(
        name="datatrove_edit",
        summary="Any datatrove block that changes text: a formatter, an extractor, a filter of lines",
        source=_SOURCE,
        edit=edit,
        columns=("url", "metadata"),
        rules=(Rule(name="kept", measure="datatrove_edit.kept", minimum=1),),
        cost=40,
    ),
)
