"""Arms: the runs that an ablation compares, made from manifests on one profile where they aren't there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from winnow.experiments.corpus import Corpus, open_corpus
from winnow.filters.recipes import find_recipe
from winnow.pipeline.configuration.manifest import Deduplicate, Filter, Manifest
from winnow.pipeline.configuration.packaged import MANIFESTS
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import Settings, load_settings
from winnow.pipeline.proof.lock import PATH
from winnow.pipeline.running.conductor import conduct
from winnow.stages.measuring import LABEL
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens.sample import FOLDER as TOKENIZER

RAW = "raw"


def open_arms(
    given: Sequence[str], profile: str, folder: Path, *, raw: bool, workers: int | None, console: Any
) -> list[Corpus]:
    """The arms as corpora, manifests run into `folder/arms/` first.

    Raises `ConfigurationError` for what is neither a run nor a manifest, and for fewer than two arms.
    """
    named = [_named(arm) for arm in given]
    if raw:
        named.append((RAW, named[0][1]))
    names = [name for name, _ in named]
    if len(named) < 2:
        raise ConfigurationError("one arm compares with nothing: name a second manifest or run, or --raw")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"two arms are called {twice[0]}: name them, as {twice[0]}2={dict(named)[twice[0]]}")
    runs: list[str] = []
    for place, (name, arm) in enumerate(named):
        if Workspace(arm).exists(PATH):
            if raw and place in (0, len(named) - 1):
                raise ConfigurationError(
                    f"--raw: {arm} is a run; a raw arm is made from a manifest, name the first arm's"
                )
            runs.append(arm)
            continue
        settings = load_settings(arm, profile)
        if raw and place == len(named) - 1:
            settings = replace(settings, manifest=as_it_came(settings.manifest))
        if runs:
            settings = replace(settings, manifest=sharing_tokenizer(settings.manifest, runs[0]))
        runs.append(_worked(settings, folder / "arms" / name, name, workers, console))
    return [open_corpus(run, name) for run, (name, _) in zip(runs, named, strict=True)]


def _named(arm: str) -> tuple[str, str]:
    """`strict=my/strict.yaml` as name and place; without a name, what the manifest or the run's folder is called."""
    name, sign, place = arm.partition("=")
    if not sign:
        name, place = Path(arm.rstrip("/")).stem, arm
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigurationError(f"an arm called {name!r}: letters, digits, - and _ make a name, as in strict={place}")
    packaged = (MANIFESTS / f"{place}.yaml").exists()
    if not packaged and not Workspace(place).exists(PATH) and not Path(place).is_file():
        raise ConfigurationError(f"{place} is neither a finished run nor a manifest")
    return name, place


def as_it_came(manifest: Manifest) -> Manifest:
    """The same sources and shares without an edit, a filter, a level of de-duplication or a benchmark.

    What tells languages goes on measuring, and drops nothing: the mixture may ask shares of them. Buckets of quality go.
    """
    measuring = [entry for entry in manifest.filters if entry.gives(LABEL)]
    return manifest.model_copy(
        update={
            "edits": (),
            "filters": tuple(_deciding_nothing(entry) for entry in measuring),
            "deduplicate": Deduplicate(),
            "decontaminate": None,
            "rejection_sampling": None,
            "mixture": manifest.mixture.model_copy(update={"quality": None, "bucket_epochs": {}}),
        }
    )


def _deciding_nothing(entry: Filter) -> Filter:
    rules = find_recipe(entry.recipe).rules
    return entry.model_copy(update={"thresholds": {rule.name: None for rule in rules}})


def sharing_tokenizer(manifest: Manifest, run: str) -> Manifest:
    """The manifest with the tokenizer of a run, so that equal tokens are equal text."""
    path = str(Path(run).resolve() / TOKENIZER)
    return manifest.model_copy(update={"tokenizer": manifest.tokenizer.model_copy(update={"path": path})})


def _worked(settings: Settings, out: Path, name: str, workers: int | None, console: Any) -> str:
    console.print(f"arm {name}: {settings.manifest.stage} in {out}", markup=False)
    conduct(settings, str(out), workers=workers, scheduler=None, until=None, console=console)
    return str(out)
