"""Jupyter notebooks as text: what was written into the cells and the text of their outputs, no pictures and no metadata.

Markdown cells stay as they are, code stands in fences with the language of the notebook, and what it printed, returned
or failed with in fences of text below it. Formats 3 and 4 of nbformat's schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from winnow.formats.containers.json_text import read_json

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FENCE = re.compile(r"^`{3,}", re.MULTILINE)
LANGUAGE = re.compile(r"[\w+#.-]{1,20}")


def notebook_text(content: bytes | str) -> str | None:
    """The cells of a notebook as Markdown; None for what is no notebook."""
    try:
        notebook = read_json(content.removeprefix(b"\xef\xbb\xbf") if isinstance(content, bytes) else content)
    except ValueError:
        return None
    if not isinstance(notebook, Mapping) or not isinstance(notebook.get("nbformat"), int):
        return None
    cells = notebook.get("cells")
    if not isinstance(cells, list):  # format 3
        sheets = notebook.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else []
        cells = [cell for sheet in sheets if isinstance(sheet, Mapping) for cell in sheet.get("cells") or ()]
    language = _language(notebook.get("metadata"))
    return "\n\n".join(part for cell in cells if isinstance(cell, Mapping) for part in _cell(cell, language)) + "\n"


def _language(metadata: Any) -> str:
    for place, name in (("language_info", "name"), ("kernelspec", "language")):
        inner = metadata.get(place) if isinstance(metadata, Mapping) else None
        if isinstance(inner, Mapping) and LANGUAGE.fullmatch(str(inner.get(name))):
            return str(inner[name])
    return "python"


def _cell(cell: Mapping[str, Any], language: str) -> Iterator[str]:
    source = _text(cell.get("source", cell.get("input"))).strip("\n")
    kind = cell.get("cell_type")
    if kind == "heading":
        level = cell.get("level")
        yield "#" * (min(max(level, 1), 6) if isinstance(level, int) else 1) + f" {source}"
    elif kind == "code":
        if source.strip():
            yield _fenced(source, language)
        said = "".join(_outputs(cell.get("outputs"))).strip("\n")
        if said.strip():
            yield _fenced(said, "text")
    elif source.strip():
        yield source


def _outputs(outputs: Any) -> Iterator[str]:
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, Mapping):
            continue
        if output.get("output_type") in ("error", "pyerr"):
            trace = output.get("traceback")
            yield (
                _plain("\n".join(map(_text, trace)) if isinstance(trace, list) else _text(output.get("evalue"))) + "\n"
            )
            continue
        data = output.get("data")
        said = data.get("text/plain") if isinstance(data, Mapping) else output.get("text")
        if text := _plain(_text(said)):
            yield text + ("" if output.get("output_type") == "stream" else "\n")


def _plain(text: str) -> str:
    """Text as a terminal shows it: without colours, of a line that was written over the last state."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""


def _fenced(text: str, language: str) -> str:
    fence = "`" * max([3, *(len(found[0]) + 1 for found in FENCE.finditer(text))])
    return f"{fence}{language}\n{text}\n{fence}"
