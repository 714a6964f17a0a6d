"""Do Winnow's filters decide as datatrove's do? On all pages of the gold sets, each taken once, piece by piece.

    python -m benchmarks.filters_agreement shipped FOLDER --piece 0   # … 7: datatrove's verdicts, kept in FOLDER
    python -m benchmarks.filters_agreement shipped FOLDER             # Winnow's beside those that are there

KIND is `shipped` (datatrove's FineWeb chain as it comes, spaCy's words), `whitespace` (both cut words with `str.split`)
or `chinese` (FineWeb-2's filters, jieba's words). datatrove takes minutes a piece and is asked once; Winnow's verdicts
are made anew each time. Of each class of disagreement the report tells how near to the threshold Winnow's value lies.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.datatrove_chain import CHAINS, WhitespaceWords, peer_chain, peer_filters
from benchmarks.filters import chain, size, table
from benchmarks.gold import all_pages
from winnow.filters.measure import measure
from winnow.filters.recipes import Rule, find_recipe

PIECES = 8


def piece(kind: str, number: int) -> list[str]:
    """Every eighth page of a fixed shuffle."""
    texts = all_pages("zh" if kind == "chinese" else "en")
    random.Random(0).shuffle(texts)
    return texts[number::PIECES]


def digest(texts: Sequence[str]) -> str:
    summary = hashlib.blake2b(digest_size=8)
    for text in texts:
        summary.update(hashlib.blake2b(text.encode()).digest())
    return summary.hexdigest()


def ask_peer(kind: str, number: int, folder: Path) -> None:
    texts = piece(kind, number)
    with WhitespaceWords() if kind == "whitespace" else nullcontext():
        verdicts = peer_chain(texts, peer_filters(kind))
    rules = pa.array([verdicts.get(row) for row in range(len(texts))], pa.string())
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"rule": rules}), folder / f"{kind}-{number}-{digest(texts)}.parquet")


def rules_of(kind: str) -> dict[str, Rule]:
    """Rules of the chain by their full names, in its order."""
    return {f"{name}.{rule.name}": rule for name in CHAINS[kind] for rule in find_recipe(name).rules}


def distance(value: float | None, rule: Rule) -> float:
    """How far the value lies from the nearest bound, as a share of the bound."""
    bounds = [bound for bound in (rule.minimum, rule.maximum) if bound is not None]
    return min(abs((value or 0) - bound) / (abs(bound) or 1) for bound in bounds)


def measured(kind: str, documents: pa.Table) -> dict[str, list[float | None]]:
    """What Winnow measures for every rule of the chain, by the names of the measures."""
    found: dict[str, list[float | None]] = {}
    for recipe in map(find_recipe, CHAINS[kind]):
        if recipe.edit is not None:
            documents, measures = recipe.edit(documents, **recipe.options)
        else:
            measures = measure(documents, [recipe])
        found |= {f"{recipe.name}.{name}": measures[name].to_pylist() for name in measures.column_names}
    return found


def report(kind: str, folder: Path) -> None:
    order = rules_of(kind)
    total = kept = same = 0
    megabytes = 0.0
    classes: Counter[tuple[str | None, str | None]] = Counter()
    distances: dict[tuple[str | None, str | None], list[float]] = defaultdict(list)
    for number in range(PIECES):
        texts = piece(kind, number)
        path = folder / f"{kind}-{number}-{digest(texts)}.parquet"
        if not path.exists():
            continue
        theirs = pq.read_table(path)["rule"].to_pylist()
        ours, _ = chain(table(texts), CHAINS[kind])
        total += len(texts)
        megabytes += size(texts)
        differing = []
        for row, rule in enumerate(theirs):
            kept += (row in ours) == (rule is not None)
            same += ours.get(row) == rule
            if ours.get(row) != rule:
                differing.append(row)
        values = measured(kind, table([texts[row] for row in differing]))
        for place, row in enumerate(differing):
            pair = ours.get(row), theirs[row]
            first = min((rule for rule in pair if rule is not None), key=list(order).index)
            value = values[f"{first.partition('.')[0]}.{order[first].measure}"][place]
            classes[pair] += 1
            distances[pair].append(distance(value, order[first]))
    if not total:
        raise SystemExit(f"no verdicts of {kind} in {folder}: ask datatrove first, with --piece 0 and so on")
    print(
        f"{kind}: {total} pages, {megabytes:.1f} MB; {kept / total:.4%} kept or not alike, {same / total:.4%} by the rule"
    )
    for (own, their), count in classes.most_common():
        near = sorted(distances[own, their])
        print(f"  {count:4} pages: Winnow {own}, datatrove {their};", end=" ")
        print(f"off the threshold by {median(near):.1%}, at most {near[-1]:.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=list(CHAINS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--piece", type=int, choices=range(PIECES), help="ask datatrove about this piece")
    arguments = parser.parse_args()
    if arguments.piece is None:
        report(arguments.kind, arguments.folder)
    else:
        ask_peer(arguments.kind, arguments.piece, arguments.folder)


if __name__ == "__main__":
    main()
