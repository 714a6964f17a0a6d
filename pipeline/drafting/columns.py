"""How a table that nobody has described is to be read, by the names and values of its first row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from winnow.formats.containers.records import COLUMNAR, TABLES_WITHIN, table_format, table_splits
from winnow.formats.dialogues.dialects import recognise
from winnow.formats.dialogues.json_values import without_nulls
from winnow.formats.splits import Split
from winnow.pipeline.drafting.glimpse import TEXTUAL, first_row, is_said, likely_text
from winnow.stages.document import Content

BOOK_CHARACTERS = 50_000  # a text this long is a work of its own, about thirty printed pages
REPOSITORY = ("repo", "repo_name", "repository", "repository_name", "max_stars_repo_name")
PATH = ("path", "file_path", "max_stars_repo_path")
CODE = ("content", "text", "code")
PROBLEM = ("problem", "question", "题目")
ANSWER = ("solution", "answer", "final_answer", "解答", "答案")
HTML = ("html", "raw_html", "page")
BESIDE = ("url", "title", "date", "license", "language")  # columns of documents that tables often have by these names

Reading = tuple[Content, str, Mapping[str, Any], str]
"""What the texts are, the kind of source that reads them, its options, and why."""


def reading(name: str) -> Reading | None:
    """How the rows of a table are to be read, by the first of them; of a database or spreadsheet those of the first table."""
    if table_format(name) not in TABLES_WITHIN:
        return _of_row(name, first_row(Split(name)))
    found = ((table, _of_row(name, first_row(split))) for table, split in table_splits(name))
    for table, read in found:
        if read is not None:
            content, kind, options, why = read
            return content, kind, {**options, "table": table} if kind == "tables" else options, f"{why} of `{table}`"
    return None


def _of_row(name: str, row: Mapping[str, Any]) -> Reading | None:
    if table_format(name) in COLUMNAR:
        row = without_nulls(row)
    if (dialect := recognise(row)) is not None:
        return Content.CONVERSATIONS, "conversations", {}, f"conversations in the form `{dialect}`"
    if repository := _first(row, REPOSITORY):
        path, code = _first(row, PATH), _first(row, CODE)
        if path and code:
            columns = {"repository": repository, "path": path, "text": code}
            return Content.CODE, "repositories", {"columns": columns}, "one file of a repository a row"
    if _first(row, PROBLEM) and _first(row, ANSWER):
        return Content.MATHEMATICS, "mathematics", {}, "problems with their solutions"
    if html := _first(row, HTML):
        columns = {"html": html, **({"url": "url"} if "url" in row else {})}
        return Content.WEB, "web", {"columns": columns}, "a page in HTML a row"
    text = likely_text(row, "text")
    if text is None or not (text.lower() in TEXTUAL or is_said(row[text])):
        return None
    columns = {"text": text, **{name: name for name in BESIDE if name in row and name != text}}
    if "url" in row:
        return Content.WEB, "tables", {"columns": columns}, f"texts in column `{text}`, with addresses: web text"
    content = Content.BOOKS if len(row[text]) >= BOOK_CHARACTERS else Content.PROSE
    return content, "tables", {"columns": columns}, f"texts in column `{text}`"


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if row.get(name)), None)
