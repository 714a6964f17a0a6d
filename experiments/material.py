"""What proxies of one experiment share, made in this order: tokenizer, held-out text, limits of draws, pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from winnow.experiments import held_out, pool
from winnow.experiments.corpus import Corpus
from winnow.experiments.held_out import Gold
from winnow.pipeline.running.runner import Runner

Cluster = Callable[[], AbstractContextManager[Any]]
"""Makes the Dask client that proxies are trained by, when the first one is to be."""


def prepare(
    runner: Runner,
    corpora: Sequence[Corpus],
    shares: Mapping[Corpus, float],
    gold: Sequence[Gold],
    *,
    length: int,
    held_out_tokens: int,
    seed: int,
    own: bool = True,
) -> None:
    """Works these steps: text is held out of `corpora`, and `shares` says what part of the full run a model reads of each.

    A run may be in `shares` under several names, thinned for models that read more or less.
    """
    runner.run(pool.COPY_TOKENIZER, [pool.tokenizer_unit(corpora[0])])
    unit = held_out.hold_out_unit(corpora, gold, length=length, tokens=held_out_tokens, seed=seed, own=own)
    runner.run(held_out.HOLD_OUT, [unit])
    runner.run(pool.THIN, pool.thin_units(shares, length=length, seed=seed))
    runner.run(pool.POOL, [unit for corpus in shares for unit in pool.pool_units(corpus, length=length, seed=seed)])
