"""Options of the commands that train proxies, and what these have in common."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from winnow.formats.addresses import expand
from winnow.pipeline import terminal
from winnow.pipeline.commands.options import parse_option
from winnow.pipeline.configuration.reading import ConfigurationError

if TYPE_CHECKING:
    from winnow.experiments.corpus import Corpus
    from winnow.experiments.held_out import Gold

LONGEST = 512  # tokens of a proxy's rows, unless a run's own are shorter

held_out = click.option(
    "--held-out", multiple=True, metavar="DOMAIN=FILE",
    help="third-party texts to score on, beside the text held out of the sources: Parquet, JSONL, text",
)  # fmt: skip
workers = click.option(
    "--workers", type=click.IntRange(min=1), default=None, help="proxies trained at once [default: one per core]"
)
_MODEL = (
    click.option("--preset", default="tiny", show_default=True, metavar="NAME", help="size of a proxy"),
    click.option("--steps", default=100, show_default=True, type=click.IntRange(min=1), help="of each proxy"),
    click.option("--batch-tokens", default=4096, show_default=True, type=click.IntRange(min=32), help="of a step"),
    click.option(
        "--length",
        type=click.IntRange(min=32),
        help=f"tokens of a row [default: the shortest of the run's phases, at most {LONGEST}]",
    ),
    click.option("--learning-rate", default=8e-3, show_default=True, type=click.FloatRange(min=0, min_open=True)),
    click.option(
        "--held-out-tokens",
        default=16_384,
        show_default=True,
        type=click.IntRange(min=256),
        help="to score each domain on",
    ),
)


def model(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what a proxy is."""
    return reduce(lambda wrapped, option: option(wrapped), reversed(_MODEL), command)


def need_torch() -> None:
    """Raises `ConfigurationError` where the trainer can't be loaded."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(f"{error}: proxies need the trainer, pip install 'winnow-corpora[train]'") from None


def cluster(workers: int | None) -> Callable[[], Any]:
    """Dask workers on this machine, when they are needed."""
    from winnow.pipeline.running.cluster import connect

    return lambda: connect(workers=workers, scheduler=None)


def folder(out: str) -> str:
    """Where an experiment works. Raises `ConfigurationError` for an object store: models are trained on a disk."""
    if "://" in out:
        raise ConfigurationError(f"--out {out}: proxies are trained on a local disk; name a folder")
    return out


def length_for(corpora: Sequence[Corpus]) -> int:
    """Tokens of a proxy's rows, where none are given."""
    return min([LONGEST, *(phase.length for corpus in corpora for phase in corpus.manifest.curriculum)])


def gold(given: Sequence[str]) -> tuple[Gold, ...]:
    """`code=gold/code.jsonl` as domains of text. Raises `ConfigurationError` for a file that isn't there."""
    from winnow.experiments.held_out import Gold
    from winnow.stages.run.unit import Place

    found = []
    for domain, path in map(parse_option, given):
        try:
            files = [Path(file) for file in expand(path)]
        except FileNotFoundError as error:
            raise ConfigurationError(f"--held-out {domain}: {error}") from None
        digest = hashlib.blake2b(digest_size=16)
        for file in files:
            digest.update(file.read_bytes())
        found.append(Gold(domain=domain, place=Place(path), digest=digest.hexdigest()))
    return tuple(found)


def stopped(ended: BaseException) -> NoReturn:
    """Says why an experiment ended before its time, and ends the command."""
    from winnow.pipeline.running.failures import RunFailed

    if isinstance(ended, RunFailed):
        for failure in ended.failures:
            terminal.say(f"{failure.step}/{failure.unit}: {failure.reason}")
        terminal.say(f"{ended}. The others are done; the same command goes on from here.")
        sys.exit(1)
    terminal.say("Stopped. The same command goes on from here.")
    sys.exit(130)
