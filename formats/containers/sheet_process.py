"""The process in which a spreadsheet is opened: `python -P sheet_process.py names|rows FIRST LAST`, the file as its input.

It writes JSON lines and knows nothing of Winnow. A spreadsheet of a few hundred bytes can ask for a table of 17 billion
cells, and a library that runs out of memory takes its process with it: this one, which holds itself to bounds.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

MEGABYTES, SECONDS = 1024, 60
OF_USE = 1 << 53  # up to here a spreadsheet's numbers, all of them floating, are whole ones


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    what, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    from python_calamine import CalamineError, load_workbook

    try:
        book = load_workbook(io.BytesIO(sys.stdin.buffer.read()))
        names = book.sheet_names
        if what == "names":
            _write(names)
            return
        for place in range(first, len(names) if last < 0 else min(last, len(names))):
            _write({"sheet": names[place]})
            sheet = book.get_sheet_by_index(place)
            begins = sheet.start[0] + 1 if sheet.start else 1
            for number, row in enumerate(sheet.to_python(), begins):
                if any(cell != "" for cell in row):
                    _write([number, [_value(cell) for cell in row]])
    except (CalamineError, ValueError, OSError) as error:
        _write({"error": f"{type(error).__name__}: {error}"})


def _value(cell: Any) -> Any:
    if cell == "":
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < OF_USE:
        return int(cell)
    return cell if isinstance(cell, str | bool | int | float) else _moment(cell)


def _moment(cell: Any) -> str:
    return str(cell.isoformat()) if hasattr(cell, "isoformat") else str(cell)


def _write(line: Any) -> None:
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    main()
