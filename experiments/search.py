"""The search: proxies on many mixtures of one run, surfaces through what they score, and the best mixture there is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from winnow.experiments import pool
from winnow.experiments.corpus import Corpus, open_corpus
from winnow.experiments.design import NoRoom, design
from winnow.experiments.feasibility import mixture_with, most_shares, unmet
from winnow.experiments.held_out import Gold
from winnow.experiments.material import Cluster, prepare
from winnow.experiments.optimum import Objective, Uncertainty, best, objective, rounded, uncertainty
from winnow.experiments.proxy import (
    PROXY,
    VALIDATION,
    Model,
    Scored,
    check_equal_compute,
    check_model,
    proxy_unit,
    read_scored,
)
from winnow.experiments.regression import Floats, Surface, cross_validated, fit, rank_correlation
from winnow.experiments.remix import Recipe, asked_tokens
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.running.lease import alone
from winnow.pipeline.running.progress import RunProgress
from winnow.pipeline.running.runner import Runner
from winnow.stages.run.unit import Unit
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.emit import Method

RESULT = "search.json"
GIVEN, FOUND = "given", "found"
TRIED = 12  # mixtures that the best one is looked for from


@dataclass(frozen=True, kw_only=True)
class Search:
    """What to search, and with what proxies. `tokens`: of the full run whose mixture is looked for."""

    proxies: int
    model: Model
    length: int
    held_out_tokens: int
    seed: int
    weights: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()
    tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the proxies showed: the design and their scores, the surfaces through them, and the mixture that is best."""

    corpus: Corpus
    search: Search
    sources: tuple[str, ...]
    tokens: int
    most: Floats
    scored: tuple[Scored, ...]
    wanted: Objective
    surfaces: Mapping[str, Surface]
    correlation: Mapping[str, float]
    overall: float
    found: Floats
    error: Uncertainty
    unmet: tuple[str, ...]

    @property
    def shares(self) -> Floats:
        """What each proxy was trained on, [N, sources]."""
        return shares_of(self.scored, self.sources)

    @property
    def given(self) -> Floats:
        return given_shares(self.corpus, self.sources)

    def change(self, domain: str) -> float:
        """Bits per byte that the found mixture adds (below 0: saves) on a domain, by its surface."""
        surface = self.surfaces[domain]
        return float(surface(self.found) - surface(self.given))

    @property
    def gain(self) -> float:
        """Bits per byte that the found mixture saves by the objective."""
        return -float(self.wanted({domain: self.change(domain) for domain in self.surfaces}))


def given_shares(corpus: Corpus, sources: Sequence[str]) -> Floats:
    """The shares that the run's own manifest gives."""
    return np.array([corpus.mixture.source_shares()[source] for source in sources])


def shares_of(scored: Sequence[Scored], sources: Sequence[str]) -> Floats:
    return np.array([[one.share(source) for source in sources] for one in scored])


def search(
    run: str, out: str, asked: Search, *, cluster: Cluster, console: Any, validation: Validation | None = None
) -> tuple[Result, list[Scored]]:
    """Works off what isn't done of a search in the folder `out`; returns what it found and the models that validate it.

    Raises `ConfigurationError` for a run or an objective that can't be searched, `RunFailed` for proxies that failed.
    """
    corpus, larger = open_corpus(run, "run"), open_corpus(run, "validation")
    tokens = _check(corpus, asked, [asked.model, *([validation.model] if validation else [])])
    workspace = Workspace(out)
    with (
        alone(workspace),
        RunProgress(console) as progress,
        Runner(workspace, cluster, progress) as runner,
    ):
        workspace.remove_leftovers()
        prepare(
            runner,
            [corpus],
            {
                corpus: asked.model.tokens / tokens,
                **({larger: validation.model.tokens / tokens} if validation is not None else {}),
            },
            asked.gold,
            length=asked.length,
            held_out_tokens=asked.held_out_tokens,
            seed=asked.seed,
        )
        sources = tuple(sorted(corpus.mixture.source_shares()))
        most = most_shares(corpus, sources, tokens)
        mixtures = _design(corpus, sources, most, tokens, asked)
        units = [
            _unit(f"mixture-{number:03d}", corpus, sources, shares, asked.model, asked, asked.seed)
            for number, shares in enumerate(mixtures)
        ]
        runner.run(PROXY, units)
        scored = [read_scored(workspace, unit.name) for unit in units]
        check_equal_compute(scored)
        result = _conclude(corpus, asked, sources, most, tokens, scored)
        validated = []
        if validation is not None:
            pairs = [
                _unit(f"{name}-{seed}", larger, sources, shares, validation.model, asked, seed)
                for name, shares in ((GIVEN, result.given), (FOUND, result.found))
                for seed in range(validation.seeds)
            ]
            runner.run(VALIDATION, pairs)
            validated = [read_scored(workspace, unit.name) for unit in pairs]
            check_equal_compute(validated)
    workspace.write_bytes(
        RESULT, (json.dumps(as_json(result, validated), ensure_ascii=False, indent=1) + "\n").encode()
    )
    return result, validated


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A larger model that is trained on both mixtures, once a seed."""

    model: Model
    seeds: int


def _check(corpus: Corpus, asked: Search, models: Sequence[Model]) -> int:
    """The tokens of the full run. Raises `ConfigurationError` for what a search can't say anything of."""
    manifest = corpus.manifest
    if manifest.mixture.natural:
        raise ConfigurationError(
            f"{corpus.run}: mixture.natural uses all that is there, so there is no mixture to find"
        )
    if any(phase.sources or phase.languages for phase in manifest.curriculum):
        raise ConfigurationError(
            f"{corpus.run}: its phases have shares of their own, and a search finds one mixture for all of them"
        )
    if len(corpus.mixture.source_shares()) < 2:
        raise ConfigurationError(f"{corpus.run}: a mixture of one source can't be any other")
    objective(asked.weights, asked.floors, [*corpus.mixture.source_shares(), *(gold.domain for gold in asked.gold)])
    tokens = asked.tokens or corpus.tokens
    for model in models:
        check_model(model, asked.length)
        if model.tokens > tokens:
            raise ConfigurationError(
                f"a {model.preset} of {model.steps} steps of {model.batch_tokens:,} tokens reads more than the full run's "
                f"{tokens:,}: fewer steps, or --tokens for a larger run"
            )
    return tokens


