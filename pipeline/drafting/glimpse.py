"""A glimpse of an input: some of its records, read as a run would read them, and what that says before any work starts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import pyarrow as pa

from winnow.formats.addresses import filesystem_of, opened
from winnow.formats.charset.decision import decode as decode_text
from winnow.formats.charset.detection import READ_BYTES
from winnow.formats.charset.pages import decode
from winnow.formats.containers.columnar import LIMITS
from winnow.formats.containers.inflate import Broken, Inflated
from winnow.formats.containers.records import COLUMNAR, read_records, table_format
from winnow.formats.html.saved import is_page, may_be_page
from winnow.formats.splits import Split, size_of
from winnow.formats.translations.catalogues import language_of_po
from winnow.formats.translations.file_names import aliases
from winnow.pipeline.configuration.profile import Input
from winnow.stages.document import DOCUMENT
from winnow.stages.ingest.source import Builder, kind_module

MOST = 20  # documents of one input
MOST_REJECTED = 200  # records that became none: manuals and catalogues have hundreds before the first document
LARGEST = 8 << 20  # bytes of an archive that is looked into: it is read whole
FEW_BYTES = 4096  # tell text from what is none
EXCERPT = 60  # characters of what was found
TEXT_NAME = re.compile(
    r"\.(jsonl?|ndjson|jsonlines|[ct]sv|txt|md|rst|html?|xhtml|tex|ltx|latex|po|srt|vtt)(\.(gz|bz2|xz|zst))?$",
    re.IGNORECASE,
)
SOURCE_LANGUAGE = re.compile(r"srclang=[\"']([\w-]+)[\"']")
VARIANT = re.compile(r"<tuv\b[^<>]{0,200}?lang=[\"']([\w-]+)[\"']")
WORD = re.compile(r"(?<!\S)[^\W\d_][^\s/\\@=]*")  # begins with a letter and is no path, address or assignment
HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
LEAST_WORDS, LEAST_SIGNS = 5, 8
TEXTUAL = (
    "text",
    "content",
    "body",
    "markdown",
    "document",
    "article",
    "正文",
    "内容",
)  # what columns of text are called


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """What some records of one input are: documents of schema `DOCUMENT`, and why others became none."""

    path: str
    documents: pa.Table
    rejected: Counter[str]
    values: Mapping[str, str]  # what was found, for the first record that each rule refused
    columns: tuple[str, ...] = ()  # of a table
    charset: str | None = None  # of a file of text; None where it says nothing or is binary
    notes: tuple[str, ...] = field(default=())

    @property
    def records(self) -> int:
        return int(self.documents.num_rows) + self.rejected.total()


class _Enough(BaseException):
    """Stops a reader. No reader may take it for an error of a record."""


@dataclass
class _Few(Builder):
    """Takes so many documents, then stops the reader."""

    most: int = MOST

    def add(self, **record: Any) -> None:
        super().add(**record)
        self._stop()

    def reject(self, **record: Any) -> None:
        super().reject(**record)
        self._stop()

    def _stop(self) -> None:
        if self.documents >= self.most or len(self.rejections) >= MOST_REJECTED:
            raise _Enough


def glimpse(given: Input, split: Split, *, source: str, root: str = "", most: int = MOST) -> Glimpse:
    """The first `most` documents of a piece of an input. An archive above `LARGEST` isn't opened, and that is noted."""
    tables: list[pa.Table] = []
    builder = _Few(source=source, kind=given.kind, emit=tables.append, root=root, most=most)
    notes = []
    table = table_format(split.path)
    if table is None and _is_file(split.path) and size_of(split.path) > LARGEST:
        notes.append(f"not looked into: {size_of(split.path) / 1e6:,.0f} MB in one file")
    else:
        with suppress(_Enough):
            kind_module(given.kind).read(split, given.settings(), builder)
    builder.flush()
    rejections = builder.rejection_table()
    rules, values = rejections["rule"].to_pylist(), rejections["value"].to_pylist()
    return Glimpse(
        path=split.path,
        documents=pa.concat_tables([DOCUMENT.empty_table(), *tables]),
        rejected=Counter(rules),
        values={rule: value or "" for rule, value in reversed(list(zip(rules, values, strict=True)))},
        columns=tuple(first_row(split)) if table else (),
        charset=charset_of(split.path) if table not in COLUMNAR else None,
        notes=tuple(notes),
    )


def first_row(split: Split) -> Mapping[str, Any]:
    """The first record of a table that can be read; empty where none can."""
    rows = read_records(split, lambda *_: None)
    return next((row for _, row in rows), {})


def charset_of(path: str) -> str | None:
    """The charset of a file of text by its first bytes; None for a folder, and for what is no text by its name."""
    if not (TEXT_NAME.search(path) and _is_file(path)):
        return None
    head = _head(path, READ_BYTES)
    if b"\0" in head[:512] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    whole = head[: head.rfind(b"\n") + 1] or head
    return decode(whole)[1] if whole else None


