"""How long the viewer's pages take over a made-up run: `python -m benchmarks.view [documents] [folder]`.

The run is that of `made_run`: 10 million documents take five minutes and 4 GB to make, and are kept where a folder is
named. Each page is asked as a browser asks, three times; the median counts, and for what a server reads once the first
time is told, too. The counts that the pages answer with are compared with those that the run was made with.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from starlette.testclient import TestClient

from benchmarks.made_run import DECIDING, MEASURES, SHORT, Made, make
from winnow.viewer import records
from winnow.viewer.application import application
from winnow.viewer.runs import Run

DOCUMENTS = 1_000_000
TIMES = 3


def measure(name: str, work: Callable[[], object], times: int = TIMES) -> None:
    """Seconds that a person waits, and those of all processors, which say the same on a busy machine."""
    waited, worked = [], []
    for _ in range(times):
        start, before = time.perf_counter(), time.process_time()
        work()
        waited.append(time.perf_counter() - start)
        worked.append(time.process_time() - before)
    first = f", the first time {waited[0]:.2f} and {worked[0]:.2f} s" if waited[0] > 1.5 * min(waited) + 0.2 else ""
    told = f"{statistics.median(waited):7.2f} s {statistics.median(worked):7.2f} s of processors{first}"
    print(f"{name:<58} {told}", flush=True)


def main(documents: int, folder: Path) -> None:
    start = time.perf_counter()
    told = folder / "made.json"
    if not told.exists():
        folder.mkdir(parents=True, exist_ok=True)
        told.write_text(json.dumps(asdict(make(folder, documents))))
    made = Made(**json.loads(told.read_text()))
    size = sum(path.stat().st_size for path in (folder / "run").rglob("*.parquet")) / 1e9
    print(f"{documents:,} documents, {size:.2f} GB, made in {time.perf_counter() - start:.0f} s")

    def client(*names: str) -> TestClient:
        runs = [Run(str(folder / name)) for name in names]
        site = application(runs[0], runs[1] if len(runs) > 1 else None, folder / "labels")
        return TestClient(site, base_url="http://127.0.0.1")

    def first_screen() -> None:
        assert f"<b>{documents:,}</b>" in client("run").get("/").text

    measure("first screen, the run opened for it", first_screen)
    measure("what the server reads while it is shown", lambda: Run(str(folder / "run")).warm())
    both = client("run", "other")
    some = records.record(Run(str(folder / "run")), 0, 7, ["id", "url"])
    kept = documents - sum(made.dropped.values())
    out = sum(count for fate, count in made.moved.items() if not fate.startswith("decide/"))
    identity, rule = some["id"], SHORT.replace("/", ": ")
    questions = {
        "all documents": ("/documents", f">{documents:,} documents in"),
        "a random sample of what was kept": ("/documents?fate=kept&seed=3", f">{kept:,} documents in"),
        "of what one rule dropped": (f"/documents?rule={rule}&seed=3", f">{made.dropped[SHORT]:,} documents in"),
        "an id's first ten digits": (f"/documents?id={identity[:10]}", ">1 document in"),
        "an address": (f"/documents?address={some['url'][8:]}", ">1 document in"),
        "kept of one source and language": ("/documents?source=web&language=zh&fate=kept&seed=1", "drawn at random"),
        "kept, a measure in a range": (
            f"/documents?measure={MEASURES[1]}&minimum=100&maximum=120&fate=kept&seed=1",
            "drawn at random",
        ),
        "words, of a sample": ("/documents?words=quick stones", "from a sample"),
        "a document with all that happened to it": (f"/document/{identity}", identity),
        "histograms of a measure by source and language": (f"/measures/{MEASURES[2]}", "<svg"),
        "histograms of one with a bound": (f"/measures/{DECIDING}", "gopher_quality"),
        "another threshold": ("/what-if?rule=0.words&minimum=40&maximum=100000", f"−{out:,}"),
        "clusters of duplicates": ("/duplicates", "deduplicate.minhash"),
        "sides changed between two runs": ("/compare", f">{made.moved['']:,}<"),
    }
    for name, (address, expected) in questions.items():

        def ask(address: str = address, expected: str = expected) -> None:
            page = both.get(address)
            assert page.status_code == 200 and expected in page.text, (address, page.status_code, expected)

        measure(name, ask)


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    with tempfile.TemporaryDirectory() as scratch:
        main(asked, Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch))