def _design(corpus: Corpus, sources: Sequence[str], most: Floats, tokens: int, asked: Search) -> Floats:
    given = given_shares(corpus, sources)
    try:
        return design(
            given,
            np.maximum(most, given),  # what the run was given it can have, whatever rounding says
            asked.proxies,
            asked.seed,
            lambda shares: not unmet(corpus, mixture_with(corpus.mixture, sources, shares, tokens)),
        )
    except NoRoom as error:
        raise ConfigurationError(f"{corpus.run}: {error}: a smaller full run, by --tokens, leaves room") from None


def _unit(
    name: str, corpus: Corpus, sources: Sequence[str], shares: Floats, model: Model, asked: Search, seed: int
) -> Unit[Any]:
    rows = model.tokens // asked.length
    recipe = Recipe(
        mixture=mixture_with(corpus.mixture, sources, shares, asked_tokens(rows, asked.length)),
        method=Method(corpus.manifest.packing.value),
        length=asked.length,
        rows=rows,
        loss_mask=corpus.loss_mask,
        seed=asked.seed,
    )
    return proxy_unit(name, pool=pool.pool_files(corpus), recipe=recipe, model=model, seed=seed)


def _conclude(
    corpus: Corpus, asked: Search, sources: tuple[str, ...], most: Floats, tokens: int, scored: list[Scored]
) -> Result:
    shares = shares_of(scored, sources)
    domains = sorted(scored[0].bits_per_byte)
    bits = {domain: np.array([one.bits_per_byte[domain] for one in scored]) for domain in domains}
    preferred = [gold.domain for gold in asked.gold]
    wanted = objective(asked.weights or tuple(f"{name}=1" for name in preferred), asked.floors, domains)
    surfaces = {domain: fit(shares, values) for domain, values in bits.items()}
    said = {domain: cross_validated(shares, values) for domain, values in bits.items()}
    given = given_shares(corpus, sources)
    low = np.minimum(shares.min(axis=0), given)
    high = np.maximum(np.minimum(shares.max(axis=0), most), given)
    value = wanted({domain: surface(shares) for domain, surface in surfaces.items()})
    starts = np.concatenate([given[None], np.clip(shares[np.argsort(value)[:TRIED]], low, high)])
    exact = best(surfaces, wanted, given, low, high, starts)
    found = rounded(exact) / 100
    return Result(
        corpus=corpus,
        search=asked,
        sources=sources,
        tokens=tokens,
        most=most,
        scored=tuple(scored),
        wanted=wanted,
        surfaces=surfaces,
        correlation={domain: rank_correlation(said[domain], bits[domain]) for domain in domains},
        overall=rank_correlation(wanted(said), wanted(bits)),
        found=found,
        error=uncertainty(shares, bits, wanted, given, found, low, high),
        unmet=tuple(unmet(corpus, mixture_with(corpus.mixture, sources, found, tokens))),
    )


def as_json(result: Result, validated: Sequence[Scored]) -> dict[str, Any]:
    """Everything that the search showed, for other programs."""
    return {
        "run": result.corpus.lock,
        "tokens": result.tokens,
        "sources": list(result.sources),
        "most": result.most.tolist(),
        "given": result.given.tolist(),
        "found": result.found.tolist(),
        "found_error": result.error.shares.tolist(),
        "objective": {"weights": dict(result.wanted.weights), "floors": dict(result.wanted.floors)},
        "gain": result.gain,
        "gain_error": result.error.gain,
        "changes": {domain: result.change(domain) for domain in result.surfaces},
        "changes_error": dict(result.error.domains),
        "rank_correlation": {"objective": result.overall, **result.correlation},
        "surfaces": {
            domain: {"floor": surface.floor, "bias": surface.bias, "slopes": surface.slopes.tolist()}
            for domain, surface in result.surfaces.items()
        },
        "unmet": list(result.unmet),
        "proxies": [asdict(one) for one in result.scored],
        "validated": [asdict(one) for one in validated],
        "model": asdict(result.search.model),
    }
