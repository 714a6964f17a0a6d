"""The FineWeb chain beside datatrove's own filters: decisions first, then speeds, on one core.

    python -m benchmarks.filters [--megabytes 100] [--sample 1.5] [--rounds 3]

The chain is Gopher repetition → Gopher quality → C4 without its terminal rule → FineWeb on English, and FineWeb-2's
filters on Chinese. Peers: datatrove as shipped (spaCy's words and sentences, jieba for Chinese) and datatrove with
`str.split` for words and with Winnow's sentences; both stop at a document's first broken rule, Winnow evaluates all.
Peers are slow, so they see a sample of `--sample` MB; Winnow takes the same documents again and again, up to 16 MB,
as it takes parts of 64 MiB in a run; `benchmarks.filters_agreement` compares decisions on 138 MB. Times are those of the
processor. Throughput is of `--megabytes` of text: the corpora, then the same documents again with their lines in another
order until there is enough.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from benchmarks.datatrove_chain import CHAINS, WhitespaceWords, peer_chain, peer_filters
from benchmarks.gold import pages
from winnow.filters.measure import measure
from winnow.filters.recipes import Recipe, find_recipe
from winnow.stages.decide import Application, decide

OWN_MEGABYTES = 16
"""Text that Winnow works on together when it is timed."""


def size(texts: Sequence[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def cut(texts: Sequence[str], megabytes: float) -> list[str]:
    """The first documents that make up so many MB; repeated with their lines shuffled when they are too few."""
    taken: list[str] = []
    total, again = 0.0, 0
    while total < megabytes:
        for text in texts:
            if again:
                lines = text.split("\n")
                random.Random(again).shuffle(lines)
                text = "\n".join(lines)
            taken.append(text)
            total += len(text.encode()) / 1e6
            if total >= megabytes:
                break
        again += 1
    return taken


def table(texts: Sequence[str]) -> pa.Table:
    numbers = pa.array([str(number) for number in range(len(texts))])
    return pa.table({"id": numbers, "source": numbers, "text": pa.array(texts, pa.large_string())})


# --- Winnow -----------------------------------------------------------------------------------------------------------


def chain(documents: pa.Table, names: Sequence[str]) -> tuple[dict[int, str], pa.Table]:
    """Row → broken rule, and the documents as edited. What stands before an edit is measured on the text before it."""
    verdicts: dict[int, str] = {}
    before: list[Recipe] = []
    for recipe in (*map(find_recipe, names), None):
        if recipe is not None and recipe.edit is None:
            before.append(recipe)
            continue
        if before:
            _decide(documents, measure(documents, before), before, verdicts)
            before = []
        if recipe is not None and recipe.edit is not None:
            documents, measured = recipe.edit(documents, **recipe.options)
            _decide(documents, measured, [recipe], verdicts)
    return verdicts, documents


def _decide(documents: pa.Table, measured: pa.Table, recipes: Sequence[Recipe], verdicts: dict[int, str]) -> None:
    attributes = measured.append_column("id", documents["id"]).append_column("source", documents["source"])
    drops = decide(attributes, [Application(recipe=recipe) for recipe in recipes])
    for row, rule in zip(drops["row"].to_pylist(), drops["rule"].to_pylist(), strict=True):
        verdicts.setdefault(row, rule)


# --- measuring --------------------------------------------------------------------------------------------------------


def seconds(work: Callable[[], Any], rounds: int) -> float:
    """The median processor time of `rounds` calls: on a shared machine it says more of one core than the clock does."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def compare(kind: str, texts: Sequence[str], rounds: int) -> None:
    """Agreement with the peer on the sample, then the ratio of times on it."""
    documents = table(texts)
    names = CHAINS[kind]
    chain(documents.slice(0, 2), names)
    filters = peer_filters(kind)
    peer_chain(texts[:1], filters)
    start = time.process_time()
    theirs = peer_chain(texts, filters)
    peer = time.process_time() - start
    ours, _ = chain(documents, names)
    copies = math.ceil(OWN_MEGABYTES / size(texts))
    many = table([*texts] * copies)
    own = seconds(lambda: chain(many, names), rounds) / copies
    rows = range(len(texts))
    kept = sum((row in ours) == (row in theirs) for row in rows) / len(texts)
    same = sum(ours.get(row) == theirs.get(row) for row in rows) / len(texts)
    print(f"{kind}: {len(texts)} documents, {size(texts):.1f} MB, {len(theirs)} rejected by the peer")
    print(f"  agreement: kept or not {kept:.4%}, with the reason {same:.4%}")
    for (left, right), count in Counter(
        (ours.get(r), theirs.get(r)) for r in rows if ours.get(r) != theirs.get(r)
    ).items():
        print(f"    {count} documents: Winnow {left}, datatrove {right}")
    print(f"  Winnow {size(texts) / own:.1f} MB/s, datatrove {size(texts) / peer:.3f} MB/s: {peer / own:.0f} times")


def throughput(label: str, texts: Sequence[str], rounds: int) -> None:
    documents, megabytes = table(texts), size(texts)
    groups = {
        "measures without n-grams": [find_recipe(name) for name in ("gopher_quality", "fineweb")],
        "measures with n-grams": [find_recipe(name) for name in ("gopher_quality", "fineweb", "gopher_repetition")],
        "FineWeb-2 zh": [find_recipe("fineweb2_zh")],
    }
    print(f"{label}: {len(texts)} documents, {megabytes:.0f} MB")
    for name, recipes in groups.items():
        if name != "FineWeb-2 zh" or label == "Chinese":
            measure(documents.slice(0, 3), recipes)
            print(f"  {name}: {megabytes / seconds(lambda r=recipes: measure(documents, r), rounds):.0f} MB/s")
    print(
        "  chain with C4 and decisions: "
        f"{megabytes / seconds(lambda: chain(documents, CHAINS['whitespace']), rounds):.0f} MB/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--sample", type=float, default=1.5, help="MB that the peers see")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    english, chinese = pages("en"), pages("zh")
    for texts in (english, chinese):
        random.Random(0).shuffle(texts)
    compare("shipped", cut(english, arguments.sample), arguments.rounds)
    with WhitespaceWords():
        compare("whitespace", cut(english, 4 * arguments.sample), arguments.rounds)
    compare("chinese", cut(chinese, arguments.sample / 3), arguments.rounds)
    throughput("English", cut(english, arguments.megabytes / 2), arguments.rounds)
    throughput("Chinese", cut(chinese, arguments.megabytes / 2), arguments.rounds)


if __name__ == "__main__":
    main()
