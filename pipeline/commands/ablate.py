"""`winnow ablate`: a question of data, answered by small models."""

from __future__ import annotations

from pathlib import Path

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options, proxies


@click.command(name="ablate")
@click.argument("arms", nargs=-1, required=True, metavar="[NAME=]MANIFEST|RUN...")
@options.profile
@click.option("--raw", is_flag=True, help="one arm more: the first manifest without its filters and de-duplication")
@click.option("--out", default="runs/ablation", show_default=True, metavar="DIR", help="where arms and results lie")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=2))
@proxies.held_out
@click.option("--gold-only", is_flag=True, help="score on --held-out alone, not on the arms' own text")
@proxies.model
@proxies.workers
def command(
    arms: tuple[str, ...],
    profile: str,
    raw: bool,
    out: str,
    seeds: int,
    held_out: tuple[str, ...],
    gold_only: bool,
    preset: str,
    steps: int,
    batch_tokens: int,
    length: int | None,
    learning_rate: float,
    held_out_tokens: int,
    workers: int | None,
) -> None:
    """Compare what models learn from two or more ways to make data: finished runs, or manifests on one profile.

    Manifests are run first, the later ones with the first one's tokenizer. Then proxies are trained on each arm, at equal
    tokens, equal repetition and equal seeds, and scored on text that no arm was trained on. Told is, for each pair of
    arms, on which domains the one is better by more than the seeds explain (95 %).

    \b
    winnow ablate mid --raw                                  does curation pay?
    winnow ablate mid strict=my/strict.yaml                  a threshold, on the sample
    winnow ablate runs/a runs/b --held-out code=gold/code.jsonl
    """
    proxies.need_torch()
    from winnow.experiments.ablation import Ablation, ablate, lines
    from winnow.experiments.arms import open_arms
    from winnow.experiments.proxy import Model
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.running.failures import RunFailed

    folder = proxies.folder(out)
    gold = proxies.gold(held_out)
    if gold_only and not gold:
        raise ConfigurationError("--gold-only: there is no gold, name some by --held-out DOMAIN=FILE")
    console = terminal.console()
    try:
        corpora = open_arms(arms, profile, Path(folder), raw=raw, workers=workers, console=console)
        asked = Ablation(
            model=Model(preset=preset, steps=steps, batch_tokens=batch_tokens, learning_rate=learning_rate),
            length=length or proxies.length_for(corpora),
            held_out_tokens=held_out_tokens,
            seeds=seeds,
            gold=gold,
            own=not gold_only,
        )
        compared = ablate(corpora, folder, asked, cluster=proxies.cluster(workers), console=console)
    except (RunFailed, KeyboardInterrupt) as ended:
        proxies.stopped(ended)
    for line in lines(compared):
        terminal.say(line)
