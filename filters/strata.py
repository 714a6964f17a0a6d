"""Labels within a source and a language: what keeps a classifier from learning where a text comes from.

Where good documents come from one place and poor ones from another, the place is the easiest thing to learn, and a model
that did says nothing of pages from a third. `balanced` makes as many documents of each label in every stratum (a source and
a language, say), so that knowing the stratum tells nothing of the label. `unseen_sources` asks what a model is worth on a
source that it was not shown: for each group of sources one is fitted on the others, and how often it puts a better document
of one stratum above a poorer one (the area under the curve, 0.5 by chance) is told with its 95 % interval over documents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Scores = Callable[[pa.Table, pa.Table], Mapping[str, Floats]]
"""Of documents to learn from and documents to score: the probability of each label for the latter."""

REPEATS = 8
"""How often a document of a label that a stratum has few of is repeated at most; the other labels' are sampled beyond it."""
GROUPS = 5
"""Sources are put into so many groups at most, and one model is fitted without each."""
DRAWS = 1_000
"""Draws of documents, with return, from which an interval comes."""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """How a label is told from the others within strata of sources that the model wasn't shown."""

    label: str
    area: float  # share of pairs of one stratum, one with the label and one without, that are in the right order
    low: float
    high: float
    documents: int

    @property
    def beats_chance(self) -> bool:
        return self.low > 0.5


def strata(labelled: pa.Table, within: Sequence[str]) -> npt.NDArray[np.int64]:
    """The number of each document's stratum: its values in the columns `within` together."""
    keys = list(zip(*(labelled[name].to_pylist() for name in within), strict=True))
    place = {key: at for at, key in enumerate(sorted(set(keys), key=repr))}
    return np.array([place[key] for key in keys], np.int64)


def balanced(labelled: pa.Table, within: Sequence[str], seed: int = 0) -> pa.Table:
    """As many documents of each label in every stratum: the fewer ones repeated, up to `REPEATS` times; in the order given.

    Which are repeated once more, or left out where that isn't enough, is told by a hash of the text. A stratum that lacks a
    label is left out. Raises `ValueError` when none has all of them.
    """
    labels = np.array(labelled["label"].to_pylist(), object)
    wanted = sorted(set(labels.tolist()))
    groups = strata(labelled, within)
    order = np.array([draw(text, seed) for text in labelled["text"].to_pylist()])
    times = np.zeros(len(labels), np.int64)
    for group in range(int(groups.max(initial=-1)) + 1):
        rows = [np.flatnonzero((groups == group) & (labels == label)) for label in wanted]
        wanted_rows = min(max(map(len, rows)), REPEATS * min(map(len, rows)))
        for own in rows:
            if wanted_rows:
                ranked = own[np.argsort(order[own], kind="stable")]
                times[ranked] = wanted_rows // len(own)
                times[ranked[: wanted_rows % len(own)]] += 1
    if not times.any():
        raise ValueError(f"no stratum of {' and '.join(within)} has documents of every label: {', '.join(wanted)}")
    return labelled.take(pa.array(np.repeat(np.arange(len(times)), times)))


def unseen_sources(
    labelled: pa.Table, within: Sequence[str], scores: Scores, *, document: str | None = None, seed: int = 0
) -> list[Unseen]:
    """What models of balanced documents are worth on sources (the first column of `within`) that they weren't shown.

    Empty with a single source. Rows with an equal value in the column `document` are passages of one document, which are
    drawn together.
    """
    sources = labelled[within[0]].to_pylist()
    names = sorted(set(sources), key=lambda name: (draw(str(name), seed), str(name)))
    if len(names) < 2:
        return []
    group_of = {name: at % GROUPS for at, name in enumerate(names)}
    groups = np.array([group_of[name] for name in sources])
    wanted = sorted({str(label).replace(" ", "_") for label in labelled["label"].to_pylist()})
    found = {label: np.full(labelled.num_rows, np.nan) for label in wanted}
    for group in sorted(set(groups.tolist())):
        hidden = groups == group
        try:
            shown = balanced(labelled.filter(pa.array(~hidden)), within, seed)
        except ValueError:
            continue
        if len(set(shown["label"].to_pylist())) < len(wanted):  # nothing to learn it from without this group
            continue
        given = scores(shown, labelled.filter(pa.array(hidden)))
        for label in wanted:
            found[label][hidden] = given[label]
    places = strata(labelled, within)
    truth = np.array([str(label).replace(" ", "_") for label in labelled["label"].to_pylist()], object)
    # Of two labels the second's order is the first's, turned round.
    asked = wanted[-1:] if len(wanted) == 2 else wanted
    whole = labelled[document].to_pylist() if document else range(labelled.num_rows)
    _, documents = np.unique(np.array(list(whole)), return_inverse=True)
    return [_judged(label, truth == label, found[label], places, documents, seed) for label in asked]


def _judged(
    label: str,
    true: npt.NDArray[np.bool_],
    scores: Floats,
    places: npt.NDArray[np.int64],
    documents: npt.NDArray[np.int64],
    seed: int,
) -> Unseen:
    known = np.flatnonzero(~np.isnan(scores))
    area = area_within(true[known], scores[known], places[known])
    order = known[np.argsort(documents[known], kind="stable")]
    rows_of = np.split(order, np.flatnonzero(np.diff(documents[order])) + 1)
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS if np.isfinite(area) else 0):
        rows = np.concatenate([rows_of[at] for at in generator.integers(0, len(rows_of), len(rows_of))])
        drawn.append(area_within(true[rows], scores[rows], places[rows]))
    low, high = np.nanquantile(drawn, [0.025, 0.975]) if drawn else (np.nan, np.nan)
    return Unseen(label=label, area=area, low=float(low), high=float(high), documents=len(rows_of))


def area_within(true: npt.NDArray[np.bool_], scores: Floats, places: npt.NDArray[np.int64]) -> float:
    """The share of pairs of one stratum in the right order, ties half; nan without a pair."""
    right = pairs = 0.0
    for place in np.unique(places):
        inside = places == place
        above, below = scores[inside & true], np.sort(scores[inside & ~true])
        right += float((np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")).sum()) / 2
        pairs += len(above) * len(below)
    return right / pairs if pairs else float("nan")


def draw(text: str, seed: int) -> int:
    """64 bits that follow from a text and a seed, whatever stands around it."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{text}".encode(), digest_size=8).digest(), "little")
