"""Small units that the runner's tests have worked: each writes a square, and that it was called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from winnow.stages.run.unit import Counts, Files, Step, Unit
from winnow.stages.run.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Number:
    number: int
    others: Files = ()


def square(workspace: Workspace, unit: Unit[Number]) -> Counts:
    with open(workspace.path("calls"), "a") as calls:
        calls.write(unit.name + "\n")
    number = unit.asked.number
    for name in unit.asked.others:
        number += int(workspace.read_bytes(name))
    workspace.write_bytes(f"squares/{unit.name}", str(number**2).encode())
    return {"number": number}


def calls(workspace: Workspace) -> list[str]:
    return sorted(Path(workspace.path("calls")).read_text().split())


UNITS = [Unit(name=f"unit-{number}", asked=Number(number=number)) for number in range(4)]
SQUARE = Step(name="square", version=1, work=square)
