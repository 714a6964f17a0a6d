"""Decontamination: planted items found again, clean documents left alone, and speed beside datatrove.

    python -m benchmarks.decontaminate planted [40] recall by how an item was formatted, false alarms on clean documents;
                                                    from the 40th item of each benchmark on: others than the rules were
                                                    written with
    python -m benchmarks.decontaminate code         the same for items that are code
    python -m benchmarks.decontaminate speed        documents per second beside datatrove's n-gram filter

Items are those of real benchmarks, documents real pages and files; every item stands in one of its own.
"""

from __future__ import annotations

import html
import json
import re
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.deduplicate import SpaceSplitter
from benchmarks.gold import pages, rows
from winnow.stages.decontaminate.index import build_postings, open_index
from winnow.stages.decontaminate.items import read_entries
from winnow.stages.decontaminate.matching import match_texts
from winnow.stages.decontaminate.settings import Benchmark, DecontaminationSettings
from winnow.stages.decontaminate.steps import plan
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.layout import carry_out
from winnow.stages.run.workspace import Workspace

CODE = ("HumanEval", "MBPP")
PER_BENCHMARK = 40
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def _every(text: str, words: int, separator: str) -> str:
    """A separator in place of every so many spaces."""
    parts = text.split(" ")
    return separator.join(" ".join(parts[at : at + words]) for at in range(0, len(parts), words))


FORMATS: dict[str, Callable[[str], str]] = {
    "verbatim": str,
    "upper case": str.upper,
    "without punctuation": lambda text: re.sub(r"[^\w\s]", " ", text),
    "other punctuation": lambda text: text.translate(
        str.maketrans({",": " –", ".": " …", "，": "、", "。": "；", '"': "»"})
    ),
    "a line per word": lambda text: "\n".join(text.split()),
    "quoted lines": lambda text: "> " + _every(" ".join(text.split()), 8, "\n> "),
    "full-width digits": lambda text: text.translate(WIDE),
    "Arabic digits": lambda text: text.translate(ARABIC),
    "HTML": lambda text: "<div><p>" + _every(html.escape(text), 6, "</p>\n<p class='x'><b>") + "</b></p></div>",
    "Python string": lambda text: f"QUESTION = {json.dumps(text, ensure_ascii=False)}  # from the exam",
    "comment": lambda text: "# " + _every(" ".join(text.split()), 10, "\n# "),
}


CODE_FORMATS: dict[str, Callable[[str], str]] = {
    "verbatim": str,
    "tabs": lambda text: text.replace("    ", "\t"),
    "other line ends": lambda text: text.replace("\n", "\r\n"),
    "indented in a class": lambda text: "class Solution:\n" + re.sub("^", "    ", text, flags=re.M),
    "without empty lines": lambda text: re.sub(r"\n\s*\n+", "\n", text),
    "without white space": lambda text: re.sub(r"\s+", "", text),
    "no space after commas": lambda text: text.replace(", ", ",").replace(" -> ", "->"),
    "Markdown": lambda text: f"```python\n{text}```\n",
    "notebook": lambda text: json.dumps({"cell_type": "code", "source": text.splitlines(keepends=True)}, indent=1),
    "HTML": lambda text: f"<pre><code>{html.escape(text)}</code></pre>",
}


def planted(first: int = 0) -> None:
    """Recall for every format, over 40 items of each benchmark; false alarms over all pages that hold none."""
    items = [row for row in rows("bench/benchmark_items") if row["benchmark"] not in CODE]
    chosen, seen = [], Counter[str]()
    for row in items:
        seen[row["benchmark"]] += 1
        if first < seen[row["benchmark"]] <= first + PER_BENCHMARK:
            chosen.append(row)
    clean = {"English pages": pages("en"), "Chinese pages": pages("zh")}
    clean["GSM8K training problems"] = [row["text"] for row in rows("bench/gsm8k_train")]
    rewritten = {"GSM8K test, other solutions": [row["text"] for row in rows("bench/gsm8k_test_socratic_contaminated")]}
    _plant_and_find(items, chosen, FORMATS, clean["English pages"][:500], {**clean, **rewritten}, code=False)


