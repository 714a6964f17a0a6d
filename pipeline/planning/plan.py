"""The plan: from a manifest and a profile to parts, and from parts to the steps with their units.

What turns documents into shards is planned in `pipeline/planning/plan_shards.py`. The plan depends on the inputs' names and
sizes alone, never on workers: equal inputs give equal units.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from winnow.filters.recipes import Recipe
from winnow.pipeline.configuration.ancestry import compared_with
from winnow.pipeline.configuration.coverage import check_contents, check_languages
from winnow.pipeline.configuration.manifest import Filter, Output
from winnow.pipeline.configuration.reading import ConfigurationError, nearest
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.planning.generation import check_generation, generation_steps
from winnow.pipeline.planning.parts import Part, input_sizes, inventory_name, inventory_units
from winnow.pipeline.planning.plan_shards import shard_steps
from winnow.stages import decide, preferences, rejection_sampling
from winnow.stages.decontaminate import steps as decontaminate
from winnow.stages.decontaminate.settings import DecontaminationSettings
from winnow.stages.deduplicate import exact, forks, lines, minhash, scripts, semantic, url
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.ingest.source import SourceSettings, kind_version, optional_packages
from winnow.stages.measuring import MEASURE, MeasurePart
from winnow.stages.passes import (
    DECIDE,
    EDITS_VERSION,
    INGEST,
    RESOURCE,
    DecidePart,
    IngestPart,
    Measuring,
    Piece,
    attributes_path,
    documents_path,
    edits_path,
    resources_of,
)
from winnow.stages.run.code import Code, module_code
from winnow.stages.run.inventory import INVENTORY, inventory_path
from winnow.stages.run.unit import Files, Place, Planned, Units


def pass_steps(parts: Sequence[Part], settings: Settings, sizes: Mapping[str, int]) -> Iterator[Planned]:
    """Ingest, measure and decide: one unit per part each. `sizes`: those of `input_sizes`."""
    manifest, profile = settings.manifest, settings.profile
    resources = {RESOURCE + name: Place(profile.place(path)) for name, path in profile.resources.items()}
    all_edits = [(entry, entry.measuring()) for entry in manifest.edits]
    all_filters = [(entry, manifest.measuring(entry), entry.application()) for entry in manifest.filters]

    def inventories(entries: Sequence[Filter]) -> Files:
        """The inventory entries of the resources that these filters read: a changed model is measured anew."""
        named = {resource.removeprefix(RESOURCE) for entry in entries for resource in resources_of(entry.options)}
        return tuple(inventory_path(inventory_name(profile.resources[name])) for name in sorted(named))

    def alike(part: Part) -> _Alike:
        source, kind, content = part.source, part.input.kind, part.input.holds()
        edits = [(entry, asked) for entry, asked in all_edits if entry.concerns(source, kind, content)]
        filters = [found for found in all_filters if found[0].concerns(source, kind, content)]
        judged = sorted({entry.recipe for entry, _ in edits} & {entry.recipe for entry, _, _ in filters})
        return _Alike(
            source=source,
            kind=kind,
            settings=part.input.settings(),
            version=kind_version(kind),
            optional=optional_packages(kind),
            code=module_code(kind),
            edits=tuple(asked for _, asked in edits),
            edits_need=inventories([entry for entry, _ in edits]),
            filters=tuple(asked for _, asked, _ in filters),
            filters_need=inventories([entry for entry, _, _ in filters]),
            applications=tuple(application for _, _, application in filters),
            judged=tuple(judged),
        )

    # What units are asked follows from what these functions close over (`pipeline/record/standing.py`): all is here before.
    inputs = {id(part.input): part for part in parts}
    numbers = {name: number for number, name in enumerate(inputs)}
    shared, of = [alike(part) for part in inputs.values()], [numbers[id(part.input)] for part in parts]
    pieces, read = [part.pieces for part in parts], [part.inputs for part in parts]

    def ingesting(place: int, name: str) -> IngestPart:
        common = shared[of[place]]
        return IngestPart(
            source=common.source,
            kind=common.kind,
            settings=common.settings,
            pieces=tuple(
                Piece(
                    path=profile.relative(piece.path),
                    start=piece.start,
                    stop=piece.stop,
                    place=Place(piece.path),
                )
                for piece in pieces[place]
            ),
            root=Place(profile.base),
            version=common.version,
            optional=common.optional,
            code=common.code,
            edits_version=EDITS_VERSION if common.edits else 0,
            inventories=(
                *(inventory_path(inventory_name(profile.relative(path))) for path in read[place]),
                *common.edits_need,
            ),
            edits=common.edits,
            kept_measures=common.judged,
            resources=resources,
        )

    def measuring(place: int, name: str) -> MeasurePart:
        common = shared[of[place]]
        return MeasurePart(
            documents=documents_path(name),
            filters=common.filters,
            edits=edits_path(name) if common.judged else None,
            inventories=common.filters_need,
            resources=resources,
        )

    def deciding(place: int, name: str) -> DecidePart:
        applications = shared[of[place]].applications
        return DecidePart(attributes=attributes_path(name), documents=documents_path(name), applications=applications)

    cut = Counter(piece.path for part in parts for piece in part.pieces)
    raw_bytes = [sum(sizes[piece.path] // cut[piece.path] for piece in part.pieces) for part in parts]
    names = [part.name for part in parts]
    yield INGEST, Units(names, ingesting, raw_bytes)
    yield MEASURE, Units(names, measuring)
    yield DECIDE, Units(names, deciding)


@dataclass(frozen=True, kw_only=True)
class _Alike:
    """What the parts of one input of the profile have in common; `…_need`: the inventories of resources."""

    source: str
    kind: str
    settings: SourceSettings
    version: int
    optional: tuple[str, ...]
    code: tuple[Code, ...]
    edits: tuple[Measuring, ...]
    edits_need: Files
    filters: tuple[Measuring, ...]
    filters_need: Files
    applications: tuple[decide.Application, ...]
    judged: tuple[str, ...]  # recipes that edit and decide


def steps(parts: Sequence[Part], settings: Settings, sizes: Mapping[str, int] | None = None) -> list[Planned]:
    """Every step of the run with its units, in order. `sizes`: what `input_sizes` tells of the parts, where somebody has
    asked it."""
    sizes = input_sizes(parts) if sizes is None else sizes
    planned = [(INVENTORY, inventory_units(parts, settings)), *pass_steps(parts, settings, sizes)]
    dropping = [decide.STAGE]
    planned.extend(comparing_steps(parts, settings, dropping))
    if settings.manifest.output == Output.ANSWERS:
        planned.extend(generation_steps(parts, settings, dropping))
    elif settings.manifest.output == Output.PREFERENCES:
        units = preferences.preference_units(
            [part.name for part in parts], seed=settings.manifest.seed, stages=dropping
        )
        planned.append((preferences.PREFERENCES_STEP, units))
    else:
        planned.extend(shard_steps(parts, settings, sizes, dropping))
    return planned


def comparing_steps(parts: Sequence[Part], settings: Settings, dropping: list[str]) -> Iterator[Planned]:
    """De-duplication and decontamination; each level adds its name to the stages that dropped documents."""
    names = [part.name for part in parts]
    asked, profile = settings.manifest.deduplicate, settings.profile
    levels = (
        (forks, asked.repositories),
        (url, asked.url),
        (exact, asked.exact),
        (lines, asked.lines),
        (minhash, asked.minhash),
        (scripts, asked.scripts),
        (semantic, asked.semantic),
    )
    for level, given in levels:
        if given is not None:
            changes: dict[str, Any] = {"buckets": profile.buckets} if "buckets" in type(given).model_fields else {}
            if isinstance(given, MinHashSettings):
                changes["known"] = tuple(dict.fromkeys((*given.known, *compared_with(settings.line, given.level))))
            yield from level.plan(names, given.model_copy(update=changes), list(dropping))
            dropping.append(level.STAGE)
    sampling = settings.manifest.rejection_sampling
    if sampling is not None:
        yield from rejection_sampling.plan(
            names, sampling.model_copy(update={"buckets": profile.buckets}), list(dropping)
        )
        dropping.append(rejection_sampling.STAGE)
    rules = settings.manifest.decontaminate
    if rules is not None and profile.benchmarks:
        benchmarks = [
            benchmark.model_copy(update={"path": profile.place(benchmark.path)}) for benchmark in profile.benchmarks
        ]
        comparing = DecontaminationSettings(benchmarks=tuple(benchmarks), buckets=profile.buckets, **rules.model_dump())
        yield from decontaminate.plan(names, comparing, list(dropping))
        dropping.append(decontaminate.STAGE)


def check_recipes(settings: Settings) -> None:
    """Raises `ConfigurationError` for a filter that names no recipe, no rule of it, or no resource of the profile, and
    for an input that doesn't say what filters must know of it."""
    from winnow.filters.recipes import find_recipe

    manifest = settings.manifest
    for section, entries in (("edits", manifest.edits), ("filters", manifest.filters)):
        for position, entry in enumerate(entries):
            try:
                recipe = find_recipe(entry.recipe)
            except (LookupError, ImportError, AttributeError, SyntaxError) as error:
                raise ConfigurationError(f"{settings.in_manifest(section, position, 'recipe')}: {error}") from None
            try:
                entry.application()
            except LookupError as error:
                raise ConfigurationError(f"{settings.in_manifest(section, position, 'thresholds')}: {error}") from None
            if section == "edits" and recipe.edit is None:
                place = settings.in_manifest(section, position, "recipe")
                raise ConfigurationError(f"{place}: {entry.recipe} edits no text; list it under filters")
            for resource in resources_of(entry.options):
                _check_resource(settings, resource, settings.in_manifest(section, position, "options"))
            if unknown := _unknown_option(recipe, entry.options):
                raise ConfigurationError(f"{settings.in_manifest(section, position, 'options')}: {unknown}")
    if manifest.mixture.consumed is not None:
        _check_resource(settings, manifest.mixture.consumed, settings.in_manifest("mixture", "consumed"))
    check_contents(settings)
    check_languages(settings)
    check_generation(settings)


def _check_resource(settings: Settings, resource: str, place: str) -> None:
    if resource.removeprefix(RESOURCE) not in settings.profile.resources:
        named = ", ".join(settings.profile.resources) or "none"
        raise ConfigurationError(
            f"{place}: the profile has no resource {resource!r}; it has {named}: say where the file lies under "
            "`resources`, as `winnow init` and the profile `sample` do"
        )


def _unknown_option(recipe: Recipe, options: Mapping[str, Any]) -> str | None:
    """What is wrong with the first option that nothing of the recipe takes."""
    takes: set[str] = set()
    for function in (recipe.measure, recipe.edit):
        _, *parameters = inspect.signature(function).parameters.values() if function else (None,)
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return None
        takes |= {parameter.name for parameter in parameters}
    wrong = next((name for name in options if name not in takes), None)
    return wrong and f"{recipe.name} has no option {wrong!r}{nearest(wrong, takes) or '; it has none'}"
