"""An ablation: proxies on two or more corpora, at equal tokens and equal repetition, and what sets them apart.

Arms are finished runs, or manifests on one profile that are run first. All read one tokenizer's ids, as many rows of one
length, with equal seeds; each is scored on text held out of every arm, its own and the others', and on gold of the
user's. Text like an arm's own favours that arm, so the verdict is told for each arm's text apart; gold favours none.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from winnow.experiments import pool
from winnow.experiments.corpus import Corpus
from winnow.experiments.held_out import Gold
from winnow.experiments.material import Cluster, prepare
from winnow.experiments.proxy import PROXY, Model, Scored, check_equal_compute, check_model, proxy_unit, read_scored
from winnow.experiments.remix import Recipe, asked_tokens
from winnow.experiments.verdict import Difference, difference, sentence
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.running.lease import alone
from winnow.pipeline.running.progress import RunProgress
from winnow.pipeline.running.runner import Runner
from winnow.stages.mixing.mixture import Mixture
from winnow.stages.run.unit import Unit
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.emit import Method

RESULT = "ablation.json"


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """With what proxies arms are compared. `own`: also on text held out of the arms, not on gold alone."""

    model: Model
    length: int
    held_out_tokens: int
    seeds: int
    seed: int = 0
    gold: tuple[Gold, ...] = ()
    own: bool = True


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The scores of all arms, and for each pair its differences by domain: the first arm's bits less the second's."""

    scored: Mapping[str, tuple[Scored, ...]]
    differences: Mapping[tuple[str, str], Mapping[str, Difference]]


def ablate(corpora: Sequence[Corpus], out: str, asked: Ablation, *, cluster: Cluster, console: Any) -> Compared:
    """Works off what isn't done of an ablation in the folder `out`; writes `ablation.json` there.

    Raises `ConfigurationError` for arms that can't be compared, `RunFailed` for proxies that failed.
    """
    check_arms(corpora, asked)
    workspace = Workspace(out)
    whole = min(corpus.tokens for corpus in corpora)
    with (
        alone(workspace),
        RunProgress(console) as progress,
        Runner(workspace, cluster, progress) as runner,
    ):
        workspace.remove_leftovers()
        share = asked.model.tokens / whole
        prepare(
            runner,
            corpora,
            {corpus: share for corpus in corpora},
            asked.gold,
            length=asked.length,
            held_out_tokens=asked.held_out_tokens,
            seed=asked.seed,
            own=asked.own,
        )
        units = {corpus.name: [arm_unit(corpus, asked, seed) for seed in range(asked.seeds)] for corpus in corpora}
        runner.run(PROXY, [unit for mine in units.values() for unit in mine])
        scored = {name: tuple(read_scored(workspace, unit.name) for unit in mine) for name, mine in units.items()}
    check_equal_compute([one for mine in scored.values() for one in mine])
    compared = Compared(scored=scored, differences=differences(scored))
    workspace.write_bytes(RESULT, (json.dumps(as_json(compared, asked), ensure_ascii=False, indent=1) + "\n").encode())
    return compared


def check_arms(corpora: Sequence[Corpus], asked: Ablation) -> None:
    """Raises `ConfigurationError` for arms of which nothing could be said."""
    first = corpora[0]
    for other in corpora[1:]:
        if other.tokenizer["digest"] != first.tokenizer["digest"]:
            raise ConfigurationError(
                f"{first.run} and {other.run} have different tokenizers, so equal tokens are different text: build the "
                f"second with `tokenizer: {{path: {first.run}/tokenizer}}`"
            )
        if other.loss_mask != first.loss_mask:
            raise ConfigurationError(f"{first.run} and {other.run} learn from different tokens (`loss`)")
    check_model(asked.model, asked.length)
    for corpus in corpora:
        if asked.model.tokens > corpus.tokens:
            raise ConfigurationError(
                f"a proxy of {asked.model.steps} steps of {asked.model.batch_tokens:,} tokens reads more than {corpus.run} "
                f"has, {corpus.tokens:,}: fewer --steps"
            )


def arm_unit(corpus: Corpus, asked: Ablation, seed: int) -> Unit[Any]:
    """A proxy of one arm and one seed: the seed of its weights and of its mixture's order."""
    rows = asked.model.tokens // asked.length
    recipe = Recipe(
        mixture=overall_mixture(corpus, asked_tokens(rows, asked.length)),
        method=Method(corpus.manifest.packing.value),
        length=asked.length,
        rows=rows,
        loss_mask=corpus.loss_mask,
        seed=asked.seed + seed,
    )
    return proxy_unit(
        f"{corpus.name}-{seed}", pool=pool.pool_files(corpus), recipe=recipe, model=asked.model, seed=seed
    )


def overall_mixture(corpus: Corpus, tokens: int) -> Mixture:
    """The arm's mixture as it was built, over all its phases: shares of sources, with its caps."""
    built = corpus.plan["built"]["sources"]
    mixture = corpus.mixture
    return Mixture(
        sources={source: share for source, share in sorted(built.items()) if share > 0},
        tokens=tokens,
        epochs=mixture.epochs,
        source_epochs=mixture.source_epochs,
        bucket_epochs=mixture.bucket_epochs,
    )


def differences(scored: Mapping[str, Sequence[Scored]]) -> dict[tuple[str, str], dict[str, Difference]]:
    """For each pair of arms, by domain, seed against the same seed."""
    return {
        (one, other): {
            domain: difference(
                [found.bits_per_byte[domain] for found in scored[one]],
                [found.bits_per_byte[domain] for found in scored[other]],
            )
            for domain in sorted(scored[one][0].bits_per_byte)
        }
        for one, other in combinations(scored, 2)
    }


def lines(compared: Compared) -> Iterator[str]:
    """What an ablation showed: bits per byte of each arm by domain, then a verdict for each pair."""
    arms = list(compared.scored)
    domains = sorted(next(iter(compared.scored.values()))[0].bits_per_byte)
    width = max(len(domain) for domain in domains) + 2
    yield f"{'bits per byte':<{width}}" + "".join(f"{arm:>22}" for arm in arms)
    for domain in domains:
        cells = []
        for arm in arms:
            bits = [one.bits_per_byte[domain] for one in compared.scored[arm]]
            cells.append(f"{statistics.mean(bits):.4f} ± {statistics.stdev(bits):.4f}".rjust(22))
        yield f"{domain:<{width}}" + "".join(cells)
    seeds = len(compared.scored[arms[0]])
    yield f"± above is the deviation over {seeds} seeds, below the 95 % interval of the difference:"
    for (one, other), found in compared.differences.items():
        yield sentence(one, other, found)


def as_json(compared: Compared, asked: Ablation) -> dict[str, Any]:
    """Everything that was measured, for other programs."""
    return {
        "model": asdict(asked.model),
        "tokens": asked.model.tokens,
        "arms": {name: [asdict(one) for one in mine] for name, mine in compared.scored.items()},
        "differences": [
            {"arm": one, "other": other, "domains": {domain: asdict(found) for domain, found in by_domain.items()}}
            for (one, other), by_domain in compared.differences.items()
        ],
    }
