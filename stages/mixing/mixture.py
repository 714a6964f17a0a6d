"""The mixture: what shares of sources and languages a run asks for, and the phases of its curriculum."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from winnow.stages.run.unit import Unworkable

OTHER = "other"
FILLER = 1.0  # tokens of shorter documents in a phase for each of those that need its length
SPLIT = 0.001  # how readily a document goes to a phase that has to split it


class MixtureError(Unworkable, ValueError):
    """A mixture that asks for what isn't there: names the source and what to do."""


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """What is asked: shares of any sum by source and, at the same time, by language (`other`: all not named).

    Without `other`, the shares of languages are of the tokens in the named languages. `tokens` None: as many as the
    shares and epochs allow. Weights of sources are raised to 1/temperature. Epochs say how often a document may be used
    at the most; the cap of a source or of a quality bucket goes before the general one, the smaller of both counts.
    """

    sources: Mapping[str, float]
    languages: Mapping[str, float] = field(default_factory=dict)
    tokens: int | None = None
    temperature: float = 1.0
    epochs: float = 1.0
    source_epochs: Mapping[str, float] = field(default_factory=dict)
    bucket_epochs: Mapping[int, float] = field(default_factory=dict)
    natural: bool = False  # shares of sources are what is there of each; those given count no more

    def source_shares(self, changed: Mapping[str, float] | None = None) -> dict[str, float]:
        """The shares of sources, of sum 1; of the `changed` ones where a phase has its own."""
        weights = changed or self.sources
        return _normalised({name: weight ** (1 / self.temperature) for name, weight in weights.items() if weight})

    def language_shares(self, changed: Mapping[str, float] | None = None) -> dict[str, float]:
        return _normalised(changed or self.languages)

    def cap(self, source: str, bucket: int) -> float:
        """How often a document may be used."""
        special = [
            *([self.source_epochs[source]] if source in self.source_epochs else []),
            *([self.bucket_epochs[bucket]] if bucket in self.bucket_epochs else []),
        ]
        return min(special, default=self.epochs)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A phase of the curriculum, as the mixture sees it; `sources` and `languages` are shares of its own, if any."""

    name: str
    length: int
    share: float
    splits: bool = False  # takes documents that it has to split, even where a longer phase could hold them
    sources: Mapping[str, float] = field(default_factory=dict)
    languages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class Cell:
    """What the mixture tells apart. `length` is that of the shortest phase that holds the documents, 0 if none does."""

    source: str
    language: str
    bucket: int
    length: int


def overall(
    shares: Callable[[Mapping[str, float] | None], dict[str, float]], own: Sequence[tuple[float, Mapping[str, float]]]
) -> dict[str, float]:
    """Shares over all phases, each phase a (share, its own shares or none): `Mixture.source_shares` or `language_shares`.

    None where a phase leaves them open.
    """
    if not any(changed for _, changed in own):
        return shares(None)
    whole = sum(part for part, _ in own)
    found: dict[str, float] = {}
    for part, changed in own:
        if not shares(changed):
            return {}
        for name, share in shares(changed).items():
            found[name] = found.get(name, 0.0) + share * part / whole
    return found


def named_languages(mixture: Mixture, phases: Sequence[Phase]) -> list[str]:
    """The languages that the mixture or a phase gives a share of its own, sorted."""
    named = {*mixture.languages, *(language for phase in phases for language in phase.languages)}
    return sorted(named - {OTHER})


def length_class(phases: Sequence[Phase], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For documents of so many tokens, the length of the shortest phase that holds each, 0 where none does."""
    known = np.array([*sorted({phase.length for phase in phases}), 0])
    return known[np.searchsorted(known[:-1], lengths)]


def affinity(
    lengths: npt.NDArray[np.int64], tokens: npt.NDArray[np.float64], phases: Sequence[Phase]
) -> npt.NDArray[np.float64]:
    """How readily documents of classes of length go to each phase [classes, phases]; `tokens` are those of each class.

    1 where the phase is the shortest that holds them (or the longest there is), 0 where they may not go. Shorter ones
    fill up what these leave free: without them, sequences of documents just over half as long stay a quarter empty.
    """
    longest = max(phase.length for phase in phases)
    readily = np.zeros((len(lengths), len(phases)))
    for place, phase in enumerate(phases):
        own = lengths == phase.length if phase.length < longest else (lengths == longest) | (lengths == 0)
        shorter = (lengths > 0) & (lengths < phase.length)
        readily[:, place] = SPLIT if phase.splits else 0.0
        readily[own, place] = 1.0
        if shorter.any():
            readily[shorter, place] = min(1.0, FILLER * tokens[own].sum() / max(tokens[shorter].sum(), 1.0)) or 1.0
    return readily


def _normalised(weights: Mapping[str, float]) -> dict[str, float]:
    whole = sum(weights.values())
    return {name: weight / whole for name, weight in weights.items() if weight}
