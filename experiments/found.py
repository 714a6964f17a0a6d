"""The found mixture as a manifest that extends the one it was looked for around, with its evidence in comments."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from winnow.experiments.corpus import Corpus
from winnow.experiments.optimum import rounded
from winnow.experiments.proxy import Scored
from winnow.experiments.search import FOUND, GIVEN, Result
from winnow.experiments.verdict import Difference, difference
from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.packaged import MANIFESTS
from winnow.pipeline.configuration.reading import EXTENDS, ConfigurationError, read_model

WIDTH = 118


def base_of(corpus: Corpus, named: str | None) -> tuple[str, Manifest]:
    """What the found manifest extends, as it is to be written, and that manifest: by name or path, else by the stage.

    Raises `ConfigurationError` where it isn't the one that the run was built from.
    """
    name = named or corpus.manifest.stage
    path = Path(name) if name.endswith((".yaml", ".yml")) else MANIFESTS / f"{name}.yaml"
    if not path.exists():
        raise ConfigurationError(f"there is no manifest {path}: say by --stage which one the run was built from")
    manifest = read_model(path, Manifest)
    if set(manifest.mixture.weights()) != set(corpus.manifest.mixture.weights()):
        raise ConfigurationError(
            f"{path} has other sources than {corpus.run} was built with: say by --stage which manifest that was"
        )
    return name, manifest


def write_manifest(path: Path, result: Result, validated: Sequence[Scored], extended: str, base: Manifest) -> None:
    """Writes the manifest: `extends`, the mixture with the found shares, and what speaks for it."""
    if extended.endswith((".yaml", ".yml")):
        extended = os.path.relpath(extended, path.parent)
    mixture: dict[str, Any] = base.mixture.model_dump(mode="json", exclude_defaults=True)
    per_cent = rounded(result.found)
    mixture["sources"] = {
        source: float(share) for source, share in zip(result.sources, per_cent, strict=True) if share > 0
    }
    mixture["source_epochs"] = {
        source: cap for source, cap in base.mixture.source_epochs.items() if source in mixture["sources"]
    }
    mixture.pop("temperature", None)
    if not mixture["source_epochs"]:
        del mixture["source_epochs"]
    mixture["tokens"] = result.tokens
    body = yaml.safe_dump({EXTENDS: extended, "mixture": mixture}, sort_keys=False, allow_unicode=True)
    comments = "".join(f"# {line}".rstrip() + "\n" for line in evidence(result, validated))
    path.write_text(f"{comments}{body}", "utf-8")


def evidence(result: Result, validated: Sequence[Scored]) -> Iterator[str]:
    """What the search showed, line by line."""
    model = result.search.model
    weights = ", ".join(f"{domain} {weight:.2g}" for domain, weight in result.wanted.weights.items())
    yield f"Found by `winnow mix search`: {len(result.scored)} proxies ({model.preset}, {model.tokens:,} tokens each at the"
    yield f"repetition of a full run of {result.tokens:,} tokens, seed {result.search.seed})."
    yield f"Objective: bits per byte, weighed by {weights}."
    for domain, part in result.wanted.floors.items():
        yield f"Floor: {domain} at most {part:.1%} worse than with the given mixture."
    yield (
        f"Said of proxies left out: rank correlation {result.overall:.2f} on the objective; by domain "
        + ", ".join(f"{domain} {value:.2f}" for domain, value in result.correlation.items())
        + "."
    )
    yield ""
    yield f"{'source':<28}{'given':>8}{'found':>8}{'±':>6}{'at most':>9}   per cent"
    for place, source in enumerate(result.sources):
        row = (
            100 * result.given[place],
            100 * result.found[place],
            100 * result.error.shares[place],
            100 * result.most[place],
        )
        yield f"{source:<28}{row[0]:>8.1f}{row[1]:>8.1f}{row[2]:>6.1f}{row[3]:>9.1f}"
    yield ""
    yield f"{'domain':<28}{'change':>9}{'±':>7}   bits per byte, by the fitted surface; below 0 is better"
    for domain in result.surfaces:
        yield f"{domain:<28}{result.change(domain):>+9.4f}{result.error.domains[domain]:>7.4f}"
    yield f"{'the objective':<28}{-result.gain:>+9.4f}{result.error.gain:>7.4f}   ± by leaving out one proxy at a time"
    for line in result.unmet:
        yield f"Not met by a full run: {line}"
    if validated:
        yield ""
        yield from validation_lines(result, validated)


def validation_lines(result: Result, validated: Sequence[Scored]) -> Iterator[str]:
    """Given and found mixture compared on models that the surfaces never saw."""
    seeds = len({one.seed for one in validated})
    yield f"Validation: found less given, trained {seeds} times each with equal seeds, bits per byte:"
    for domain, found in validation(result, validated).items():
        yield f"{domain:<28}{found.mean:>+9.4f}{found.error:>7.4f}   {found.verdict}"


def validation(result: Result, validated: Sequence[Scored]) -> Mapping[str, Difference]:
    """By domain and on the objective, seed by seed."""
    arms = {
        name: sorted((one for one in validated if one.name.startswith(f"{name}-")), key=lambda one: one.seed)
        for name in (GIVEN, FOUND)
    }
    found = {
        domain: difference(
            [one.bits_per_byte[domain] for one in arms[FOUND]], [one.bits_per_byte[domain] for one in arms[GIVEN]]
        )
        for domain in result.surfaces
    }
    overall = [[float(result.wanted(one.bits_per_byte)) for one in arms[name]] for name in (FOUND, GIVEN)]
    return {**found, "the objective": difference(*overall)}
