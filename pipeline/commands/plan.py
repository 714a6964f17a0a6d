"""`winnow plan`: what a run would do."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from winnow.pipeline import terminal
from winnow.pipeline.commands import options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from winnow.pipeline.configuration.settings import Settings
    from winnow.pipeline.planning.estimate import Estimate


@click.command(name="plan")
@options.stage
@options.profile
@options.after
@options.date
@options.series
@click.option("--out", default=None, metavar="DIR", help="count what is already done there")
@click.option(
    "--rates",
    multiple=True,
    metavar="RUN",
    help="a finished run that tells what steps cost [default: DIR and those beside it]",
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=None, help="tell the hours on so many [default: one per core]"
)
@click.option("--offline", is_flag=True, help="check the files alone: look at no input, fetch nothing")
@click.option(
    "--json", "as_json", is_flag=True, help="one line of JSON: sources with their parts, steps with their units"
)
def command(
    manifest: str,
    profile: str,
    after: str | None,
    date: str | None,
    series: str | None,
    out: str | None,
    rates: tuple[str, ...],
    workers: int | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Print the steps, parts and input sizes of a run without working anything.

    Reads and checks the manifest and the profile whole: unknown keys, impossible values, filters and rules that don't
    exist, sources without inputs. What a run will cost is told by the rates that finished runs of this machine keep, in
    seconds of the processor. Inputs are looked at (names, sizes and some records of each) unless `--offline` is
    given; a source none of whose records can be read ends it with status 2 and the likely cause.
    """
    from pathlib import Path

    import pyarrow.compute as pc

    from winnow.pipeline.configuration.coverage import gaps
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.configuration.settings import load_settings
    from winnow.pipeline.drafting.glimpse import languages, said
    from winnow.pipeline.planning import fetch
    from winnow.pipeline.planning.estimate import estimates, kinds_of, known_rates
    from winnow.pipeline.planning.generation import forecast
    from winnow.pipeline.planning.parts import find_parts, in_hand, input_sizes
    from winnow.pipeline.planning.plan import check_recipes, steps
    from winnow.pipeline.planning.plan_shards import consumed_of
    from winnow.pipeline.record.ledger import done_of
    from winnow.pipeline.running.cluster import LOCAL_CORES
    from winnow.pipeline.running.looks import look, unread
    from winnow.stages.consumed import read_consumed
    from winnow.stages.run.unit import names_of
    from winnow.stages.run.workspace import Workspace

    console = terminal.console()
    settings = load_settings(manifest, profile, after, date=date, series=series)
    check_recipes(settings)
    asked = settings.manifest
    folder = options.folder(out, series, date, asked.stage)
    count = workers or LOCAL_CORES
    if as_json:
        parts = find_parts(settings)
        planned = steps(parts, in_hand(settings, parts))
        told = {
            "stage": asked.stage,
            "out": folder,
            "sources": Counter(part.source for part in parts),
            "steps": {step.name: len(units) for step, units in planned},
        }
        found, unknown = estimates(planned, kinds_of(parts, input_sizes(parts)), known_rates(folder, rates), settings)
        told["cost"] = {one.step: {**vars(one), "hours": one.hours(count)} for one in found}
        told["unmeasured"] = unknown
        if asked.generate is not None:
            told["generate"] = vars(forecast(parts, settings, Workspace(folder)))
        terminal.say(json.dumps(told))
        return
    console.print(f"[bold]{asked.stage}[/bold]  {asked.description}")
    mixture = Table("source", "share %", "inputs", "kinds", box=None)
    for source, share in asked.weights().items():
        inputs = settings.profile.sources[source]
        kinds = sorted({given.kind for given in inputs})
        mixture.add_row(source, f"{share:g}", str(sum(len(given.paths) for given in inputs)), ", ".join(kinds))
    console.print(mixture)
    shares = zip(asked.curriculum, asked.phase_shares(), strict=True)
    phases = ", ".join(f"{phase.length:,} ({share:g} %)" for phase, share in shares)
    taken = asked.tokenizer.path
    pieces = f"tokenizer {taken}" if taken else f"vocabulary {asked.tokenizer.vocabulary_size:,}"
    console.print(f"sequence lengths: {phases}; packing: {asked.packing}; {pieces}", markup=False)
    for gap in gaps(settings):
        console.print(f"note: {gap}", markup=False)
    if offline:
        console.print("The manifest and the profile are sound. Inputs were not looked at.")
        return
    absent = fetch.missing(settings.profile.downloads, Path(settings.profile.root))
    if absent:
        raise ConfigurationError(
            f"{len(absent)} pinned files of the profile are not here yet: "
            f"`winnow fetch --profile {profile}` brings them, or plan with --offline"
        )
    parts = find_parts(settings)
    sizes = input_sizes(parts)
    console.print(f"{len(parts)} parts from {len(sizes)} inputs of {sum(sizes.values()) / 1e6:,.1f} MB")
    looks = Table("input", "what it holds", box=None)
    seen = look(parts, sizes, settings)
    for one in seen:
        looks.add_row(
            f"{one.part.source}: {settings.profile.relative(one.part.split.path)}",
            escape(said(one.found, languages(one.found.documents, _model(settings)))),
        )
    console.print(looks)
    notes, lost = unread(seen, settings)
    for note in notes:
        console.print(f"note: {note}", markup=False)
    table = Table("step", "version", "units", "done", "core-hours", box=None)
    planned = steps(parts, in_hand(settings, parts), sizes)
    there = done_of(Workspace(folder), {step.name: names_of(units) for step, units in planned})
    found, unknown = estimates(planned, kinds_of(parts, sizes), known_rates(folder, rates), settings)
    costs = {one.step: one for one in found}
    for step, units in planned:
        table.add_row(
            step.name, str(step.version), str(len(units)), str(there[step.name]), _core_hours(costs.get(step.name))
        )
    console.print(table)
    for line in _summed(found, unknown, count):
        console.print(line, markup=False, highlight=False)
    if (consumed := consumed_of(settings)) is not None:
        read = read_consumed(consumed.table)
        tokens = pc.sum(read["tokens"]).as_py() or 0
        console.print(
            f"a model has read {tokens:,} tokens of {read.num_rows:,} documents: these are left out", highlight=False
        )
    if asked.generate is not None:
        console.print(forecast(parts, settings, Workspace(folder)).said(settings), markup=False)
    if lost:
        raise ConfigurationError("\n".join(lost))


