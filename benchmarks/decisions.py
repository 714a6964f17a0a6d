"""What each recipe keeps of good text by kind and length, and of broken text and spam: shares with Wilson intervals.

    WINNOW_PACKAGES=folder python -m benchmarks.decisions [--half reported] [zh|en …]

`labelled` tells where the texts come from and how they were labelled. "web" and "books" are the filters of the shipped
`pretrain` for such content in that language (without `language` and the edits).
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from math import sqrt
from pathlib import Path

import pyarrow as pa
import yaml

from benchmarks.labelled import LENGTHS, REPORTED, TUNING, Labelled, bad, good
from winnow.filters.measure import measure
from winnow.filters.recipes import Recipe, find_recipe
from winnow.stages.decide import Application, decide
from winnow.stages.document import DOCUMENT

PUBLISHED = {
    "zh": (("mapneo_zh",), ("chinesewebtext",), ("winnow_zh",)),
    "en": (("gopher_quality", "gopher_repetition"), ("gopher_quality", "gopher_repetition", "fineweb"), ("winnow_longform",)),
}  # fmt: skip
MANIFEST = Path(__file__).parents[1] / "manifests" / "pretrain.yaml"


@cache
def shipped(language: str, content: str) -> tuple[Recipe, ...]:
    """The filters that the manifest applies to such content, thresholds and all."""
    found = []
    for entry in yaml.safe_load(MANIFEST.read_text())["filters"]:
        asked = set(entry.get("content", [content])) & {content} and set(entry.get("languages", [language])) & {
            language
        }
        if asked and entry["recipe"] != "language":
            changes = {
                name: change if change is None or isinstance(change, dict) else {"maximum": change}
                for name, change in entry.get("thresholds", {}).items()
            }
            found.append(find_recipe(entry["recipe"]).with_thresholds(changes))
    return tuple(found)


def verdicts(texts: Sequence[Labelled], recipes: Sequence[Recipe]) -> list[str | None]:
    """For each text the first rule that drops it, or None."""
    count = len(texts)
    columns = {field.name: pa.nulls(count, field.type) for field in DOCUMENT}
    columns["text"] = pa.array([one.text for one in texts], pa.large_string())
    for name in ("source", "kind", "locator"):
        columns[name] = pa.array([""] * count)
    columns["id"] = pa.array([f"{number:032x}" for number in range(count)])
    documents = pa.table(columns)
    measured = measure(documents, recipes)
    for name in ("id", "source", "kind"):
        measured = measured.append_column(name, documents[name])
    drops = decide(measured, [Application(recipe=recipe) for recipe in recipes])
    rules: list[str | None] = [None] * count
    for row, rule in zip(drops["row"].to_pylist(), drops["rule"].to_pylist(), strict=True):
        rules[row] = rules[row] or rule
    return rules


def wilson(kept: int, count: int) -> str:
    """Share in percent with its 95 % interval (Wilson 1927)."""
    share, z = kept / count, 1.96
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{100 * share:5.1f} ({100 * max(centre - half, 0):.0f}–{100 * min(centre + half, 1):.0f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("languages", nargs="*", default=["zh", "en"])
    parser.add_argument("--half", default=REPORTED, choices=(TUNING, REPORTED))
    asked = parser.parse_args()
    for language in asked.languages:
        texts = list(good(language, asked.half))
        spoilt = list(bad(texts))
        chains = [(" + ".join(names), tuple(find_recipe(name) for name in names)) for names in PUBLISHED[language]]
        chains += [(f"shipped, {content}", shipped(language, content)) for content in ("web", "books")]
        print(f"\n{language}, {asked.half} half: {len(texts)} good texts, {len(spoilt)} bad ones")
        for name, recipes in chains:
            cells: dict[tuple[str, ...], list[str | None]] = defaultdict(list)
            for one, rule in zip((*texts, *spoilt), verdicts([*texts, *spoilt], recipes), strict=True):
                cells[_cell(one)].append(rule)
            print(f"\n{name}")
            for cell in sorted(cells):
                rules = cells[cell]
                kept = rules.count(None)
                why = ", ".join(f"{rule} {count}" for rule, count in Counter(filter(None, rules)).most_common(2))
                print(f"  {cell[0]:5} {cell[1]:22} {cell[2]:>16} {len(rules):5} {wilson(kept, len(rules)):>18}  {why}")


def _cell(one: Labelled) -> tuple[str, ...]:
    if not one.good:
        return ("bad", one.kind, "")
    least, most = next(bounds for bounds in LENGTHS if bounds[0] <= len(one.text) < bounds[1])
    return ("good", one.kind, f"{least:7,}–{most:,}")


if __name__ == "__main__":
    main()