def planted_code() -> None:
    """The same for HumanEval's prompts in files of the standard library."""
    items = [row for row in rows("bench/benchmark_items") if row["benchmark"] == "HumanEval"]
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*/*.py")) + sorted(
        Path(sysconfig.get_path("stdlib")).glob("*.py")
    )
    texts = [text for file in files if len(text := file.read_text("utf-8", "replace")) >= 2000]
    _plant_and_find(
        items, items, CODE_FORMATS, texts, {"standard library": texts, "English pages": pages("en")}, code=True
    )


def _plant_and_find(
    items: list[dict[str, Any]],
    chosen: list[dict[str, Any]],
    formats: Mapping[str, Callable[[str], str]],
    hosts: list[str],
    others: Mapping[str, list[str]],
    *,
    code: bool,
) -> None:
    """Plants the chosen of the items in every format, each in a host of its own; prints what is found there and in others."""
    groups = {
        **{
            name: [plant(row["text"], change, hosts, at) for at, row in enumerate(chosen)]
            for name, change in formats.items()
        },
        **others,
    }
    parts = {name: f"p-{number:05d}" for number, name in enumerate(groups)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.jsonl"
        path.write_text("".join(json.dumps({"id": row["id"], "question": row["text"]}) + "\n" for row in items))
        settings = DecontaminationSettings(benchmarks=(Benchmark(path=str(path), code=code),))
        workspace = Workspace(f"{folder}/run")
        for name, part in parts.items():
            _write(workspace, part, groups[name])
        counts = carry_out(workspace, plan(list(parts.values()), settings))
        found = {
            name: set(workspace.read_table(f"drops/decontaminate/{part}.parquet")["row"].to_pylist())
            for name, part in parts.items()
        }
        entries = workspace.read_table("decontaminate/entries.parquet")
        looked_for = set(entries.filter(pc.greater(entries["terms"], 0))["item"].to_pylist())
    fair = [at for at, row in enumerate(chosen) if row["id"] in looked_for]
    unfair = f"{len(chosen) - len(fair)} of these too short or too common to look for"
    print(f"{len(items)} items, {len(chosen)} of them planted; {unfair}")
    print(f"({counts['decontaminate.index.too_short']} texts of all too short)\n")
    print("planted                        found   of  recall   recall of all, short ones too")
    for name in formats:
        hit = sum(at in found[name] for at in fair)
        print(f"{name:28} {hit:7} {len(fair):4} {hit / len(fair):7.4f} {len(found[name]) / len(chosen):7.4f}")
    print("\nothers                         hits      of   share")
    for name, texts in others.items():
        print(f"{name:28} {len(found[name]):6} {len(texts):7} {len(found[name]) / len(texts):7.5f}")


def plant(text: str, change: Callable[[str], str], hosts: list[str], at: int) -> str:
    host = hosts[at % len(hosts)]
    middle = host.find("\n", len(host) // 2) + 1
    return host[:middle] + "\n" + change(text) + "\n" + host[middle:]


def _write(workspace: Workspace, part: str, texts: list[str]) -> None:
    records: list[dict[str, Any]] = [
        {"id": document_id(part, str(at), text), "text": text, "source": "b", "kind": "tables", "locator": str(at)}
        for at, text in enumerate(texts)
    ]
    workspace.write_table(f"documents/{part}.parquet", pa.Table.from_pylist(records, schema=DOCUMENT))


def speed() -> None:
    """Documents per second on clean pages, the index of all items loaded; datatrove as it ships on every 20th page."""
    items = rows("bench/benchmark_items")
    texts = pages("en")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.jsonl"
        path.write_text("".join(json.dumps({"id": row["id"], "question": row["text"]}) + "\n" for row in items))
        entries = read_entries(Benchmark(path=str(path)))
        settings = DecontaminationSettings(benchmarks=(Benchmark(path=str(path)),))
        measured, postings = build_postings(entries, settings)
        index = open_index(postings["prose"], measured, "prose")
        questions = [row["text"] for row in items]
        shipped, spaces = (any_ngram(questions, f"{folder}/{at}", split_at_spaces=bool(at)) for at in (0, 1))
        work: dict[str, tuple[Callable[[list[str]], object], list[str], int]] = {
            "winnow": (lambda some: match_texts(pa.array(some, pa.large_string()), index, measured, "prose"), texts, 5),
            "datatrove": (lambda some: [shipped(text) for text in some], texts[::20], 1),
            "datatrove, split at spaces": (lambda some: [spaces(text) for text in some], texts, 1),
        }
        ours = 0.0
        for name, (function, given, rounds) in work.items():
            function(given[:20])
            seconds = []
            for _ in range(rounds):
                start = time.process_time()
                function(given)
                seconds.append(time.process_time() - start)
            rate = len(given) / median(seconds)
            ours = ours or rate
            size = sum(len(text.encode()) for text in given) / median(seconds) / 1e6
            print(f"{name:28} {rate:8,.0f} documents/s {size:7.2f} MB/s, winnow is {ours / rate:.0f}×", flush=True)


def any_ngram(items: list[str], folder: str, *, split_at_spaces: bool) -> Callable[[str], object]:
    """datatrove's filter with an index of the items' 12-grams, written as its own indexer writes it."""
    from datatrove.data import Document
    from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.text import ngrams, simplify_text
    from loguru import logger

    logger.disable("datatrove")
    config = NGramsDecontConfig()
    step = NGramsDecontFilter(f"{folder}/index", config)
    if split_at_spaces:
        step.tokenizer = SpaceSplitter()
    hashes = set()
    for item in items:
        words = step.tokenizer.word_tokenize(simplify_text(item, config.norm_config))
        hashes |= {step.hash_func(" ".join(gram)) for gram in ngrams(words, config.n_grams)}
    Path(folder, "index").mkdir(parents=True)
    np.array(sorted(hashes), dtype=np.dtype(config.hash_config.np_descr)).tofile(f"{folder}/index/items.index.hashes")
    return lambda text: step.filter(Document(text=text, id="0"))


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {"planted": planted, "code": planted_code, "speed": speed}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*map(int, sys.argv[2:]))