WORKERS = (16, 64)  # for which hours are told, too


def _core_hours(one: Estimate | None) -> str:
    """The cell of a step; empty where no run has measured it."""
    return f"{one.core_hours:,.3f}" if one else ""


def _summed(found: Sequence[Estimate], unknown: Sequence[str], workers: int) -> Iterator[str]:
    """What the run takes as a whole, and what of it nobody knows."""
    if not found:
        yield "what it will cost isn't known: no finished run here keeps rates (name one by --rates)"
        return
    least = "at least " if unknown else ""
    hours = ", ".join(
        f"{sum(one.hours(count) for one in found):,.2f} hours on {count} workers"
        for count in sorted({workers, *WORKERS})
    )
    read, written, exchanged = (
        sum(getattr(one, name) for one in found) / 1e9 for name in ("read", "written", "exchanged")
    )
    yield (
        f"{least}{sum(one.core_hours for one in found):,.2f} core-hours: {hours}; {read:,.2f} GB read, {written:,.2f} GB "
        f"written and {exchanged:,.2f} GB exchanged; a worker needs up to {max(one.memory for one in found) / 1e6:,.0f} MB"
    )
    if unknown:
        yield f"no run has measured {', '.join(unknown)}"


def _model(settings: Settings) -> str | None:
    """The profile's language model, where the filters have one and it is on this machine."""
    from winnow.stages.passes import RESOURCE, resources_of

    for entry in settings.manifest.filters:
        for resource in resources_of(entry.options):
            if entry.recipe == "language":
                place = settings.profile.place(settings.profile.resources[resource.removeprefix(RESOURCE)])
                return place if os.path.exists(place) else None
    return None
