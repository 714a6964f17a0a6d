"""How long the viewer's pages take over a made-up run: `python -m benchmarks.view [documents] [folder]`.

The run has the columns of a real one: ids and addresses that nothing compresses, eight measures, a third of the documents
dropped by six rules. Each page is asked three times after the server's own start; the median counts. The counts that the
pages answer with are compared with those that the run was made with.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from starlette.testclient import TestClient

from winnow.stages.document import DOCUMENT
from winnow.stages.run.drops import DROP, write_drops
from winnow.stages.run.workspace import Workspace
from winnow.viewer.application import application
from winnow.viewer.asking import Question
from winnow.viewer.measures import histograms
from winnow.viewer.runs import Run
from winnow.viewer.search import answer

DOCUMENTS = 1_000_000
PART = 50_000
WORDS = 40  # of a text
GROUP = 5_000
SOURCES = ("web", "books", "code", "papers")
LANGUAGES = np.array(["en", "zh", "de", "fr"])
RULES = np.array(
    ["decide/short", "decide/repeated", "decide/language", "deduplicate.exact/text", "deduplicate.minhash/jaccard"]
)
MEASURES = tuple(f"made.measure_{number}" for number in range(8))
TIMES = 3


def make(folder: Path, documents: int) -> dict[str, int]:
    """Writes the run; how many of its documents each rule drops."""
    workspace = Workspace(str(folder))
    counted = dict.fromkeys(RULES.tolist(), 0)
    words = pa.array("the quick brown fox jumps over a lazy dog while rain falls on old stones".split())  # noqa: SIM905
    for number in range(0, documents, PART):
        rng = np.random.default_rng(number)
        rows = min(PART, documents - number)
        part, source = f"{SOURCES[number // PART % 4]}-{number // PART:05d}", SOURCES[number // PART % 4]
        drawn = rng.bytes(16 * rows).hex()
        ids = [drawn[place : place + 32] for place in range(0, len(drawn), 32)]
        spoken = words.take(pa.array(rng.integers(0, len(words), rows * WORDS)))
        lines = pa.ListArray.from_arrays(pa.array(range(0, rows * WORDS + 1, WORDS), pa.int32()), spoken)
        texts = pc.binary_join(lines, " ")
        columns = {
            "id": ids,
            "text": texts,
            "source": [source] * rows,
            "kind": ["web"] * rows,
            "locator": [f"{source}/{part}.warc.gz@{number + row}" for row in range(rows)],
            "url": [f"https://{name[:8]}.example/{name[8:14]}" for name in ids],
            "language": LANGUAGES[rng.integers(0, 4, rows)].tolist(),
        }
        arrays = [
            pa.array(columns[name], field.type) if name in columns else pa.nulls(rows, field.type)
            for name, field in zip(DOCUMENT.names, DOCUMENT, strict=True)
        ]
        workspace.write_table(f"documents/{part}.parquet", pa.table(arrays, schema=DOCUMENT), row_group_size=GROUP)
        measured = {
            "id": ids,
            "source": columns["source"],
            "kind": columns["kind"],
            "language.label": columns["language"],
        }
        measured |= {name: rng.gamma(2.0, 40.0, rows) for name in MEASURES}
        workspace.write_table(f"attributes/{part}.parquet", pa.table(measured), row_group_size=GROUP)
        dropped = np.flatnonzero(rng.random(rows) < 1 / 3)
        reasons = RULES[rng.integers(0, len(RULES), len(dropped))]
        for stage in sorted({rule.partition("/")[0] for rule in RULES.tolist()}):
            own = [
                (int(row), rule)
                for row, rule in zip(dropped, reasons.tolist(), strict=True)
                if rule.startswith(f"{stage}/")
            ]
            table = {
                "id": [ids[row] for row, _ in own],
                "locator": [columns["locator"][row] for row, _ in own],
                "source": [source] * len(own),
                "stage": [stage] * len(own),
                "rule": [rule.partition("/")[2] for _, rule in own],
                "value": ["1"] * len(own),
                "threshold": ["≥ 2"] * len(own),
                "row": [row for row, _ in own],
            }
            write_drops(workspace, stage, part, pa.table([pa.array(table[f.name], f.type) for f in DROP], schema=DROP))
            for _, rule in own:
                counted[rule] += 1
    stages = ["decide", "deduplicate.exact", "deduplicate.minhash"]
    workspace.write_bytes("plan.json", json.dumps({"steps": ["ingest", "measure", *stages]}).encode())
    return counted


def measure(name: str, work: Callable[[], object]) -> None:
    """Seconds that a person waits, and those of all processors, which say the same on a busy machine."""
    waited, worked = [], []
    for _ in range(TIMES):
        start, before = time.perf_counter(), time.process_time()
        work()
        waited.append(time.perf_counter() - start)
        worked.append(time.process_time() - before)
    print(f"{name:<58} {statistics.median(waited):7.2f} s {statistics.median(worked):7.2f} s of processors", flush=True)


def main(documents: int, folder: Path) -> None:
    start = time.perf_counter()
    counted = make(folder, documents)
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e9
    print(f"{documents:,} documents, {size:.2f} GB, made in {time.perf_counter() - start:.0f} s")

    def first_screen() -> None:
        page = TestClient(application(Run(str(folder)), None, folder / "labels"), base_url="http://127.0.0.1").get("/")
        assert f"<b>{documents:,}</b>" in page.text and page.status_code == 200

    measure("first screen, the run opened for it", first_screen)
    run = Run(str(folder))
    measure("what the server reads while the first screen is shown", lambda: Run(str(folder)).warm())
    run.warm()
    some = run.record(0, 7, ["id", "url"])
    kept = documents - sum(counted.values())
    questions = {
        "all documents": (Question(), documents),
        "a random sample of what was kept": (Question(fate="kept", seed=3), kept),
        "a random sample of what one rule dropped": (Question(rule="decide: short", seed=3), counted["decide/short"]),
        "an id": (Question(id=some["id"]), 1),
        "an id's first ten digits": (Question(id=some["id"][:10]), 1),
        "an address": (Question(address=some["url"][8:]), 1),
        "kept of one source and language": (Question(source="web", language="zh", fate="kept", seed=1), None),
        "kept, a measure in a range": (
            Question(measure=MEASURES[0], minimum=100, maximum=120, fate="kept", seed=1),
            None,
        ),
        "words, of a sample": (Question(words="quick stones"), None),
    }
    for name, (question, expected) in questions.items():
        found = answer(run, question)
        assert found.found and expected in (None, found.count), (name, found.count, expected)
        measure(name, lambda question=question: answer(run, question))
    measure("histograms of a measure by source and language", lambda: histograms(run, MEASURES[0]))


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    with tempfile.TemporaryDirectory() as scratch:
        main(asked, Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch))
