"""The passes over a part: ingest writes its documents, `stages/measuring.py` its attributes, decide its drops.

Each is a pure function of a table, run row group by row group, so that a part of any size costs the memory of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import pyarrow as pa

from winnow.filters.recipes import Recipe, find_recipe
from winnow.formats.addresses import filesystem_of
from winnow.formats.splits import Split
from winnow.stages.decide import Application, decide
from winnow.stages.document import DOCUMENT, REJECTION
from winnow.stages.ingest.source import Builder, SourceSettings, kind_module
from winnow.stages.run.code import Code
from winnow.stages.run.drops import write_drops
from winnow.stages.run.unit import Counts, File, Files, Place, Step, Unit
from winnow.stages.run.workspace import Workspace

RESOURCE = "resource:"
NAMES_SHOWN = 5  # of files that nobody read


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """What a recipe is asked to count or to edit: its name and options; `resource:NAME` among them is a place.

    With `languages` it is counted on documents of these alone and null on the others.
    """

    recipe: str
    options: Mapping[str, Any] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    code: tuple[Code, ...] = ()  # of the user's own that recipe and options name


Resources = Mapping[str, Place]
"""Where the files lie that options name as `resource:NAME`."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The piece `[start, stop)` of one input: `path` as ids see it, `place` where it lies."""

    path: str
    start: int
    stop: int
    place: Place


@dataclass(frozen=True, kw_only=True)
class IngestPart:
    """A piece of one input, or several small inputs, which lie below the folder `root`.

    What the edits named by `kept_measures` counted is written beside the documents: rules decide on it later.
    """

    source: str
    kind: str
    settings: SourceSettings
    pieces: tuple[Piece, ...]
    root: Place
    version: int = 0  # of the kind
    optional: tuple[str, ...] = ()  # packages that the kind reads more with, of those that are installed
    code: tuple[Code, ...] = ()  # of a kind of the user's own
    edits_version: int = 0  # of all recipes that edit, where there are edits
    inventories: Files = ()  # of the inputs and of the resources
    edits: tuple[Measuring, ...] = ()
    kept_measures: tuple[str, ...] = ()
    resources: Resources = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DecidePart:
    """The attributes of a part, and the rules that decide over them."""

    attributes: File
    documents: File
    applications: tuple[Application, ...]


def documents_path(part: str) -> File:
    return File(f"documents/{part}.parquet")


def attributes_path(part: str) -> File:
    return File(f"attributes/{part}.parquet")


def edits_path(part: str) -> File:
    """What the edits of a part counted, row by row beside its documents, where rules ask for it."""
    return File(f"edits/{part}.parquet")


def ingest(workspace: Workspace, unit: Unit[IngestPart]) -> Counts:
    """Reads the pieces of a part into documents, edits their text, and writes the part and its rejections."""
    asked = unit.asked
    for code in asked.code:
        code.check()
    module = kind_module(asked.kind)
    edits = [recipe_of(entry, asked.resources) for entry in asked.edits]
    kept = set(asked.kept_measures)
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        writer = stack.enter_context(workspace.create_parquet(documents_path(unit.name), DOCUMENT))

        def edited(documents: pa.Table) -> tuple[pa.Table, pa.Table]:
            found: dict[str, pa.ChunkedArray] = {}
            for recipe in edits:
                assert recipe.edit is not None
                documents, measures = recipe.edit(documents, **recipe.options)
                if recipe.name in kept:
                    found |= dict(zip(measures.column_names, measures.columns, strict=True))
            return documents, pa.table(found)

        if kept:
            schema = edited(DOCUMENT.empty_table())[1].schema
            beside = stack.enter_context(workspace.create_parquet(edits_path(unit.name), schema))

        def emit(documents: pa.Table) -> None:
            documents, measures = edited(documents)
            if kept:
                beside.write_table(measures, row_group_size=max(documents.num_rows, 1))
            counts["bytes"] += documents["text"].nbytes
            counts["documents"] += documents.num_rows
            writer.write_table(documents, row_group_size=max(documents.num_rows, 1))

        builder = Builder(source=asked.source, kind=asked.kind, emit=emit, root=asked.root.rstrip("/") + "/")
        for piece in asked.pieces:
            before = builder.documents + len(builder.rejections)
            module.read(Split(str(piece.place), piece.start, piece.stop), asked.settings, builder)
            if builder.documents + len(builder.rejections) == before and not piece.start:
                builder.reject(locator=piece.place, rule="unread", value=_unread(piece.place))
        builder.flush()
    rejections = builder.rejection_table()
    workspace.write_table(f"rejections/ingest/{unit.name}.parquet", rejections)
    return {**counts, "rejected": Counter(rejections["rule"].to_pylist())}


def _unread(path: str) -> str:
    """The first names in an input of which its kind read nothing."""
    filesystem, root = filesystem_of(path)
    found = sorted(filesystem.find(root))
    names = [name.removeprefix(f"{root}/") for name in found[:NAMES_SHOWN]]
    return ", ".join(names) + (f" and {len(found) - NAMES_SHOWN} more" if len(found) > NAMES_SHOWN else "")


def decide_part(workspace: Workspace, unit: Unit[DecidePart]) -> Counts:
    """Applies the thresholds to the part's attributes; the text isn't read."""
    attributes = workspace.read_table(unit.asked.attributes)
    drops = decide(attributes, unit.asked.applications)
    locators = workspace.read_table(unit.asked.documents, columns=["locator"])["locator"]
    drops = drops.set_column(
        drops.schema.get_field_index("locator"), REJECTION.field("locator"), locators.take(drops["row"])
    )
    write_drops(workspace, "decide", unit.name, drops)
    rules = Counter(drops["rule"].to_pylist())
    return {"documents": attributes.num_rows, "kept": attributes.num_rows - drops.num_rows, "rejected": rules}


def recipe_of(asked: Measuring, resources: Resources) -> Recipe:
    """The recipe with its options; `resource:NAME` becomes the place of that file."""
    for code in asked.code:
        code.check()
    options = {name: _located(value, resources) for name, value in asked.options.items()}
    recipe = find_recipe(asked.recipe)
    return replace(recipe, options={**recipe.options, **options})


def resources_of(value: Any) -> Iterator[str]:
    """The `resource:NAME`s in the options of a recipe, at any depth."""
    if isinstance(value, str) and value.startswith(RESOURCE):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(resources_of, value.values()))
    elif isinstance(value, list | tuple):
        yield from chain.from_iterable(map(resources_of, value))


def _located(value: Any, resources: Resources) -> Any:
    if isinstance(value, str) and value.startswith(RESOURCE):
        return str(resources[value])
    if isinstance(value, Mapping):
        return {name: _located(inner, resources) for name, inner in value.items()}
    return [_located(inner, resources) for inner in value] if isinstance(value, list | tuple) else value


# 3: numbers by the plans of forty countries, numbers of persons, passports, WeChat, QQ, [at];
# 4: postal codes, sums, rows of numbers and versions are no personal data
EDITS_VERSION = 4
"""Of the recipes that edit text, all together: bumped when one of them changes it otherwise than before."""

# Each kind has a `VERSION` of its own, bumped when it reads otherwise; the step's is for what all kinds share.
INGEST = Step(
    name="ingest", version=19, work=ingest
)  # 18: notices of several licences; 19: tables and pairs in any charset
DECIDE = Step(name="decide", version=1, work=decide_part)
