"""Recall of damaged benchmark items against false alarms on clean pages: where the default lies, and two published rules.

    python -m benchmarks.decontaminate_curve [tuned]      the half that nothing was chosen on, or the one that all was

Items of real benchmarks are damaged and planted in real pages, one in each; clean are other pages, documentation and
textbooks. The first 30 items of each benchmark and half of the pages, by hash, are the tuned half, the next 30 and the other
pages the measured one. An any-12-gram rule is datatrove's own filter. decon's is written anew from its documentation and its
default configuration (github.com/allenai/decon): 5-grams of which every tenth is looked up, clusters grown over up to 11
misses, the share of an item's 5-grams weighed by rarity, all of it asked of items up to 25 tokens and 0.815 of those from 50.
Its tokens are those of cl100k, here words; both peers get every Han character as a word.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log
from typing import Any

import numpy as np
import opencc
import pyarrow as pa

from benchmarks.decontaminate import CODE, any_ngram, plant
from benchmarks.gold import pages, rows
from winnow.stages.decontaminate.index import build_postings, open_index
from winnow.stages.decontaminate.items import ENTRY
from winnow.stages.decontaminate.judging import judge
from winnow.stages.decontaminate.matching import match_texts
from winnow.stages.decontaminate.settings import DecontaminationSettings, Overlap

PER_BENCHMARK, HOSTS = 30, 400
BOOKS = (
    "math/openlogic_tex", "math/hott_book_tex", "math/stacks_tex", "zh_en/d2l_en_zh_math", "zh_en/vue_docs",
    "zh_en/python_docs_po",
)  # fmt: skip
SHARES = (0.3, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9)
HAN = re.compile(r"[\u3400-\u9fff]")
TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")

Damage = Callable[[str, random.Random], str]


def chinese(text: str) -> bool:
    return 3 * len(HAN.findall(text)) > len(text)


def beginning(text: str, share: float) -> str:
    if chinese(text):
        return text[: int(share * len(text))]
    words = text.split(" ")
    return " ".join(words[: int(share * len(words))])


def renumbered(text: str, chance: random.Random) -> str:
    def other(found: re.Match[str]) -> str:
        least, most = 10 ** (len(found[0]) - 1), 10 ** len(found[0])
        number = chance.randrange(least, most - 1)
        return str(number if str(number) < found[0] else number + 1)  # any of as many digits but this

    return re.sub(r"\d+", other, text)


def garbled(share: float) -> Damage:
    """A letter lost, doubled or swapped in so many words, another character in place of so many."""

    def damage(text: str, chance: random.Random) -> str:
        if chinese(text):
            signs = (chr(chance.randrange(0x4E00, 0x9000)) if HAN.match(sign) and hit() else sign for sign in text)
            return "".join(signs)
        return " ".join(misspelled(word) if len(word) > 1 and hit() else word for word in text.split(" "))

    def misspelled(word: str) -> str:
        at = chance_of.randrange(len(word) - 1)
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return chance_of.choice((swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]))

    chance_of = random.Random(share)

    def hit() -> bool:
        return chance_of.random() < share

    return damage


DAMAGES: dict[str, Damage] = {
    "verbatim": lambda text, _: text,
    "first 60 %": lambda text, _: beginning(text, 0.6),
    "other numbers": renumbered,
    "every 10th word garbled": garbled(0.1),
    "every 5th word garbled": garbled(0.2),
    "traditional script": lambda text, _: opencc.OpenCC("s2t").convert(text),
    "\\u escapes": lambda text, _: json.dumps(text),
    "HTML references": lambda text, _: "".join(f"&#{ord(sign)};" if ord(sign) > 0x7E else sign for sign in text),
}


def clean_pages() -> list[str]:
    found = dict.fromkeys([*pages("en"), *pages("zh")])
    for more in ("en", "zh"):
        found.update(dict.fromkeys(pages(more, BOOKS)))
    return list(found)


def tuned(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[-1] % 2 == 0


def caught(
    documents: Sequence[str], items: Sequence[str], shares: Sequence[float]
) -> tuple[Mapping[float, set[int]], Mapping[float, set[int]], set[int]]:
    """For each share of a question the documents dropped, those of them with other numbers, and the items looked for."""
    named = {"benchmark": "b", "field": "question", "kind": "prose"}
    entries = [{**named, "item": str(at), "text": text} for at, text in enumerate(items)]
    table = pa.Table.from_pylist(entries, schema=ENTRY)
    dropped, altered, looked = {}, {}, set[int]()
    texts = pa.array(documents, pa.large_string())
    for share in shares:
        settings = DecontaminationSettings(benchmarks=(), overlap=Overlap(question=share))
        measured, postings = build_postings(table, settings)
        looked = set(np.flatnonzero(measured["terms"].to_numpy() > 0).tolist())
        found = match_texts(texts, open_index(postings["prose"], measured, "prose"), measured, "prose")
        found = found.append_column("part", pa.array(np.zeros(found.num_rows, np.int32)))
        hits = judge(found, measured, settings.boilerplate)
        hits = hits.sort_by([("row", "ascending"), ("overlap", "descending"), ("altered", "ascending")])
        row, first = np.unique(hits["row"].to_numpy(), return_index=True)
        dropped[share] = set(row.tolist())
        altered[share] = set(row[hits["altered"].to_numpy()[first]].tolist())
    return dropped, altered, looked


class Decon:
    """decon's rule for questions, by its documentation."""

    N, STEP, MISSES, SHORTEST, PERFECT, LONG = 5, 10, 11, 20, 25, 50

    def __init__(self, items: Sequence[str]) -> None:
        self.grams = [list(self._grams(TOKEN.findall(text.lower()))) for text in items]
        self.lengths = [len(TOKEN.findall(text.lower())) for text in items]
        self.holders: dict[str, list[int]] = defaultdict(list)
        for item, grams in enumerate(self.grams):
            if self.lengths[item] >= self.SHORTEST:
                for gram in set(grams):
                    self.holders[gram].append(item)
        self.rarity = {gram: log(len(items) / len(held)) for gram, held in self.holders.items()}

    def _grams(self, tokens: Sequence[str]) -> Iterator[str]:
        return (" ".join(tokens[at : at + self.N]) for at in range(len(tokens) - self.N + 1))

    def excess(self, text: str) -> float:
        """The most by which an item's score passes 0.815, scaled as its length asks: a hit where it isn't negative."""
        grams = list(self._grams(TOKEN.findall(text.lower())))
        best, at = -1.0, 0
        while at < len(grams):
            if grams[at] not in self.holders:
                at += self.STEP
                continue
            met: dict[int, set[str]] = {item: {grams[at]} for item in self.holders[grams[at]]}
            behind = self._grow(grams, met, range(at + 1, len(grams)))
            self._grow(grams, met, range(at - 1, -1, -1))
            for item, held in met.items():
                whole = sum(self.rarity[gram] for gram in set(self.grams[item]))
                score = sum(self.rarity[gram] for gram in held) / max(whole, 1e-9)
                missing = min(max((self.LONG - self.lengths[item]) / (self.LONG - self.PERFECT), 0), 1)
                best = max(best, score - 0.185 * missing + (1e-9 if score == 1 else 0))
            at = behind + 1
        return best

    def _grow(self, grams: Sequence[str], met: dict[int, set[str]], places: range) -> int:
        missed, last = dict.fromkeys(met, 0), places.start
        for place in places:
            held = self.holders.get(grams[place], ())
            for item in list(missed):
                if item in held:
                    met[item].add(grams[place])
                    missed[item] = 0
                else:
                    missed[item] += 1
                    if missed[item] >= self.MISSES:
                        del missed[item]
            last = place
            if not missed:
                break
        return last


