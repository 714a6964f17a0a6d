"""Learns the block classifier from annotated pages, and measures it on sites it hasn't seen.

    python -m winnow.formats.html.learning.train CLONES --write formats/html/model.npz
    python -m winnow.formats.html.learning.train CLONES --folds 3

CLONES holds the repositories that `annotations`, `newspapers` and `sites` name, `CLONES/owner/name` (`git clone --bare`
each; the files are read at the pinned commits). Trees by scikit-learn's histogram gradient boosting, which the project needs
for nothing else: `pip install scikit-learn readability-lxml` first. Nothing of the pages is kept in the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from winnow.formats.html.classify import LEAF, Forest, beside, grow, site_key
from winnow.formats.html.elements import END, START
from winnow.formats.html.learning.annotations import Kind, Page, load

SHORT_BYTES, SHORT_SHARE = 60, 0.5  # of the short blocks that aren't annotated by hand, so many are enough
LONGEST_SEEN = 2000  # bytes of a block that add to its weight
WEIGHTS = {Kind.ANNOTATED: 2.0, Kind.DOCUMENTATION: 1.0, Kind.NEWS: 1.0}  # of a label that is certain
VOTED = 0.4  # of one that isn't
FOLDS = 3  # the second forest learns from what forests that hadn't seen a site say of it
THRESHOLD = 0.4  # between 0.4 and 0.6 F1 differs by 0.004 at most on documentation; lower keeps references and links
FIRST, SECOND = 80, 120  # trees
TREES = {
    "learning_rate": 0.12,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 30,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}


def learn(pages: Sequence[Page]) -> tuple[Forest, Forest]:
    """Both forests for some pages. The second sees of each page what a first one says that saw no page of its site."""
    matrices = [page.matrix for page in pages]
    for fold in range(FOLDS):
        part = [fold_of(page, FOLDS) == fold for page in pages]
        forest = fit([page for page, held in zip(pages, part, strict=True) if not held], FIRST)
        for index, page in enumerate(pages):
            if part[index]:
                matrices[index] = beside(page.matrix, page.blocks, forest)
    second = fit([replace(page, matrix=matrix) for page, matrix in zip(pages, matrices, strict=True)], SECOND)
    return fit(pages, FIRST), second


def fold_of(page: Page, folds: int, salt: str = "") -> int:
    return int(hashlib.md5((salt + page.site).encode()).hexdigest(), 16) % folds


def fit(pages: Sequence[Page], trees: int) -> Forest:
    """One forest. Each page weighs the square root of its summed weights, each block that of its length."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    parts = []
    for page in pages:
        lengths = (page.blocks.blocks[:, END] - page.blocks.blocks[:, START]).astype(np.float64)
        chosen = (lengths > SHORT_BYTES) | (np.random.default_rng(len(lengths)).random(len(lengths)) < SHORT_SHARE)
        taken = chosen | (page.certain & (page.kind is Kind.ANNOTATED))
        weights = np.sqrt(np.minimum(lengths, LONGEST_SEEN))
        weights *= np.where(page.certain, WEIGHTS[page.kind], VOTED)
        weights *= np.maximum(np.abs(2 * page.labels - 1), 0.1) / max(np.sqrt(np.sqrt(lengths).sum()), 1.0)
        parts.append((page.matrix[taken], page.labels[taken] >= 0.5, weights[taken]))
    matrix, labels, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    forest = HistGradientBoostingClassifier(max_iter=trees, **TREES)
    return forest_of(forest.fit(matrix, labels, sample_weight=weights / weights.mean()))


def forest_of(trees: Any) -> Forest:
    """scikit-learn's trees as the arrays that `classify` walks."""
    features, rights, numbers, roots = [], [], [], []
    for (tree,) in trees._predictors:
        nodes = tree.nodes
        leaf = nodes["is_leaf"].astype(bool)
        index = np.arange(len(nodes))
        if not (nodes["left"][~leaf] == index[~leaf] + 1).all():
            raise ValueError("the trees aren't in preorder: this scikit-learn lays them out another way")
        roots.append(sum(map(len, features)))
        features.append(np.where(leaf, LEAF, nodes["feature_idx"]).astype(np.uint8))
        rights.append(np.where(leaf, 0, nodes["right"] - index).astype(np.uint8))
        numbers.append(np.where(leaf, nodes["value"], nodes["num_threshold"]).astype(np.float32))
    bias = float(trees._baseline_prediction.item())
    arrays = (np.concatenate(column) for column in (features, rights, numbers))
    return Forest(*arrays, np.array(roots, np.int32), bias)


def save(forests: tuple[Forest, Forest], sites: Iterable[str], path: Path) -> None:
    """Writes the model that `classify.model` reads, about 60 kB, and keys of the sites that it learned from."""
    fields = {
        f"{name}.{field}": getattr(forest, field)
        for name, forest in zip(("first", "second"), forests, strict=True)
        for field in Forest._fields
    }
    keys = np.array(sorted({site_key(site) for site in sites}), np.uint32)
    np.savez_compressed(path, **fields, threshold=THRESHOLD, sites=keys)


def crossed(pages: Sequence[Page], folds: int) -> Iterator[tuple[Kind, float, float, float]]:
    """Precision, recall and F1 of each kind of page, each judged by trees that saw no page of its site.

    Of annotated pages strings are counted, of others the bytes of the blocks whose label is certain.
    """
    counts = {kind: np.zeros(3, np.int64) for kind in Kind}  # right, kept, wanted
    for fold in range(folds):
        part = [fold_of(page, folds, "crossed ") == fold for page in pages]
        first, second = learn([page for page, held in zip(pages, part, strict=True) if not held])
        for page, held in zip(pages, part, strict=True):
            if held:
                chosen = grow(second, beside(page.matrix, page.blocks, first)) >= THRESHOLD
                counts[page.kind] += strings_of(page, chosen) if page.kind is Kind.ANNOTATED else bytes_of(page, chosen)
    for kind, (right, kept, wanted) in ((kind, map(int, found)) for kind, found in counts.items()):
        if wanted:
            yield kind, right / max(kept, 1), right / wanted, 2 * right / (kept + wanted)


def strings_of(page: Page, kept: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """How many annotated strings are kept rightly, kept in all, and wanted."""
    text = " ".join(" ".join(page.blocks.string(int(block)).split()) for block in np.flatnonzero(kept))
    right, wrong = (
        sum(" ".join(segment.split()) in text for segment in segments) for segments in (page.inside, page.outside)
    )
    return right, right + wrong, len(page.inside)


def bytes_of(page: Page, kept: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """The same of the bytes of blocks."""
    lengths = (page.blocks.blocks[:, END] - page.blocks.blocks[:, START]) * page.certain
    wanted = page.labels >= 0.5
    return int(lengths[kept & wanted].sum()), int(lengths[kept].sum()), int(lengths[wanted].sum())


@click.command(help=__doc__)
@click.argument("clones", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--write", type=click.Path(path_type=Path), help="learn from all pages and write the model here")
@click.option("--folds", type=int, default=0, help="cross-validate by site")
def main(clones: Path, write: Path | None, folds: int) -> None:
    pages = list(load(clones))
    print(
        f"{len(pages)} pages of {len({page.site for page in pages})} sites, {sum(map(len, (p.blocks for p in pages)))} blocks"
    )
    if folds:
        for kind, *scores in crossed(pages, folds):
            print("{} pages of unseen sites: precision {:.3f}, recall {:.3f}, F1 {:.3f}".format(kind, *scores))
    if write:
        save(learn(pages), [page.site for page in pages], write)
        print(f"{write}: {write.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
