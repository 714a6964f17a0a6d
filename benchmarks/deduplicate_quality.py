"""Near-duplicates found and missed, on dated versions of real documents whose pairs are all known.

    python -m benchmarks.deduplicate_quality recall [300]     candidates by bins of similarity against LSH theory
    python -m benchmarks.deduplicate_quality gold [PYTHON]    beside datasketch and, where the Python of an environment
                                                              that has text-dedup is named, beside that

One seed finds or misses many pairs of one document's versions together: a single seed is off by 0.05 in the middle bins,
so recall is a mean over many seeds and is told with its standard error over them. Theory is the mean of
1 - (1 - sʳ)ᵇ over the true similarities of the pairs in a bin, not its value at the bin's middle.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.deduplicate import BANDS, PERMUTATIONS, ROWS, SHINGLE, lay_out, normalised_shingles, shingles
from benchmarks.gold import rows
from winnow.stages.deduplicate import minhash
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.deduplicate.signature import sign
from winnow.stages.layout import carry_out

THRESHOLD = 0.7
PARTS = 4
Pairs = list[tuple[int, int]]


def recall(seeds: int = 300) -> None:
    """Recall of candidate pairs by bins of true similarity, over many seeds."""
    documents, pairs, _ = versions()
    sets = [normalised_shingles(row["text"]) for row in documents]
    similarity = np.array([len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in pairs])
    left, right = np.array(pairs).T
    texts = pa.array([row["text"] for row in documents], pa.large_string())
    found = np.zeros((seeds, len(pairs)), bool)
    for seed in range(seeds):
        minima = sign(texts, permutations_=PERMUTATIONS, shingle=SHINGLE, characters=False, seed=seed + 1)[0]
        found[seed] = (minima[left] == minima[right]).reshape(len(pairs), BANDS, ROWS).all(axis=2).any(axis=1)
    theory = 1 - (1 - similarity**ROWS) ** BANDS
    print(
        f"{BANDS} bands of {ROWS}, {seeds} seeds\nsimilarity   pairs  recall  theory  difference  standard error  one seed's"
    )
    for low in np.arange(0.3, 1.0, 0.1):
        inside = (similarity >= low) & (similarity < low + 0.1 + (low > 0.85))
        by_seed, expected = found[:, inside].mean(axis=1), theory[inside].mean()
        deviation = by_seed.std(ddof=1)
        print(
            f"{low:.1f}–{low + 0.1:.1f} {inside.sum():9} {by_seed.mean():9.4f} {expected:7.4f}"
            f" {by_seed.mean() - expected:+11.4f} {deviation / np.sqrt(seeds):15.4f} {deviation:11.4f}"
        )


def versions() -> tuple[list[dict[str, str]], Pairs, np.ndarray]:
    """The documents, the pairs of similarity 0.3 and more (all there are), and the similarity that comes with them."""
    documents, pairs = rows("neardup/version_docs"), rows("neardup/version_pairs")
    place = {row["id"]: at for at, row in enumerate(documents)}
    return (
        documents,
        [(place[row["a"]], place[row["b"]]) for row in pairs],
        np.array([row["jaccard5"] for row in pairs]),
    )


def gold(python: str | None = None) -> None:
    """Which documents stay; a drop is wrong when no survivor is similar enough, a pair is left when both stay.

    Similar by the words as they stand, as the gold set has it, and by normalised words, in which a changed date is none.
    """
    documents, pairs, similarity = versions()
    sets = [normalised_shingles(row["text"]) for row in documents]
    normalised = np.array([len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in pairs])
    tools: dict[str, Callable[[], set[int]]] = {
        "winnow": partial(by_winnow, documents),
        "datasketch": partial(by_datasketch, documents, verified=False),
        "datasketch, estimate ≥ 0.7": partial(by_datasketch, documents, verified=True),
    }
    if python:
        tools["text-dedup"] = partial(by_text_dedup, documents, python)
    found = {name: tool() for name, tool in tools.items()}
    for what, values in (("as they stand", similarity), ("normalised", normalised)):
        similar = [pair for pair, value in zip(pairs, values.tolist(), strict=True) if value >= THRESHOLD]
        print(f"\n{len(documents)} documents, {len(similar)} pairs of similarity ≥ {THRESHOLD}, words {what}")
        print(f"{'':28} dropped  wrongly  precision  pairs left  pairs resolved")
        for name, gone in found.items():
            wrong, left = wrong_drops(gone, similar), sum(not gone & set(pair) for pair in similar)
            shares = f"{1 - wrong / len(gone):10.4f} {left:11} {1 - left / len(similar):15.4f}"
            print(f"{name:28} {len(gone):7} {wrong:8} {shares}", flush=True)


def wrong_drops(gone: set[int], similar: Pairs) -> int:
    """How many of the documents that went have no similar one that stays."""
    justified = {one for one, other in similar if other not in gone} | {b for a, b in similar if a not in gone}
    return len(gone - justified)


def by_winnow(documents: list[dict[str, str]]) -> set[int]:
    """Also says how the similarity of every verified pair compares with sets of strings."""
    settings = MinHashSettings(bands=BANDS, rows=ROWS, shingle=SHINGLE, threshold=THRESHOLD)
    with tempfile.TemporaryDirectory() as folder:
        workspace, parts = lay_out(folder, [row["text"] for row in documents], parts=PARTS)
        carry_out(workspace, minhash.plan(parts, settings))
        found = pa.concat_tables([workspace.read_table(f"pairs/{part}.parquet") for part in parts]).to_pylist()
        drops = [workspace.read_table(f"drops/{minhash.STAGE}/{part}.parquet")["row"].to_pylist() for part in parts]
    differences, right, verified = [], 0, 0
    for pair in found:
        one, other = (
            normalised_shingles(documents[_position(pair[f"{side}_address"])]["text"]) for side in ("left", "right")
        )
        true = len(one & other) / len(one | other)
        differences.append(abs(true - pair["similarity"]))
        verified += pair["similarity"] >= THRESHOLD
        right += pair["similarity"] >= THRESHOLD and true >= THRESHOLD
    print(
        f"winnow: {len(found)} candidates, {verified} verified, precision against sets of strings {right / verified:.4f};"
    )
    print(f"difference of similarity: mean {np.mean(differences):.5f}, largest {max(differences):.4f}")
    return {row * PARTS + part for part, gone in enumerate(drops) for row in gone}


def _position(address: int) -> int:
    """Documents were dealt to the parts in turn."""
    return (address & 0xFFFFFFFF) * PARTS + (address >> 32)


def by_datasketch(documents: list[dict[str, str]], *, verified: bool) -> set[int]:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS))
    sketches = []
    pairs = []
    for at, row in enumerate(documents):
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([shingle.encode() for shingle in shingles(row["text"], row["lang"])])
        near = [other for other in index.query(sketch) if not verified or sketches[other].jaccard(sketch) >= THRESHOLD]
        pairs += [(other, at) for other in near]
        index.insert(at, sketch)
        sketches.append(sketch)
    return _all_but_first(pairs, len(documents))


def _all_but_first(pairs: Iterable[tuple[int, int]], count: int) -> set[int]:
    """Of every component all but the first document."""
    first = list(range(count))

    def root(at: int) -> int:
        while first[at] != at:
            first[at] = at = first[first[at]]
        return at

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        first[high] = low
    return {at for at in range(count) if root(at) != at}


def by_text_dedup(documents: list[dict[str, str]], python: str) -> set[int]:
    """Its own command, in an environment of its own: it and datatrove want different libraries."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, "documents.jsonl"), Path(folder, "out")
        given.write_text(
            "".join(json.dumps({"at": at, "text": row["text"]}) + "\n" for at, row in enumerate(documents))
        )
        asked = {"ngram": SHINGLE, "num_perm": PERMUTATIONS, "b": BANDS, "r": ROWS, "num_proc": 1, "column": "text"}
        options = [word for name, value in asked.items() for word in (f"--{name}", str(value))]
        reading = ["--path", "json", "--data_files", str(given), "--split", "train", "--cache_dir", f"{folder}/cache"]
        command = [python, "-m", "text_dedup.minhash", *reading, "--output", str(out), *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"text-dedup failed: {done.stderr[-2000:]}")
        kept: set[int] = set()
        for file in out.glob("*.arrow"):
            kept.update(pa.ipc.open_stream(file.read_bytes()).read_all()["at"].to_pylist())
    return set(range(len(documents))) - kept


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["recall", *seeds]:
            recall(*map(int, seeds))
        case ["gold", *python]:
            gold(*python)
        case _:
            sys.exit(__doc__)