def main() -> None:
    first = "tuned" in sys.argv[1:]
    items: list[dict[str, Any]] = [row for row in rows("bench/benchmark_items") if row["benchmark"] not in CODE]
    seen, chosen = Counter[str](), []
    for at, row in enumerate(items):
        seen[row["benchmark"]] += 1
        if (seen[row["benchmark"]] <= PER_BENCHMARK) == first and seen[row["benchmark"]] <= 2 * PER_BENCHMARK:
            chosen.append(at)
    everything = clean_pages()
    hosts = [text for text in everything[:2000] if tuned(text) == first][:HOSTS]
    planted: list[tuple[str, int]] = []
    documents = []
    for name, damage in DAMAGES.items():
        for number, at in enumerate(chosen):
            text = damage(items[at]["text"], random.Random(f"{name} {at}"))
            if name in ("verbatim", "first 60 %") or text != items[at]["text"]:
                planted.append((name, at))
                documents.append(plant(text, str, hosts, number))
    clean = [text for text in everything if tuned(text) == first]
    texts = [row["text"] for row in items]
    dropped, altered, looked = caught([*documents, *clean], texts, SHARES)
    print(
        f"{len(items)} items, {len(documents)} planted documents, {len(clean)} clean ones; recall of what is looked for"
    )
    print(f"{'':28}" + "".join(f"{name[:12]:>13}" for name in DAMAGES) + " false alarms")

    def show(rule: str, found: set[int]) -> None:
        met, of = Counter[str](), Counter[str]()
        for document, (name, at) in enumerate(planted):
            of[name] += at in looked
            met[name] += at in looked and document in found
        alarms = sum(document >= len(planted) for document in found)
        cells = "".join(f"{met[name] / max(of[name], 1):13.3f}" for name in DAMAGES)
        print(f"{rule:28}{cells} {alarms:4} {100 * alarms / len(clean):.3f} %", flush=True)

    default = DecontaminationSettings(benchmarks=()).overlap.question
    for share in SHARES:
        show(f"share {share}{' (default)' if share == default else ''}", dropped[share])
    numbered = [document for document, (name, at) in enumerate(planted) if name == "other numbers" and at in looked]
    told = sum(document in altered[default] for document in numbered)
    print(f"of {len(numbered)} with other numbers {told} are told as such")

    decon = Decon(texts)
    scores = [decon.excess(text) for text in (*documents, *clean)]
    for share in (0.5, 0.6, 0.7, 0.815, 0.9):
        show(f"decon's rule, {share}", {document for document, score in enumerate(scores) if score >= share})
    with tempfile.TemporaryDirectory() as folder:
        rule = any_ngram([_spaced(text) for text in texts], folder, split_at_spaces=True)
        show(
            "datatrove, any 12-gram",
            {document for document, text in enumerate((*documents, *clean)) if rule(_spaced(text)) is not True},
        )


def _spaced(text: str) -> str:
    return HAN.sub(r" \g<0> ", text)


if __name__ == "__main__":
    main()
