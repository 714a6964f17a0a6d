"""Receipts in tables: the same receipts, none lost and no older one believed, whenever the process that enters them is killed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.pipeline.proof.lock import step_sum
from winnow.pipeline.record import ledger
from winnow.pipeline.record.ledger import Book, Ledger, Row, done_of, read_receipts, receipt_files
from winnow.pipeline.record.receipt import Receipt, receipt_path, write_receipt
from winnow.pipeline.record.receipt_tables import read_table, table_of, write_table
from winnow.stages.run.digests import content_digest
from winnow.stages.run.workspace import Workspace, Written

STEP = "measure"


class Killed(BaseException):
    """As if by kill -9: nobody cleans up."""


@dataclass
class Mortal(Workspace):
    """Dies before the change of the disk after so many."""

    left: int = 1 << 30

    def _live(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def write_bytes(self, name: str, content: bytes) -> None:
        self._live()
        super().write_bytes(name, content)

    def remove(self, name: str) -> None:
        self._live()
        super().remove(name)

    def remove_all(self, names: Sequence[str]) -> None:
        for name in names:
            self._live()
            super().remove_all([name])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LEAST_UNITS", 3)
    monkeypatch.setattr(ledger, "ROWS", 2)


def path_of(name: str) -> str:
    return f"numbers/{name}.txt"


def round_of(workspace: Workspace, asked: dict[str, int], *, partial: bool = False) -> Sequence[Receipt]:
    """What the runner does with a step, one unit after the other: each writes the number that it is asked for."""
    marks = {name: str(number) for name, number in asked.items()}
    book = Book(workspace, STEP, receipt_files(workspace.listed()[0]).get(STEP, ()))
    finished = book.finished(marks)
    for name in finished:
        assert workspace.read_bytes(path_of(name)) == marks[name].encode(), (
            "a receipt tells of a file that was replaced"
        )
    book.discard(finished, within=marks if partial else None)
    for name in marks:
        if name not in finished:
            content = marks[name].encode()
            workspace.write_bytes(path_of(name), content)
            written = Written(path_of(name), len(content), content_digest(content))
            done = Receipt(step=STEP, unit=name, fingerprint=marks[name], outputs=(written,), counts={"n": asked[name]})
            write_receipt(workspace, done)
            finished[name] = done
    return [] if partial else book.entered(list(asked), finished)


NAMES = [f"web-{number:05d}" for number in range(7)]
ROUNDS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(NAMES), st.integers(1, 2), min_size=1),
        st.booleans(),
        st.integers(0, 40),
    ),
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(ROUNDS, st.dictionaries(st.sampled_from(NAMES), st.integers(1, 2), min_size=1))
def test_killed_anywhere_no_receipt_is_believed_that_does_not_hold(
    rounds: list[tuple[dict[str, int], bool, int]], last: dict[str, int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for asked, partial, lives in rounds:
            try:
                round_of(Mortal(folder, left=lives), asked, partial=partial)
            except Killed:
                continue
        receipts = round_of(Workspace(folder), last)
        assert [(one.unit, one.fingerprint, one.counts) for one in receipts] == [
            (name, str(number), {"n": number}) for name, number in last.items()
        ]
        workspace = Workspace(folder)
        for name, number in last.items():
            assert workspace.read_bytes(path_of(name)) == str(number).encode()
        assert sorted(one.unit for one in read_receipts(workspace)) == sorted(last)
        assert done_of(workspace, {STEP: [*last, "another"], "other": ["a"]}) == {STEP: len(set(last)), "other": 0}
        again = Mortal(folder, left=0)  # a finished step is left as it is
        assert list(round_of(again, last)) == list(receipts)


def test_a_kill_at_any_change_of_the_disk_loses_no_finished_unit(tmp_path: Path) -> None:
    asked = dict.fromkeys(NAMES, 1)
    for lives in range(14, 60):  # from the first unit's end on: all units take 14 changes
        workspace = Mortal(str(tmp_path / str(lives)), left=lives)
        try:
            round_of(workspace, asked)
        except Killed:
            assert {one.unit for one in read_receipts(Workspace(workspace.root))} == set(NAMES)
        else:
            assert lives > 14
            return
    pytest.fail("it never came to its end")


RECEIPT = Receipt(
    step=STEP,
    unit="文档-00000",
    fingerprint="f" * 32,
    outputs=(Written("documents/a.parquet", 9, "3" * 32), Written("documents/b.parquet", 1 << 40, "4" * 32)),
    counts={"big": 1 << 70, "name": "\udc80", "lengths": {9: 1}, "none": None, "share": 0.1, "rules": (1, 2)},
    seconds=0.125,
    environment="e" * 16,
    began=1796077072.086,
    memory=369459200,
)


def test_receipts_come_back_from_a_table_as_from_files(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    given = [RECEIPT, replace(RECEIPT, unit="b", outputs=(), counts={}, began=0.0), replace(RECEIPT, unit="c")]
    table = write_table(workspace, STEP, table_of(given))
    read = list(read_table(workspace, table.path).receipts())
    assert [one.to_json() for one in read] == [one.to_json() for one in given]
    assert read == [Receipt.from_json(one.to_json()) for one in given]
    assert [one.to_json() for one in table.receipts([2, 1])] == [given[2].to_json(), given[1].to_json()]
    book = Ledger(workspace, [table, table])
    assert [one.unit for one in book] == [one.unit for one in book[:]] == ["文档-00000", "b", "c"] * 2
    assert (len(book), book[4].unit, book[-1].unit) == (6, "b", "c")


def test_a_step_has_the_same_lock_from_files_and_from_tables(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    loose = [replace(RECEIPT, unit=f"u{number}", counts={"n": number, "rules": {"a": 1}}) for number in (3, 1, 2)]
    table = write_table(workspace, STEP, table_of(loose))
    assert step_sum(STEP, 1, loose) == step_sum(STEP, 1, Ledger(workspace, [table]))


def test_no_bit_of_a_table_can_change_unnoticed(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    table = write_table(workspace, STEP, table_of([RECEIPT]))
    content = workspace.read_bytes(table.path)
    for place in range(0, len(content), 7):
        workspace.write_bytes(table.path, content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(ValueError):
            read_table(workspace, table.path)
    round_of(workspace, dict.fromkeys(NAMES, 1))
    assert not workspace.exists(table.path)  # worked again, and gone


def test_few_receipts_stay_files_and_names_that_are_no_unicode_do_too(tmp_path: Path) -> None:
    few = Workspace(str(tmp_path / "few"))
    assert [one.unit for one in round_of(few, dict.fromkeys(NAMES[:2], 1))] == NAMES[:2]
    assert few.list("receipts") == [receipt_path(STEP, name) for name in NAMES[:2]]
    odd = Workspace(str(tmp_path / "odd"))
    names = [*NAMES, "\udc80"]
    assert [one.unit for one in round_of(odd, dict.fromkeys(names, 1))] == names
    assert len(odd.list("receipts", ".json")) == 8 == len({*odd.list("receipts")})
    assert [one.unit for one in round_of(Mortal(str(tmp_path / "odd"), left=0), dict.fromkeys(names, 1))] == names


def test_a_table_that_holds_what_is_asked_is_kept(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    round_of(workspace, dict.fromkeys(NAMES, 1))
    before = workspace.list("receipts")
    assert len(before) == 4
    round_of(workspace, {**dict.fromkeys(NAMES, 1), NAMES[0]: 2})
    assert len({*before} & {*workspace.list("receipts")}) == 3
    assert all(isinstance(held, Row) for held in Book(workspace, STEP, workspace.list("receipts")).rows().values())
