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
    from winnow.pipeline.configuration.settings import Settings


@click.command(name="plan")
@options.stage
@options.profile
@options.after
@options.date
@options.series
@click.option("--out", default=None, metavar="DIR", help="count what is already done there")
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
    offline: bool,
    as_json: bool,
) -> None:
    """Print the steps, parts and input sizes of a run without working anything.

    Reads and checks the manifest and the profile whole: unknown keys, impossible values, filters and rules that don't
    exist, sources without inputs. Inputs are looked at (names, sizes and some records of each) unless `--offline` is
    given; a source none of whose records can be read ends it with status 2 and the likely cause.
    """
    from pathlib import Path

    import pyarrow.compute as pc

    from winnow.pipeline.configuration.coverage import gaps
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.configuration.settings import load_settings
    from winnow.pipeline.drafting.glimpse import languages, said
    from winnow.pipeline.planning import fetch
    from winnow.pipeline.planning.generation import forecast
    from winnow.pipeline.planning.parts import find_parts, in_hand, input_sizes
    from winnow.pipeline.planning.plan import check_recipes, steps
    from winnow.pipeline.planning.plan_shards import consumed_of
    from winnow.pipeline.record.ledger import units_done
    from winnow.pipeline.running.looks import look, unread
    from winnow.stages.consumed import read_consumed
    from winnow.stages.run.unit import names_of
    from winnow.stages.run.workspace import Workspace

    console = terminal.console()
    settings = load_settings(manifest, profile, after, date=date, series=series)
    check_recipes(settings)
    asked = settings.manifest
    folder = options.folder(out, series, date, asked.stage)
    if as_json:
        parts = find_parts(settings)
        told = {
            "stage": asked.stage,
            "out": folder,
            "sources": Counter(part.source for part in parts),
            "steps": {step.name: len(units) for step, units in steps(parts, in_hand(settings, parts))},
        }
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
    table = Table("step", "version", "units", "done", box=None)
    there = units_done(Workspace(folder))
    for step, units in steps(parts, in_hand(settings, parts), sizes):
        done = len(there.get(step.name, set()).intersection(names_of(units)))
        table.add_row(step.name, str(step.version), str(len(units)), str(done))
    console.print(table)
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


def _model(settings: Settings) -> str | None:
    """The profile's language model, where the filters have one and it is on this machine."""
    from winnow.stages.passes import RESOURCE, resources_of

    for entry in settings.manifest.filters:
        for resource in resources_of(entry.options):
            if entry.recipe == "language":
                place = settings.profile.place(settings.profile.resources[resource.removeprefix(RESOURCE)])
                return place if os.path.exists(place) else None
    return None
