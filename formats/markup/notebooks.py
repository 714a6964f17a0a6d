"""Jupyter notebooks as text: what was written into the cells and the text of their outputs, no pictures and no metadata.

Markdown cells stay as they are, code stands in fences with the language of the notebook, and what it printed, returned
or failed with in fences of text below it. Formats 3 and 4 of nbformat's schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from winnow.formats.containers.json_text import read_json
from winnow.formats.markup.markdown import Block, Section, clean, sections
from winnow.formats.markup.xhtml import to_markdown

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FENCE = re.compile(r"^`{3,}", re.MULTILINE)
OBJECT = re.compile(r"\s*<[\w.]+ object(?: at 0x[0-9a-f]+)?>\s*")
WRITTEN = ("text/markdown", "text/latex")
LANGUAGE = re.compile(r"[\w+#.-]{1,20}")


def notebook_text(content: bytes | str) -> str | None:
    """The cells of a notebook as Markdown; None for what is no notebook."""
    found = cells_of(content)
    if found is None:
        return None
    cells, language = found
    return "\n\n".join(part for cell in cells if isinstance(cell, Mapping) for part in _cell(cell, language)) + "\n"


def notebook_sections(content: bytes | str) -> tuple[list[Section], str] | None:
    """The notebook cut at its headings, each cell of code a block with what it printed; and its language."""
    found = cells_of(content)
    if found is None:
        return None
    cells, language = found
    cut = [Section(0, "")]
    for cell in (cell for cell in cells if isinstance(cell, Mapping)):
        if cell.get("cell_type") == "code":
            code = _source(cell)
            if code.strip():
                cut[-1].blocks.append(Block(code, language, "".join(_outputs(cell.get("outputs"))).strip("\n")))
            continue
        for section in sections(clean("\n\n".join(_cell(cell, language)))):
            if section.title:
                cut.append(section)
            else:
                cut[-1].blocks += section.blocks
    return (cut if cut[0].blocks else cut[1:]), language


def cells_of(content: bytes | str) -> tuple[list[Any], str] | None:
    """The cells of a notebook as they stand in it, and the language of its code; None for what is no notebook."""
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
    return cells, _language(notebook.get("metadata"))


def _language(metadata: Any) -> str:
    for place, name in (("language_info", "name"), ("kernelspec", "language")):
        inner = metadata.get(place) if isinstance(metadata, Mapping) else None
        if isinstance(inner, Mapping) and LANGUAGE.fullmatch(str(inner.get(name))):
            return str(inner[name])
    return "python"


def _cell(cell: Mapping[str, Any], language: str) -> Iterator[str]:
    source = _source(cell)
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


def _source(cell: Mapping[str, Any]) -> str:
    return _text(cell.get("source", cell.get("input"))).strip("\n")


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
        said = _shown(data) if isinstance(data, Mapping) else _text(output.get("text"))
        if text := _plain(said):
            yield text + ("" if output.get("output_type") == "stream" else "\n")


def _shown(data: Mapping[str, Any]) -> str:
    """The text of a result: as plain text, unless that only names an object which other forms show."""
    plain = _text(data.get("text/plain"))
    if plain.strip() and not OBJECT.fullmatch(plain):
        return plain
    written = next((text for kind in WRITTEN if (text := _text(data.get(kind))).strip()), "")
    return written or to_markdown(_text(data.get("text/html")).encode("utf-8", "replace")).strip("\n") or plain


def _plain(text: str) -> str:
    """Text as a terminal shows it: without colours, of a line that was written over the last state."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""


def _fenced(text: str, language: str) -> str:
    fence = "`" * max([3, *(len(found[0]) + 1 for found in FENCE.finditer(text))])
    return f"{fence}{language}\n{text}\n{fence}"
