"""SQLite databases are read as they lie: every row or a rejection, nothing of them run, nothing written."""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.formats.containers.records import read_records, record_splits
from winnow.pipeline.drafting.survey import survey

NAMES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=8)
VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | NAMES | st.binary(max_size=9)


def database(path: Path, statements: str, rows: Sequence[tuple[str, Sequence[Any]]] = ()) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(statements)
        for statement, values in rows:
            connection.execute(statement, values)
    return path


def read(path: Path) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    told: list[tuple[str, str, str]] = []
    found = {
        place: dict(record)
        for split in record_splits(str(path))
        for place, record in read_records(split, lambda *what: told.append((what[0], what[1], str(what[2]))))
    }
    return found, told


@given(
    names=st.lists(NAMES, min_size=1, max_size=4, unique_by=str.casefold),
    table=NAMES.filter(lambda name: not name.lower().startswith("sqlite_")),
    rows=st.lists(st.lists(VALUES, min_size=4, max_size=4), max_size=5),
    keyed=st.booleans(),
    charset=st.sampled_from(["UTF-8", "UTF-16le", "UTF-16be"]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_of_any_table_is_read_as_it_was_written(
    tmp_path: Path, names: list[str], table: str, rows: list[list[Any]], keyed: bool, charset: str
) -> None:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    path = tmp_path / "any.sqlite"
    path.unlink(missing_ok=True)
    key = "number INTEGER PRIMARY KEY, " if keyed and "number" not in map(str.casefold, names) else ""
    columns = ", ".join(map(quoted, names))
    statement = f"INSERT INTO {quoted(table)} ({columns}) VALUES ({', '.join('?' * len(names))})"
    try:
        database(
            path,
            f"PRAGMA encoding = '{charset}'; CREATE TABLE {quoted(table)} ({key}{columns})",
            [(statement, row[: len(names)]) for row in rows],
        )
    except sqlite3.OperationalError:  # a name that SQLite itself refuses
        return
    found, told = read(path)
    stripped = [{name: row[name] for name in names} for row in found.values()]
    assert stripped == [dict(zip(names, row, strict=False)) for row in rows] and told == []


def test_each_table_is_a_piece_and_one_can_be_chosen(tmp_path: Path, ingest: Any) -> None:
    path = database(
        tmp_path / "shop.db",
        """CREATE TABLE laws (id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID; CREATE TABLE articles (law TEXT, body TEXT);
        INSERT INTO laws VALUES ('b', 'Second'), ('a', 'First'); INSERT INTO articles VALUES ('a', 'One.'), ('b', 'Two.');
        CREATE VIEW both AS SELECT * FROM articles JOIN laws; CREATE VIRTUAL TABLE found USING fts5(body);
        CREATE TABLE spare (rowid TEXT, body TEXT); INSERT INTO spare VALUES ('x', 'Three.')""",
    )
    found, told = read(path)
    assert told == [] and {place: row for place, row in found.items() if not place.startswith("found")} == {
        "articles row 1": {"law": "a", "body": "One."},
        "articles row 2": {"law": "b", "body": "Two."},
        "laws row 0": {"id": "a", "name": "First"},
        "laws row 1": {"id": "b", "name": "Second"},
        "spare row 1": {"rowid": "x", "body": "Three."},
    }
    documents = ingest("tables", path, table="articles", columns={"text": "body", "title": "law"}).documents
    assert [(row["text"], row["title"]) for row in documents] == [("One.", "a"), ("Two.", "b")]
    with pytest.raises(ValueError, match="has no table 'article'; it has articles"):
        ingest("tables", path, table="article", columns={"text": "body"})


def test_a_compressed_database_and_one_at_an_address_are_copied_first(tmp_path: Path) -> None:
    import fsspec

    path = database(tmp_path / "a.sqlite3", "CREATE TABLE t (text); INSERT INTO t VALUES ('Mill.')")
    (tmp_path / "b.db.gz").write_bytes(gzip.compress(path.read_bytes()))
    memory = fsspec.filesystem("memory")
    memory.pipe("/shop/c.db", path.read_bytes())
    wanted = {"t row 1": {"text": "Mill."}}
    for name in (tmp_path / "b.db.gz", "memory://shop/c.db"):
        assert read(name) == (wanted, [])  # type: ignore[arg-type]


def test_nothing_is_written_beside_or_into_the_file_and_an_unmerged_log_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = wal; CREATE TABLE t (text); INSERT INTO t VALUES ('Mill.')")
        connection.commit()
        with pytest.raises(ValueError, match=r"changes in .*log.db-wal aren't in it yet"):
            read(path)
    before = path.read_bytes()
    os.chmod(tmp_path, 0o500)
    try:
        assert read(path)[0] == {"t row 1": {"text": "Mill."}}
    finally:
        os.chmod(tmp_path, 0o700)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["log.db"]


def test_what_cannot_be_read_is_told_with_its_row(tmp_path: Path, ingest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from winnow.formats.containers import sqlite

    monkeypatch.setattr(sqlite, "RECORD_BYTES", 1000)
    path = database(
        tmp_path / "odd.db",
        "CREATE TABLE t (text); INSERT INTO t VALUES ('One.'), (printf('%.2000c', 'x')), (CAST(x'ff41' AS TEXT)), ('Four.')",
    )
    found = ingest("tables", path)
    assert [row["locator"].rpartition("#")[2] for row in found.documents] == ["t row 1", "t row 4"]
    rules = {row["locator"].rpartition("#")[2]: (row["rule"], row["value"]) for row in found.rejections}
    assert rules["t row 2"] == ("tables.size", "string or blob too big")
    assert rules["t row 3"][0] == "tables.column" and "isn't UTF-8" in str(rules["t row 3"][1])


@pytest.mark.parametrize("damage", ["no database", "cut", "page"])
def test_a_damaged_database_keeps_what_comes_before(tmp_path: Path, ingest: Any, damage: str) -> None:
    rows = [("INSERT INTO t VALUES (?)", [f"{number} " + "mill " * 200]) for number in range(200)]
    path = database(tmp_path / "torn.db", "CREATE TABLE t (text)", rows)
    content = bytearray(path.read_bytes())
    if damage == "no database":
        content = bytearray(b"Berkeley or thumbnails" * 100)
    elif damage == "cut":
        del content[len(content) // 2 :]
    else:
        middle = len(content) // 8192 * 4096
        content[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    found = ingest("tables", path)
    assert {row["rule"] for row in found.rejections} == {"tables.corrupt"}
    assert [int(row["text"].split()[0]) for row in found.documents] == list(range(len(found.documents)))
    assert (len(found.documents) > 20) == (damage == "page")


def test_a_survey_names_the_table_that_holds_texts(tmp_path: Path) -> None:
    database(
        tmp_path / "notes.db",
        "CREATE TABLE ids (number); INSERT INTO ids VALUES (1); CREATE TABLE notes (body); INSERT INTO notes VALUES ('Mill.')",
    )
    (find,) = survey([str(tmp_path)]).finds
    assert find.kind == "tables" and find.options == {"columns": {"text": "body"}, "table": "notes"}


def test_a_damaged_tree_that_leads_back_ends(tmp_path: Path) -> None:
    page = 1024
    rows = [("insert into t values (?, ?)", (number, "x" * 100)) for number in range(1, 40)]
    path = database(
        tmp_path / "a.db", f"pragma page_size = {page}; create table t (id integer primary key, text)", rows
    )
    content = bytearray(path.read_bytes())
    root = page  # the second page: an interior one, its cells' pointers behind a header of twelve bytes
    assert content[root] == 5
    cells = [root + int.from_bytes(content[root + 12 + 2 * n :][:2], "big") for n in range(3)]
    first, second = (bytes(content[cell : cell + 4]) for cell in cells[:2])
    content[cells[0] : cells[0] + 4], content[cells[1] : cells[1] + 4] = second, first
    content[cells[2] : cells[2] + 4] = (9999).to_bytes(4, "big")  # an error, behind which it would begin anew
    path.write_bytes(content)
    found, told = read(path)
    assert found
    assert [rule for _, rule, _ in told] == ["corrupt"]
    assert "stands behind row" in told[0][2]
