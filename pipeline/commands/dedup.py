"""`winnow dedup`: de-duplication alone, at any level."""

from __future__ import annotations

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options

LEVELS = ("repositories", "url", "exact", "lines", "minhash", "scripts", "semantic")


@click.command(name="dedup")
@click.argument("level", type=click.Choice(LEVELS))
@click.option(
    "--in", "inputs", required=True, multiple=True, metavar="FILE", help="Parquet, JSONL(.gz, .zst), CSV or Arrow"
)
@click.option("--out", required=True, metavar="DIR", help="new folder for what is kept, and the evidence")
@click.option("--recipe", metavar="NAME", help="MinHash at a published operating point: fineweb, olmo3, redpajama2 …")
@options.changes
@click.option("--text", default="text", show_default=True, metavar="COLUMN", help="the column of the text")
@click.option("--url", metavar="COLUMN", help="the column of the address, for the level url")
@click.option("--repository", metavar="COLUMN", help="the column of the repository's name, for repositories")
@click.option("--quality", metavar="COLUMN", help="a column of numbers: of duplicates the one with the highest stays")
def command(
    level: str,
    inputs: tuple[str, ...],
    out: str,
    recipe: str | None,
    changes: tuple[str, ...],
    text: str,
    url: str | None,
    repository: str | None,
    quality: str | None,
) -> None:
    """De-duplicate files of your own at one level.

    \b
    repositories  forks and mirrors, all their files
    url           one document per address
    exact         equal text but for white space
    lines         lines that many documents share are taken out; paragraphs with --set passage=paragraph
    minhash       near-duplicates; every candidate pair is verified by its true Jaccard similarity
    scripts       near-duplicates of which one is in traditional Chinese, the other in simplified
    semantic      near in meaning, by embeddings: --set model=sentence-transformers:FOLDER

    Writes `kept/`, `drops/` (which document went, for which, how similar), `clusters/` and, for MinHash, `pairs/`.

    \b
    Against an earlier run's documents, which all stay:
    winnow dedup minhash --in old.parquet --out old --set remember=true
    winnow dedup minhash --in new.parquet --out new --set known=old
    """
    from collections import Counter

    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.stages.deduplicate.files import LEVELS as KNOWN
    from winnow.stages.deduplicate.files import deduplicate_files
    from winnow.stages.deduplicate.recipes import RECIPES

    if recipe is not None and (level != "minhash" or recipe not in RECIPES):
        raise ConfigurationError(f"--recipe is one of {', '.join(RECIPES)}, and goes with minhash")
    base = RECIPES[recipe].model_dump() if recipe else {}
    named = {"text": text, "url": url, "repository": repository}
    columns = {name: column for name, column in named.items() if column is not None}
    settings = options.changed(KNOWN[level].settings, changes, base)
    try:
        found = deduplicate_files(inputs, out, level, settings, columns=columns, quality=quality)
    except (FileNotFoundError, LookupError, ValueError) as error:
        raise ConfigurationError(str(error)) from None
    terminal.say(f"{out}/kept/")
    reasons = options.unread(out) + Counter({level: found.dropped})
    options.conclude(found.kept + reasons.total(), found.kept, reasons)
