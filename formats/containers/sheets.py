"""The rows of spreadsheets (`.xlsx`, `.xlsm`, `.xlsb`, `.xls`, `.ods`), sheet by sheet, through calamine.

The extra `sheets` installs it. The first row that says anything is the header, as in CSV; blank rows are passed over,
formulas are what they came to, dates are ISO 8601. Each file is opened in a process of its own, with bounds on memory and
time (`sheet_process`).
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from winnow.formats.addresses import opened
from winnow.formats.containers.archives import Reject
from winnow.formats.containers.bounds import RECORD_BYTES, lines_within
from winnow.formats.containers.columnar import LIMITS
from winnow.formats.containers.decoded import Unreadable
from winnow.formats.containers.inflate import BLOCK, Broken, Inflated
from winnow.formats.containers.sheet_process import MEGABYTES, SECONDS

PROGRAM = Path(__file__).with_name("sheet_process.py")
HEADER_ALONE = "a row that would be the header, and none below it"
NEEDS = "needs the extra `sheets`: pip install 'winnow-corpora[sheets]'"


def installed() -> bool:
    """Whether calamine is there, without which every spreadsheet is a rejection."""
    return find_spec("python_calamine") is not None


def sheet_names(path: str) -> list[str]:
    """The sheets of a file in its own order; none where it can't be opened, which reading it will say."""
    if not installed():
        return []
    try:
        with _answers(path, "names", 0, -1) as answers:
            for line in answers:
                return [] if isinstance(line, dict) else [str(name) for name in line]
    except Broken:
        pass
    return []


def sheet_rows(path: str, start: int, stop: int, reject: Reject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields `(place, row)` of the sheets `[start, stop)`; a place is `Prices row 5`, as a spreadsheet counts them.

    A row with something in a column without a name, a sheet of one row, and a file that can't be read, are told to
    `reject(place, rule, value)`. What a name that stands twice holds can't be told: it is `Unreadable`.
    """
    if not installed():
        reject("end", "no_calamine", NEEDS)
        return
    sheet, header, alone = "", None, ""
    try:
        with _answers(path, "rows", start, stop) as answers:
            for line in answers:
                if isinstance(line, Mapping):
                    if "error" in line:
                        raise Broken("corrupt", line["error"])
                    if alone:
                        reject(alone, "header", HEADER_ALONE)
                    sheet, header, alone = line["sheet"], None, ""
                elif header is None:
                    alone = f"{sheet} row {line[0]}"
                    header = ["" if cell is None else str(cell).strip() for cell in line[1]]
                else:
                    place, alone = f"{sheet} row {line[0]}", ""
                    unnamed = next(
                        (cell for name, cell in zip(header, line[1], strict=False) if not name and cell is not None),
                        None,
                    )
                    if unnamed is not None:
                        reject(place, "columns", f"{unnamed!r:.40} stands in a column without a name")
                    else:
                        yield place, _record(header, line[1])
            if alone:
                reject(alone, "header", HEADER_ALONE)
    except Broken as broken:
        reject("end", broken.rule, broken.value)


def _record(header: list[str], row: list[Any]) -> dict[str, Any]:
    found = {name: cell for name, cell in zip(header, row, strict=False) if name}
    twice = {name for name in header if name and header.count(name) > 1}
    return found | {name: Unreadable(f"{name} stands twice in the header") for name in twice}


@contextmanager
def _answers(path: str, what: str, start: int, stop: int) -> Iterator[Iterator[Any]]:
    """What the process says of a file, line by line. Raises `Broken` where it says no more before its end."""
    with tempfile.TemporaryFile() as given:
        with opened(path) as stream:
            shutil.copyfileobj(Inflated(stream, LIMITS), given, BLOCK)
        given.seek(0)
        command = [sys.executable, "-P", str(PROGRAM), what, str(start), str(stop)]
        with subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            try:
                yield _lines(process.stdout, process)
            finally:
                process.kill()


def _lines(stream: IO[bytes], process: subprocess.Popen[bytes]) -> Iterator[Any]:
    for _, line in lines_within(stream):
        if line is None:
            raise Broken("size", f"a row of > {RECORD_BYTES}")
        if line.endswith(b"\n"):
            yield json.loads(line)
    if (status := process.wait()) in (-signal.SIGXCPU, -signal.SIGKILL):
        raise Broken("time", f"calamine took more than {SECONDS} s")
    elif status:
        raise Broken("size", f"calamine asked for more than {MEGABYTES} MB, or failed")
