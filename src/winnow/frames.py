"""Winnow for a notebook: a run's tables as Polars frames, and its parts as functions.

    import winnow

    run = winnow.open_run("runs/mid")
    run.drops.group_by("stage", "rule").len().collect()
    winnow.measure(frame, "gopher_quality")
    winnow.extract("<p>A page.</p>")
    run.tokenizer.decode(winnow.encode(["a text"], run.tokenizer)[0])

Tables are lazy: nothing is read before `collect()`, and of columns only those that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow as pa

from winnow.filters.measure import measure as measured
from winnow.filters.recipes import Recipe, find_recipe
from winnow.formats.html.extraction import extract as extracted
from winnow.pipeline.record.funnel import PLAN, Funnel, read_funnel
from winnow.pipeline.proof.lock import read_lock
from winnow.stages.decide import Application, decide
from winnow.stages.document import DOCUMENT
from winnow.stages.run.workspace import Workspace
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load

PART = "part"


class Run:
    """A run's tables. Each row knows by `part` which file it stands in; `documents` and `attributes` of a part have the
    same rows in the same order, and `drops` names them by `row`."""

    def __init__(self, folder: str) -> None:
        """Raises `FileNotFoundError` where there is no run."""
        self.workspace = Workspace(folder)
        if not self.workspace.exists(PLAN):
            raise FileNotFoundError(f"there is no run in {folder}")

    def table(self, name: str) -> pl.LazyFrame:
        """Every Parquet file below a folder of the run as one frame, null where a file lacks a column.

        Raises `FileNotFoundError` where the run has written none.
        """
        paths = self.workspace.list(name, ".parquet")
        if not paths:
            raise FileNotFoundError(f"{self.workspace.root} has no tables in {name}/")
        frames = [
            pl.scan_parquet(self.workspace.path(path)).with_columns(
                pl.lit(path.rpartition("/")[2].removesuffix(".parquet")).alias(PART)
            )
            for path in paths
        ]
        return pl.concat(frames, how="diagonal_relaxed")

    @property
    def documents(self) -> pl.LazyFrame:
        """id, text, source, kind, locator, url, title, language …: `winnow.stages.document.DOCUMENT`."""
        return self.table("documents").with_columns(row=pl.int_range(pl.len()).over(PART))

    @property
    def attributes(self) -> pl.LazyFrame:
        """id, source, kind and every measure."""
        return self.table("attributes").with_columns(row=pl.int_range(pl.len()).over(PART))

    @property
    def drops(self) -> pl.LazyFrame:
        """Dropped documents with stage, rule, value and threshold."""
        return self.table("drops")

    @property
    def kept(self) -> pl.LazyFrame:
        """The documents that no stage dropped."""
        return self.documents.join(self.drops.select("id"), on="id", how="anti")

    @property
    def sequences(self) -> pl.LazyFrame:
        """Packed rows: `input_ids`, `segments`, and `loss_mask` where the run has one."""
        return self.table("shards")

    @cached_property
    def tokenizer(self) -> Encoder:
        """The run's tokenizer. Raises `FileNotFoundError` before there is one."""
        return load(self.workspace.path("tokenizer"))

    @property
    def funnel(self) -> Funnel:
        """Records read, documents made, dropped by stage and rule, kept."""
        return read_funnel(self.workspace)

    @property
    def lock(self) -> Mapping[str, Any]:
        """What the run was made of. Raises `FileNotFoundError` before it is finished."""
        return read_lock(self.workspace)


def open_run(folder: str) -> Run:
    """The run in a folder or at an address. Raises `FileNotFoundError` where there is none."""
    return Run(folder)


def measure(frame: Any, recipe: str | Recipe, **options: Any) -> pl.DataFrame:
    """A recipe's measures of the texts in column `text`, a row each, and in `rule` the first rule that a text breaks,
    null where it passes. Other columns of documents (`url`, `language` …) are read where the recipe asks for them.

    `frame` is a Polars frame or whatever else holds columns in Arrow's way: a pyarrow table, a pandas frame. Raises
    `LookupError` for a recipe that there isn't, `ValueError` for a frame without texts, `TypeError` for what is no frame.
    """
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    elif not isinstance(frame, pl.DataFrame):
        if not hasattr(frame, "__arrow_c_stream__"):
            raise TypeError(f"texts are measured in a frame with a column `text`, not in a {type(frame).__name__}")
        frame = pl.DataFrame(frame)
    if "text" not in frame.columns:
        raise ValueError(f"the frame has no column `text`; it has {', '.join(frame.columns)}")
    found = find_recipe(recipe) if isinstance(recipe, str) else recipe
    found = replace(found, options={**found.options, **options})
    given = frame.select([name for name in DOCUMENT.names if name in frame.columns]).to_arrow()
    rows = frame.height
    fixed = {"id": [str(row) for row in range(rows)], "source": ["frame"] * rows, "kind": ["tables"] * rows}
    fixed["locator"] = fixed["id"]
    columns = [
        given[field.name].cast(field.type)
        if field.name in given.column_names and field.name not in fixed
        else pa.array(fixed[field.name], field.type)
        if field.name in fixed
        else pa.nulls(rows, field.type)
        for field in DOCUMENT
    ]
    documents = pa.table(columns, schema=DOCUMENT)
    edits = {}
    if found.edit is not None:
        documents, counted = found.edit(documents, **found.options)
        edits = dict(zip(counted.column_names, counted.columns, strict=True))
    measures = measured(documents, [found])
    attributes = documents.select(["id", "source", "kind", "locator"])
    for name, column in (edits | dict(zip(measures.column_names, measures.columns, strict=True))).items():
        attributes = attributes.append_column(name, column)
    broken = dict(
        zip(
            *(decide(attributes, [Application(recipe=found)])[name].to_pylist() for name in ("row", "rule")),
            strict=True,
        )
    )
    shown = pl.from_arrow(attributes.drop_columns(["id", "source", "kind", "locator"]))
    assert isinstance(shown, pl.DataFrame)
    return shown.with_columns(rule=pl.Series([broken.get(row) for row in range(rows)], dtype=pl.String))


def extract(page: str | bytes, url: str | None = None) -> str:
    """The text of an HTML page as Markdown, formulas as LaTeX; bytes are decoded as a browser would."""
    return extracted(page, url=url).text


def encode(texts: Iterable[str], tokenizer: str | Encoder) -> list[list[int]]:
    """Token ids of each text, by a tokenizer or by the path of one."""
    encoder = load(tokenizer) if isinstance(tokenizer, str) else tokenizer
    found = encoder.encode(pa.array(list(texts), pa.large_string()))
    return [found.ids[first:last].tolist() for first, last in zip(found.offsets[:-1], found.offsets[1:], strict=True)]
