"""Reading texts: tables beside datatrove and datasets, LaTeX beside pylatexenc, reStructuredText beside docutils.

    python -m benchmarks.ingest_text            all three
    python -m benchmarks.ingest_text latex      one of them: tables, latex, rst

Peers read the same real documents in the same process, in turns; a speed is the median of the turns, in MB of source
for each second of processor time. Tables must give equal texts. Where the readers write different things, what survives
stands beside the speed: for LaTeX the share of inline formulas of the source found in the output as they stand there,
and of its longer words; for reStructuredText the share of longer words. Two peers are needed here alone: `pip install
pylatexenc docutils`.
"""

from __future__ import annotations

import gzip
import io
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import orjson
import pyarrow as pa

from benchmarks.gold import rows
from winnow.formats.markup.latex import read_latex
from winnow.formats.markup.rst import to_markdown
from winnow.formats.markup.verbatim import without_comments
from winnow.pipeline.standalone import read_documents

ROUNDS = 5
MEGABYTE = 1 << 20
TABLE_BYTES = 16 << 20
LATEX_BYTES = 1 << 20
PEER_SECONDS = 15  # of pylatexenc's first reading; four more follow

Reader = Callable[[str], str]


def turns(work: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """The median processor time of each piece of work, the pieces taking turns."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def show(what: str, size: int, seconds: dict[str, float], peer: str, beside: dict[str, str]) -> None:
    print(f"{what}, {size / MEGABYTE:.1f} MB")
    for name, median in seconds.items():
        ratio = seconds[peer] / median
        print(f"  {name:12} {size / MEGABYTE / median:8.2f} MB/s {ratio:7.2f} × {peer}  {beside.get(name, '')}")


def race_tables() -> None:
    """JSON lines, compressed with gzip, into documents."""
    texts = [row["text"] for name in ("long/rust_rfcs_en", "zh_en/tidb_docs_cn", "long/zh_laws") for row in rows(name)]
    repeats = TABLE_BYTES // sum(len(text.encode()) for text in texts) + 1
    lines = b"".join(orjson.dumps({"text": text, "id": index}) + b"\n" for index, text in enumerate(texts * repeats))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl.gz"
        path.write_bytes(gzip.compress(lines, 6))

        def tables() -> list[pa.Table]:
            *documents, _ = read_documents([str(path)], source="texts")
            return documents

        def ours() -> list[str]:
            return [text for table in tables() for text in table["text"].to_pylist()]

        def datatrove() -> list[str]:
            from datatrove.pipeline.readers import JsonlReader

            return [document.text for document in JsonlReader(folder, compression="gzip").run()]

        def datasets() -> list[str]:
            from datasets import load_dataset

            stream = load_dataset("json", data_files=str(path), split="train", streaming=True)
            return [record["text"] for record in stream]

        readers: dict[str, Callable[[], object]] = {"winnow": ours, "datatrove": datatrove, "datasets": datasets}
        results = [read() for read in readers.values()]
        if any(found != results[0] for found in results):
            sys.exit("readers of tables disagree")
        beside = {"in Arrow": "as the next stage takes them", "winnow": "made Python's strings again"}
        show("tables (.jsonl.gz → texts)", len(lines), turns({"in Arrow": tables, **readers}), "datatrove", beside)


def survival(sources: Sequence[str], outputs: Sequence[str], pattern: str) -> float:
    """The share of the pattern's matches in each source, white space aside, that stand in the output."""
    kept = total = 0
    for source, output in zip(sources, outputs, strict=True):
        wanted = [re.sub(r"\s", "", match) for match in re.findall(pattern, source)]
        found = re.sub(r"\s", "", output)
        total += len(wanted)
        kept += sum(match in found for match in wanted)
    return kept / max(total, 1)


def race_readers(
    what: str, sources: list[str], readers: dict[str, Reader], peer: str, measured: dict[str, str]
) -> None:
    outputs = {name: [read(source) for source in sources] for name, read in readers.items()}
    beside = {
        name: ", ".join(f"{label} {survival(sources, found, pattern):.3f}" for label, pattern in measured.items())
        for name, found in outputs.items()
    }
    size = sum(len(source.encode()) for source in sources)
    work = {name: (lambda read=read: [read(source) for source in sources]) for name, read in readers.items()}
    show(what, size, turns(work, 3), peer, beside)


def race_latex() -> None:
    sources: list[str] = []
    for row in [*rows("math/openlogic_tex"), *rows("math/stacks_tex")]:
        body = without_comments(row["tex"])
        if sum(map(len, sources)) < LATEX_BYTES and "\\newcommand" not in body and "\\def" not in body:
            sources.append(body)

    def peer(source: str) -> str:
        from pylatexenc.latex2text import LatexNodes2Text

        return LatexNodes2Text(math_mode="verbatim", strict_latex_spaces=False).latex_to_text(source)

    readable: list[str] = []
    tried = 0
    start = time.process_time()
    for source in sources:
        if time.process_time() - start > PEER_SECONDS:
            break
        tried += 1
        readable += [source] if _survives(peer, source) else []
    print(f"{tried} of {len(sources)} documents, as many as pylatexenc reads in {PEER_SECONDS} s of processor time")
    print(f"{tried - len(readable)} of them left out, on which it fails")
    readers: dict[str, Reader] = {"winnow": lambda source: read_latex(source).text, "pylatexenc": peer}
    formula = r"(?<![\\$])\$[^$]+\$(?!\$)"
    race_readers("LaTeX", readable, readers, "pylatexenc", {"formulas": formula, "words": r"(?<![\\\w])[A-Za-z]{6,}\b"})


def _survives(peer: Reader, source: str) -> bool:
    try:
        peer(source)
    except IndexError:
        return False
    return True


def race_rst() -> None:
    sources = [row.get("rst") or row["source_rst"] for row in rows("web/peps_html_rst")][:120]

    def peer(source: str) -> str:
        from docutils.core import publish_doctree

        quiet = {"report_level": 5, "halt_level": 6, "warning_stream": io.StringIO(), "file_insertion_enabled": False}
        return str(publish_doctree(source, settings_overrides=quiet).astext())

    readers: dict[str, Reader] = {"winnow": to_markdown, "docutils": peer}
    race_readers("reStructuredText", sources, readers, "docutils", {"words": r"(?<![\w`:.])[A-Za-z]{6,}\b"})


RACES = {"tables": race_tables, "latex": race_latex, "rst": race_rst}


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice(sorted(RACES)))
def main(names: tuple[str, ...]) -> None:
    for name in names or RACES:
        RACES[name]()


if __name__ == "__main__":
    main()
