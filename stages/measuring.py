"""Measures a part: what the recipes' rules ask for, row by row beside its documents.

A recipe that a manifest binds to languages is measured on documents of these alone and null on the others: what is for
Chinese costs a page in English nothing. The file says so itself: its schema's metadata name the languages of each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.filters.recipes import Recipe
from winnow.stages.document import DOCUMENT
from winnow.stages.passes import Measuring, Resources, attributes_path, recipe_of
from winnow.stages.run.unit import Counts, File, Files, Step, Unit
from winnow.stages.run.workspace import Workspace

KEYS = ("id", "source", "kind")  # columns of the documents that stand in the attributes too
LANGUAGE = "language"  # the family of measures that tells languages
LABEL = f"{LANGUAGE}.label"
ROW = "row"
BOUND = b"languages"
"""Key of the metadata of the attributes' schema: as JSON, recipe → languages on whose documents alone it was measured."""


@dataclass(frozen=True, kw_only=True)
class MeasurePart:
    """The documents of a part, and what its edits counted, where rules ask for it."""

    documents: File
    filters: tuple[Measuring, ...]
    edits: File | None = None
    inventories: Files = ()  # of the resources
    resources: Resources = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A recipe, and the languages to which it is bound; none: it is measured on all documents."""

    recipe: Recipe
    languages: frozenset[str]


def measure_part(workspace: Workspace, unit: Unit[MeasurePart]) -> Counts:
    """Measures what is asked for on the documents of the part."""
    asked = [Asked(recipe_of(entry, unit.asked.resources), frozenset(entry.languages)) for entry in unit.asked.filters]
    columns = sorted({*KEYS, "text"}.union(*(one.recipe.columns for one in asked)))
    size = rows = 0
    found: list[tuple[pa.Table, pa.Table]] = []  # keys and measures of each row group: little beside their text
    with ExitStack() as stack:
        file = stack.enter_context(workspace.parquet(unit.asked.documents))
        edits = _edit_measures(workspace, unit.asked.edits, stack)
        for group in _row_groups(file, columns):
            found.append((group.select(KEYS), measure_documents(group, asked, next(edits))))
            size += group["text"].nbytes
            rows += group.num_rows
    measured = _schema([measures for _, measures in found], asked, DOCUMENT.empty_table().select(columns))
    bound = {one.recipe.name: sorted(one.languages) for one in asked if one.languages}
    schema = pa.schema([*found[0][0].schema, *measured], metadata={BOUND: json.dumps(bound)} if bound else None)
    with workspace.create_parquet(attributes_path(unit.name), schema) as writer:
        for keys, measures in found:
            columns_of = [
                measures[one.name].cast(one.type)
                if one.name in measures.column_names
                else pa.nulls(len(keys), one.type)
                for one in measured
            ]
            table = pa.table([*keys.columns, *columns_of], schema=schema)
            writer.write_table(table, row_group_size=max(table.num_rows, 1))
    return {"bytes": size, "documents": rows}


def unmeasured(schema: pa.Schema, label: str) -> Mapping[str, Sequence[str]]:
    """The recipes that weren't measured on a part's documents in that language, and the languages that they are for."""
    bound = json.loads((schema.metadata or {}).get(BOUND, b"{}"))
    return {recipe: languages for recipe, languages in bound.items() if label not in languages}


def measure_documents(documents: pa.Table, asked: Sequence[Asked], edited: pa.Table) -> pa.Table:
    """The measures of n documents, n rows; null where a recipe is bound to other languages than a document's.

    A column that none of the documents is asked for is left out. `edited` (n rows) is what edits have counted. Raises
    `LookupError` where recipes are bound to languages and none measures these.
    """
    if not (documents.num_rows and any(one.languages for one in asked)):
        return _measures(documents, [one.recipe for one in asked], edited)
    telling = [one.recipe for one in asked if not one.languages and LANGUAGE in one.recipe.families]
    told = _measures(documents, telling, pa.table({}))
    if LABEL not in told.column_names:
        raise LookupError(f"recipes are bound to languages, and no recipe that is for all documents gives {LABEL!r}")
    rest = [one for one in asked if one.recipe not in telling]
    groups: dict[tuple[bool, ...], list[int]] = {}
    for row, label in enumerate(told[LABEL].to_pylist()):
        groups.setdefault(tuple(not one.languages or label in one.languages for one in rest), []).append(row)
    tables = []
    for concerned, rows in groups.items():
        recipes = [one.recipe for one, concerns in zip(rest, concerned, strict=True) if concerns]
        here = pa.table({ROW: pa.array(rows)})
        if len(groups) == 1:
            measures = _measures(documents, recipes, edited)
        else:
            counted = edited.take(here[ROW]) if edited.num_columns else edited
            measures = _measures(documents.take(here[ROW]), recipes, counted)
        for name in measures.column_names:
            here = here.append_column(name, measures[name])
        tables.append(here)
    joined = pa.concat_tables(tables, promote_options="permissive").sort_by(ROW).drop_columns(ROW)
    columns = dict(zip([*joined.column_names, *told.column_names], [*joined.columns, *told.columns], strict=True))
    return pa.table(columns)


def _measures(documents: pa.Table, asked: Sequence[Recipe], edited: pa.Table) -> pa.Table:
    """What the recipes' rules ask for. Of a recipe that edits, it is what its edit counted, or would count here."""
    from winnow.filters.measure import measure

    tables = [measure(documents, asked), edited]
    for recipe in asked:
        known = {name for table in tables for name in table.column_names}
        if recipe.edit is not None and any(rule.measure not in known for rule in recipe.rules):
            tables.append(recipe.edit(documents, **recipe.options)[1])
    return pa.table({name: table[name] for table in tables for name in table.column_names})


def _schema(tables: Sequence[pa.Table], asked: Sequence[Asked], none: pa.Table) -> pa.Schema:
    """Every measure of the part, by name. A recipe for none of its documents tells its columns by `none` of them."""
    labels = {label for table in tables if LABEL in table.column_names for label in table[LABEL].unique().to_pylist()}
    idle = [one.recipe for one in asked if one.languages and not one.languages & labels]
    schemas = [table.schema for table in tables]
    if idle:
        schemas.append(_measures(none, idle, pa.table({})).schema)
    whole = pa.unify_schemas(schemas, promote_options="permissive")
    return pa.schema(sorted(whole, key=lambda one: one.name))


def _edit_measures(workspace: Workspace, edits: File | None, stack: ExitStack) -> Iterator[pa.Table]:
    """What ingest's edits counted, a table for each row group of the part; without columns where nothing was kept."""
    if edits is None:
        return repeat(pa.table({}))
    file = stack.enter_context(workspace.parquet(edits))
    return iter(_row_groups(file, file.schema_arrow.names))


def _row_groups(file: pq.ParquetFile, columns: Sequence[str]) -> list[pa.Table] | Any:
    """The file's row groups as tables; one empty table where it has none, so that an empty part has its columns too."""
    names = list(columns)
    if file.num_row_groups == 0:
        return [file.schema_arrow.empty_table().select(names)]
    return (file.read_row_group(position, columns=names) for position in range(file.num_row_groups))


# 6: languages from words alone, their certainty; 7: recipes bound to languages on documents of these alone;
# 8: more kinds of personal data; 9: prose behind a block of code tells the language, labels with scripts;
# 10: less that looks like personal data or like spam
MEASURE = Step(name="measure", version=10, work=measure_part)
