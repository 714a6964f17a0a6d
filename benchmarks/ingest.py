"""Reading web archives: our records beside FastWARC, warcio and datatrove's reader.

    python -m benchmarks.ingest                      records/s and MB/s of one core, of a 64 MB archive of real records

The archive is made of the gold archives' records, repeated, each compressed by itself, as crawlers write them. All readers
must find the same records with the same bytes in them before a speed is printed. MB are of the compressed file.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from benchmarks.gold import CORPORA
from winnow.formats.containers.warc import Record, records

SOURCES = ("dolma/sample-0000.warc.gz", "dolma/sample-0001.warc.gz", "webarchive-commons/IAH-urls-wget.warc.gz")
ROUNDS = 5
MEGABYTE = 1 << 20


def synthetic(path: Path, size: int) -> None:
    """An archive of at least `size` bytes: whole files of real members, one after the other."""
    members = b"".join((CORPORA / "warc" / name).read_bytes() for name in SOURCES)
    with path.open("wb") as stream:
        while stream.tell() < size:
            stream.write(members)


Reader = Callable[[Path], Iterable[int]]


def ours(path: Path) -> Iterable[int]:
    with path.open("rb") as stream:
        for found in records(stream):
            assert isinstance(found, Record)
            yield len(found.content)


def fastwarc(path: Path) -> Iterable[int]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, parse_http=False, record_types=WarcRecordType.any_type):
            yield len(record.reader.read())


def warcio(path: Path) -> Iterable[int]:
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, no_record_parse=True):
            yield len(record.raw_stream.read())


def datatrove(path: Path) -> Iterable[int]:
    """datatrove's reader yields documents of responses and conversions only; timed, not compared."""
    from datatrove.pipeline.readers import WarcReader

    for document in WarcReader(str(path.parent), glob_pattern=path.name, compression="gzip").run():
        yield len(document.text)


def race(path: Path) -> None:
    readers: dict[str, Reader] = {"winnow": ours, "FastWARC": fastwarc, "warcio": warcio, "datatrove": datatrove}
    sizes = {name: list(read(path)) for name, read in readers.items() if name != "datatrove"}
    if len({tuple(found) for found in sizes.values()}) != 1:
        sys.exit(f"readers disagree: { ({name: (len(found), sum(found)) for name, found in sizes.items()}) }")
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(ROUNDS):
        for name, read in readers.items():
            start = time.process_time()
            for _ in read(path):
                pass
            times[name].append(time.process_time() - start)
    count, megabytes = len(sizes["winnow"]), path.stat().st_size / MEGABYTE
    slowest = statistics.median(times["warcio"])
    print(f"{count:,} records, {megabytes:.0f} MB compressed, {sum(sizes['winnow']) / MEGABYTE:.0f} MB of content")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(
            f"{name:10} {count / median:10,.0f} records/s {megabytes / median:8.1f} MB/s {slowest / median:6.2f} × warcio"
        )


@click.command(help=__doc__)
@click.option("--megabytes", default=64, help="size of the archive that readers race over")
def main(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.warc.gz"
        synthetic(path, megabytes * MEGABYTE)
        race(path)


if __name__ == "__main__":
    main()
