"""One digest for all units of a step is another wherever one of their fingerprints is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import SmallRun
from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.planning.parts import find_parts
from winnow.pipeline.planning.plan import steps
from winnow.pipeline.record.ledger import Ledger
from winnow.pipeline.record.receipt import Fingerprints, Receipt
from winnow.pipeline.record.receipt_tables import table_of, write_table
from winnow.pipeline.record.standing import Standing
from winnow.stages.run.digests import content_digest
from winnow.stages.run.unit import File, Place, Planned, Step, Unit, Units
from winnow.stages.run.workspace import Workspace, Written

STEP = Step(name="s", version=1, work=lambda workspace, unit: {})


class MadeUp(dict[str, str]):
    """A digest for every file, as if all steps had run."""

    def __missing__(self, name: str) -> str:
        return content_digest(name.encode())


def asked(units: Sequence[Unit[Any]], folder: Path, step: Step[Any] = STEP) -> str | None:
    return Standing(Workspace(str(folder))).asked(step, units)


def planned(run: SmallRun) -> list[Planned]:
    settings = load_settings(str(run.folder / "small.yaml"), str(run.folder / "profile.yaml"))
    return steps(find_parts(settings), settings)


def told(plan: Sequence[Planned], folder: Path) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """Of each step of a plan the digest of all its units and their fingerprints, as if earlier steps had written the same."""
    found = {}
    for step, units in plan:
        marks = Fingerprints(step, MadeUp())
        found[step.name] = asked(units, folder, step), tuple(map(marks.of, units))
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 11", "seed: 12"),
        ("threshold: 0.7", "threshold: 0.8"),
        ("gopher_repetition", "gopher_quality"),
        ("mid", "mid"),
    ],
)
def test_a_step_whose_fingerprints_change_has_another_digest(
    small_run: SmallRun, tmp_path: Path, old: str, new: str
) -> None:
    if old not in (small_run.folder / "small.yaml").read_text():
        pytest.fail(f"the manifest of the small run has no {old}")
    before = told(planned(small_run), tmp_path)
    after = told(planned(small_run.with_manifest(tmp_path / "changed", old, new)), tmp_path)
    assert None not in [digest for digest, _ in before.values()]
    changed = {name for name in before.keys() & after.keys() if before[name][1] != after[name][1]}
    noticed = {name for name in before.keys() & after.keys() if before[name][0] != after[name][0]}
    assert changed <= noticed and (noticed == set()) == (old == new) and len(noticed) < len(before)


@dataclass(frozen=True, kw_only=True)
class Asked:
    number: int
    files: tuple[File, ...] = ()
    place: Place


def made(names: Sequence[str], number: int, files: Sequence[str] = (), place: str = "here") -> Units[Asked]:
    def inner(at: int) -> int:
        return at + number

    return Units(
        names,
        lambda at, _: Asked(number=inner(at), files=tuple(map(File, files)), place=Place(place)),
        [1] * len(names),
    )


def test_it_follows_from_names_and_from_what_is_closed_over(tmp_path: Path) -> None:
    different = [made("ab", 1), made("ac", 1), made("ab", 2), made("ab", 1, ["f"]), [*made("ab", 1)]]
    assert all(asked(one, tmp_path) != asked(other, tmp_path) for one, other in combinations(different, 2))
    assert asked(made("ab", 1), tmp_path) == asked(made("ab", 1), tmp_path)
    assert asked(made("ab", 1), tmp_path) != asked(made("ab", 1), tmp_path, Step(name="s", version=2, work=STEP.work))


def unreadable() -> Callable[[int, str], Asked]:
    counter = iter(range(9))
    return lambda at, name: Asked(number=next(counter))


def test_units_that_follow_from_anything_else_have_none(tmp_path: Path) -> None:
    assert asked(Units("ab", unreadable()), tmp_path) is None
    assert asked(Units("ab", lambda at, name, number=1: Asked(number=number)), tmp_path) is None


def test_what_tables_come_to_is_known_while_they_stand_and_not_of_others(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))

    def tables(*units: str) -> Ledger:
        made = table_of(Receipt(step="s", unit=unit, fingerprint="") for unit in units)
        return Ledger(workspace, [write_table(workspace, "s", made)])

    first = Standing(workspace)
    first.note("s", "asked", tables("a", "b"))
    assert first.sum("s") is None
    first.note_sum("s", {"units": 2})
    first.write()
    again, other = Standing(workspace), Standing(workspace)
    again.note("s", "asked otherwise", tables("a", "b"))
    other.note("s", "asked", tables("a", "c"))
    assert (again.sum("s"), other.sum("s")) == ({"units": 2}, None)


def test_notes_of_which_a_byte_has_changed_are_none(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    standing = Standing(workspace)
    standing.note("s", "asked", Ledger(workspace, [write_table(workspace, "s", table_of([]))]))
    standing.note_sum("s", {"units": 2})
    standing.write()
    content = workspace.read_bytes("standing.json")
    workspace.write_bytes("standing.json", content.replace(b'"units": 2', b'"units": 3'))
    harmed = Standing(workspace)
    harmed.note("s", "asked", Ledger(workspace, [write_table(workspace, "s", table_of([]))]))
    assert harmed.sum("s") is None


def test_what_earlier_steps_have_written_counts(tmp_path: Path) -> None:
    digests = []
    for digest in ("a", "a", "b"):
        standing = Standing(Workspace(str(tmp_path)))
        written = (Written(path="f", bytes=1, digest=digest),)
        standing.note("earlier", "asked", [Receipt(step="earlier", unit="u", fingerprint="", outputs=written)])
        digests.append(standing.asked(STEP, made("ab", 1)))
    assert digests[0] == digests[1] != digests[2]
