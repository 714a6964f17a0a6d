"""`winnow mix`: mixtures found by experiments."""

from __future__ import annotations

from pathlib import Path

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options, proxies


@click.group(name="mix")
def command() -> None:
    """Find out what a mixture should be, by small models trained on many."""


@command.command(name="search")
@options.run_folder
@click.option("--out", metavar="DIR", help="where proxies and results lie [default: RUN.search beside the run]")
@click.option("--proxies", "count", default=32, show_default=True, type=click.IntRange(min=4), help="mixtures to try")
@click.option(
    "--objective", "weights", multiple=True, metavar="DOMAIN=WEIGHT",
    help="what counts, again and again; without it every domain the same, or every --held-out where there is one",
)  # fmt: skip
@click.option(
    "--floor", "floors", multiple=True, metavar="DOMAIN[=PER CENT]",
    help="a domain may get at most so much worse than with the given mixture (0 by default)",
)  # fmt: skip
@proxies.held_out
@click.option("--tokens", type=click.IntRange(min=1), help="of the full run [default: as many as RUN was built with]")
@click.option(
    "--stage", "base", metavar="STAGE|FILE", help="the manifest that RUN was built from [default: its stage's]"
)
@proxies.model
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--validate", is_flag=True, help="train a larger model on the given and on the found mixture, too")
@click.option("--validate-preset", default="nano", show_default=True, metavar="NAME")
@click.option("--validate-steps", default=500, show_default=True, type=click.IntRange(min=1))
@click.option("--validate-seeds", default=3, show_default=True, type=click.IntRange(min=2))
@proxies.workers
def search(
    run: str,
    out: str | None,
    count: int,
    weights: tuple[str, ...],
    floors: tuple[str, ...],
    held_out: tuple[str, ...],
    tokens: int | None,
    base: str | None,
    preset: str,
    steps: int,
    batch_tokens: int,
    length: int | None,
    learning_rate: float,
    held_out_tokens: int,
    seed: int,
    validate: bool,
    validate_preset: str,
    validate_steps: int,
    validate_seeds: int,
    workers: int | None,
) -> None:
    """Find the mixture of RUN's sources that an objective is best at, and write it as a manifest with its evidence.

    Draws mixtures around the manifest's, re-mixes each from the tokens that RUN has, trains a small model on each that
    sees every source as often as a full run would, scores it on text that none of them saw, fits a surface through the
    scores and solves for the best shares under the manifest's caps. A domain is a source of the mixture, or what
    --held-out names. Called again it goes on where it stopped; with more proxies it keeps those that are there.

    \b
    winnow mix search runs/mid                                     32 proxies of the preset tiny
    winnow mix search runs/mid --objective repositories=2 --objective tool_use=1 --floor long_documents=1
    winnow run --stage runs/mid.search/found.yaml                  the full run
    """
    proxies.need_torch()
    from winnow.experiments.corpus import open_corpus
    from winnow.experiments.found import base_of, evidence, write_manifest
    from winnow.experiments.page import write_page
    from winnow.experiments.proxy import Model
    from winnow.experiments.search import Search, Validation
    from winnow.experiments.search import search as look
    from winnow.pipeline.running.failures import RunFailed

    corpus = open_corpus(run, "run")
    folder = proxies.folder(out or f"{run.rstrip('/')}.search")
    model = Model(preset=preset, steps=steps, batch_tokens=batch_tokens, learning_rate=learning_rate)
    larger = Model(preset=validate_preset, steps=validate_steps, batch_tokens=batch_tokens, learning_rate=learning_rate)
    asked = Search(
        proxies=count,
        model=model,
        length=length or proxies.length_for([corpus]),
        held_out_tokens=held_out_tokens,
        seed=seed,
        weights=weights,
        floors=floors,
        gold=proxies.gold(held_out),
        tokens=tokens,
    )
    validation = Validation(model=larger, seeds=validate_seeds) if validate else None
    extended, manifest = base_of(corpus, base)
    try:
        result, validated = look(
            run, folder, asked, cluster=proxies.cluster(workers), console=terminal.console(), validation=validation
        )
    except (RunFailed, KeyboardInterrupt) as ended:
        proxies.stopped(ended)
    path = Path(folder) / "found.yaml"
    write_manifest(path, result, validated, extended, manifest)
    for line in evidence(result, validated):
        terminal.say(line)
    terminal.say(f"{path}   {write_page(Path(folder), result, validated)}")
