"""`winnow init`: a manifest and a profile for folders of one's own."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import here

MANIFEST, PROFILE = "manifest.yaml", "profile.yaml"
NAMES_SHOWN, SUFFIXES_SHOWN = 3, 12


@click.command(name="init")
@click.argument("folders", nargs=-1, metavar="FOLDER...")
@click.option("--from", "addresses", multiple=True, metavar="ADDRESS", help="s3://bucket/texts, hf://datasets/NAME …")
@click.option(
    "--out",
    callback=here,
    default=".",
    show_default=True,
    metavar="DIR",
    help=f"where {MANIFEST} and {PROFILE} are written",
)
@click.option("--force", is_flag=True, help="write over a manifest and a profile that are there")
def command(folders: tuple[str, ...], addresses: tuple[str, ...], out: str, force: bool) -> None:
    """Look at folders of JSONL, Parquet, text, HTML, crawls or git clones and write a manifest and a profile for them.

    Both run as they are. A comment stands at each choice; what no kind of source reads is told.

    \b
    winnow init corpus
    winnow run --stage manifest.yaml --profile profile.yaml --out runs/own
    winnow inspect runs/own
    """
    from winnow.pipeline.configuration.profile import Input
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.drafting.draft import LID, manifest_text, profile_text
    from winnow.pipeline.drafting.glimpse import glimpse, languages, said
    from winnow.pipeline.drafting.survey import survey
    from winnow.stages.ingest.source import kind_module

    wanted = [*folders, *addresses]
    if not wanted:
        raise ConfigurationError("name a folder, or an address by --from")
    targets = [Path(out) / name for name in (MANIFEST, PROFILE)]
    there = [str(target) for target in targets if target.exists()]
    if there and not force:
        raise ConfigurationError(
            f"{' and '.join(there)} there already: --force writes over, --out DIR writes elsewhere"
        )
    try:
        found = survey(wanted)
    except FileNotFoundError as error:
        raise ConfigurationError(str(error)) from None
    except ValueError as error:  # an address that its file system can't read
        raise ConfigurationError(f"{', '.join(wanted)}: {error}") from None
    console = terminal.console()
    model = Path(out) / "models" / f"{LID}.ftz"
    table = Table("content", "kind", "files", "MB", "a look into some records", box=None)
    for find in found.finds:
        given = Input.model_validate({"kind": find.kind, "content": find.content, "paths": find.paths, **find.options})
        pieces = kind_module(find.kind).splits(find.example, given.settings())
        look = glimpse(given, pieces[0], source=find.content, root=os.path.dirname(find.example)) if pieces else None
        spoken = languages(look.documents, str(model) if model.exists() else None) if look else []
        seen = escape(said(look, spoken)) if look else ""
        table.add_row(find.content, find.kind, f"{find.files:,}", f"{find.bytes / 1e6:,.1f}", seen)
    console.print(table)
    for line in _not_placed(found.unplaced):
        console.print(line, markup=False, soft_wrap=True)
    if not found.finds:
        raise ConfigurationError(f"nothing in {', '.join(wanted)} is read by any kind of source")
    Path(out).mkdir(parents=True, exist_ok=True)
    for target, text in zip(targets, (manifest_text(found.finds), profile_text(found.finds, out)), strict=True):
        target.write_text(text, "utf-8")
    manifest, profile = targets
    console.print(f"wrote {manifest} and {profile}; look into them, then", markup=False, soft_wrap=True)
    console.print(f"  winnow run --stage {manifest} --profile {profile} --out runs/own", markup=False, soft_wrap=True)


def _not_placed(unplaced: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[str]:
    """A line for each reason: how many files of which suffixes, the most frequent first, and some of their names."""
    by_reason: dict[str, dict[str, Sequence[str]]] = defaultdict(dict)
    for (suffix, why), names in unplaced.items():
        by_reason[why][suffix] = names
    for why, by_suffix in by_reason.items():
        frequent = sorted(by_suffix, key=lambda suffix: (-len(by_suffix[suffix]), suffix))
        shown = [f"{len(by_suffix[suffix]):,} {suffix}" for suffix in frequent[:SUFFIXES_SHOWN]]
        rest = sum(len(by_suffix[suffix]) for suffix in frequent[SUFFIXES_SHOWN:])
        shown += [f"{rest:,} of {len(frequent) - SUFFIXES_SHOWN:,} other suffixes"] if rest else []
        names = [by_suffix[suffix][0] for suffix in frequent][:NAMES_SHOWN]
        yield f"not placed: {', '.join(shown)} ({why}): {', '.join(names)}"