def is_text(path: str) -> bool:
    """Whether the first bytes of a file, unpacked, are text in a charset that can be told."""
    head = _head(path, FEW_BYTES)
    try:
        return bool(decode_text(head[: head.rfind(b"\n") + 1] or head).text.strip())
    except ValueError:
        return False


def is_saved_page(path: str) -> bool:
    """Whether a file that isn't called HTML is a page of a saved site, by its name and its first bytes."""
    return may_be_page(path.rpartition("/")[2]) and is_page(_head(path, FEW_BYTES))


def translated_into(path: str) -> str | None:
    """The language that a PO file or a TMX memory says it translates into, as `pt-br`; None where it is silent."""
    head = _head(path, READ_BYTES).decode("utf-8", "replace")
    if re.search(r"\.po(\.\w+)?$", path, re.IGNORECASE):
        said = language_of_po(head)
    else:
        source = SOURCE_LANGUAGE.search(head)
        given = source[1].lower() if source else "en"
        said = next((tag for tag in VARIANT.findall(head) if tag.lower() != given), None)
    if said is None:
        return None
    language = said.lower().replace("_", "-")
    return "zh" if language in aliases("zh") else language


def _head(path: str, size: int) -> bytes:
    """The first bytes of a file, unpacked; none where it can't be opened or unpacked."""
    try:
        with opened(path) as stream:
            return Inflated(stream, LIMITS).read(size)
    except (Broken, OSError, ValueError):
        return b""


def likely_text(row: Mapping[str, Any], wanted: str) -> str | None:
    """The column of a row that a mapping to `wanted` most likely meant: the nearest name, a usual one, the longest text."""
    texts = {name: value for name, value in row.items() if isinstance(value, str)}
    lowered = {name.lower(): name for name in texts}
    near = get_close_matches(wanted.lower(), lowered, n=1, cutoff=0.7)
    usual = [lowered[name] for name in TEXTUAL if name in lowered]
    longest = sorted(texts, key=lambda name: -len(texts[name]))
    return next(iter([*(lowered[name] for name in near), *usual, *longest]), None)


def remedy(rule: str, given: Input, split: Split) -> str:
    """What to change in the profile where `rule` takes every record, found in the input itself; nothing where it can't be."""
    settings = given.settings()
    if rule.endswith(".column") and table_format(split.path):
        row = first_row(split)
        likely = likely_text(row, str(getattr(settings, "columns", {}).get("text", "text")))
        names = f"\n  its columns are {', '.join(row)}" if row else ""
        return names + (f"; say `columns: {{text: {likely}}}`" if likely else "")
    charset = charset_of(split.path)
    if charset and charset != "utf-8":
        named = "charset" in kind_module(given.kind).Settings.model_fields
        todo = f"say `charset: {charset}`" if named else f"convert it: iconv -f {charset} -t utf-8"
        return f"\n  by its bytes the file is in {charset}, not UTF-8: {todo}"
    return ""


def languages(documents: pa.Table, model: str | None) -> list[tuple[str, int]]:
    """Languages of documents, the most frequent first, by a fastText model; without one, as the records declare them."""
    if model is None or not documents.num_rows:
        return Counter(tag for tag in documents["language"].to_pylist() if tag).most_common()
    from winnow.filters.language import measure

    return Counter(measure(documents, model=model)["language.label"].to_pylist()).most_common()


def is_said(value: str) -> bool:
    """Whether a value of a column is something said, no name, path, date or number: some words, or signs of Chinese."""
    return len(WORD.findall(value)) >= LEAST_WORDS or len(HAN.findall(value)) >= LEAST_SIGNS


def _is_file(path: str) -> bool:
    filesystem, name = filesystem_of(path)
    return bool(filesystem.isfile(name))


def said(found: Glimpse, spoken: Sequence[tuple[str, int]]) -> str:
    """One line for a person: how many records became documents, of which form, and what was wrong with the others."""
    parts = [f"{found.documents.num_rows} of {found.records} records read"] if found.records else []
    if found.columns:
        parts.append(f"columns {', '.join(found.columns)}")
    if forms := Counter(_form(entry) for entry in found.documents["metadata"].to_pylist()):
        forms.pop("", None)
        parts += [f"form {', '.join(forms)}"] if forms else []
    if found.charset:
        parts.append(found.charset)
    if spoken:
        parts.append(", ".join(f"{name} {count}" for name, count in spoken[:3]))
    for rule, count in found.rejected.most_common(2):
        shown = f" ({found.values[rule][:EXCERPT]})" if found.values[rule] else ""
        parts.append(f"left out: {rule} {count}{shown}")
    return "; ".join([*parts, *found.notes]) or "nothing in it was read"


def _form(metadata: str | None) -> str:
    import json

    fields = json.loads(metadata) if metadata else {}
    return str(fields.get("dialect") or fields.get("form") or "")
