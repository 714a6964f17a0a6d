"""Finds what a person means in a run: a document by its id, by a file's name however it is written, or by words of its text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.pipeline.record.funnel import DROPS, INGEST_REJECTIONS
from winnow.stages.document import REJECTION
from winnow.stages.run.workspace import Workspace

SHOWN = 10  # documents or records that are listed where several are meant
IDENTITY = re.compile(r"[0-9a-f]{1,32}")
NAMES = ("url", "locator", "path")  # what documents are called
DOCUMENTS = "documents"
INSIDE = r"[/#@]"  # what stands between a file and a record of it
COMPARED = 50_000  # names that a wrong one is compared with

Matches = Callable[[pa.ChunkedArray], pa.ChunkedArray]


@dataclass(frozen=True)
class Found:
    """A row of a part of `documents/`."""

    part: str
    row: int
    identity: str
    locator: str


def find(workspace: Workspace, wanted: str) -> Found:
    """The document whose id starts with `wanted`, else which is called so, else whose text holds these words.

    A name may be an address, a locator, a path as the file is opened or the end of one, or a file that holds the document;
    of words any white space between them counts as one.

    Raises `LookupError` when there is none, with the nearest name, or when there are several, with the first of them. Of
    what never became a document, or of the name of a rule, the error says what is known: why it was left out, what it took.
    """
    found: list[Found] = []
    if IDENTITY.fullmatch(wanted):
        found = list(_rows(workspace, ("id",), lambda column: pc.starts_with(column, wanted)))
    for matches in () if found else _called(wanted):
        found = list(_rows(workspace, NAMES, matches))
        if not found and (told := _left_out(workspace, matches)):
            raise LookupError(told)
        if found:
            break
    if not found:
        words = r"\s+".join(map(_literally, wanted.split()))
        found = list(_rows(workspace, ("text",), lambda column: pc.match_substring_regex(column, words)))
    if not found:
        raise LookupError(
            _taken(workspace, wanted)
            or f"no document of this run has an id that starts with {wanted!r}, such an address or locator, or these words, "
            f"no record that became no document has such a locator, and no rule of that name took one{_near(workspace, wanted)}"
        )
    if len({one.identity for one in found}) > 1:
        shown = "\n".join(f"  {one.identity}  {one.locator}" for one in found[:SHOWN])
        more = f"\n  and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
        raise LookupError(f"{len(found):,} documents are meant by {wanted!r}; choose one by its id:\n{shown}{more}")
    return found[0]


def _called(wanted: str) -> Iterator[Matches]:
    """The ways to call something `wanted`, the strictest first: all of its name, the end of it, the file around it."""
    asked = wanted.replace("!", "/")
    asked = asked if "://" in asked else posixpath.normpath(asked)
    steps = asked.split("/")
    ends = ["/".join(steps[first:]) for first in range(len(steps))]  # a path may begin above what a locator begins with
    literal = _literally(asked)
    anyway = "|".join(map(_literally, filter(None, ends)))
    yield lambda names: pc.equal(names, asked)
    yield lambda names: pc.match_substring_regex(names, f"/{literal}$")
    yield lambda names: pc.is_in(names, value_set=pa.array(ends[:-1], pa.string()))
    yield lambda names: pc.match_substring_regex(names, f"(^|/){literal}{INSIDE}|^({anyway}){INSIDE}")
    yield lambda names: pc.ends_with(names, asked)


def _rows(workspace: Workspace, columns: tuple[str, ...], matches: Matches) -> Iterator[Found]:
    for path in workspace.list(DOCUMENTS, ".parquet"):
        table = workspace.read_table(path, columns=list(dict.fromkeys(("id", "locator", *columns))))
        rows = {row for name in columns for row in _hits(table[name], matches, named=name in NAMES)}
        for row in sorted(rows):
            part = path.removeprefix(f"{DOCUMENTS}/").removesuffix(".parquet")
            yield Found(part, row, table["id"][row].as_py(), table["locator"][row].as_py())


def _left_out(workspace: Workspace, matches: Matches) -> str | None:
    """Why records of such a locator became no documents."""
    found = partial(_hits, matches=matches, named=True)
    return _listed(workspace, "records that became no document", (INGEST_REJECTIONS,), "locator", found)


def _taken(workspace: Workspace, rule: str) -> str | None:
    """What the rule of that name took."""
    found = partial(_hits, matches=lambda names: pc.equal(names, rule), named=False)
    return _listed(workspace, f"records that {rule} took", (INGEST_REJECTIONS, DROPS), "rule", found)


def _listed(
    workspace: Workspace, what: str, folders: Sequence[str], name: str, found: Callable[[pa.ChunkedArray], list[int]]
) -> str | None:
    """How many there are, and the first of them line by line."""
    count, shown = 0, list[str]()
    for path in (entry for folder in folders for entry in workspace.list(folder, ".parquet")):
        table = workspace.read_table(path, columns=REJECTION.names)
        rows = found(table[name])
        count += len(rows)
        first = pa.array(rows[: SHOWN - len(shown)], pa.int64())
        shown += map(_reason, table.take(first).to_pylist())
    part = ", the first of them" if count > len(shown) else ""
    return f"{what}: {count:,}{part}\n" + "\n".join(shown) if count else None


def _reason(entry: Mapping[str, Any]) -> str:
    value, threshold = (entry[name] for name in ("value", "threshold"))
    figures = (f": {value}" if value else "") + (f", asked {threshold}" if threshold else "")
    return f"  {entry['id'] or entry['stage']}  {entry['locator']}  {entry['rule']}{figures}"


def _hits(column: pa.ChunkedArray, matches: Matches, *, named: bool) -> list[int]:
    """Rows that match; a file in an archive or folder, `folder!file`, is called `folder/file` too."""
    column = pc.replace_substring(column, "!", "/") if named else column
    return list(pc.indices_nonzero(pc.fill_null(matches(column), False)).to_pylist())


def _literally(text: str) -> str:
    """The text as a regular expression of RE2, which knows no escaped letters of other scripts."""
    return "".join(rf"\{sign}" if sign.isascii() and not sign.isalnum() and sign != "_" else sign for sign in text)


def _near(workspace: Workspace, wanted: str) -> str:
    """`; did you mean the file 'notes.txt'?`, by the last step of names."""
    if any(sign.isspace() for sign in wanted):
        return ""
    known: set[str] = set()
    for path in (*workspace.list(DOCUMENTS, ".parquet"), *workspace.list(INGEST_REJECTIONS, ".parquet")):
        for locator in workspace.read_table(path, columns=["locator"])["locator"].unique().to_pylist():
            known.add(re.split(r"[!/]", re.sub(r"[#@]\d[\d.]*$", "", locator))[-1])
        if len(known) > COMPARED:
            break
    near = get_close_matches(re.split(r"[!/]", wanted)[-1], sorted(known), n=1)
    return f"; did you mean the file {near[0]!r}?" if near else ""
