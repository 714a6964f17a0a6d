"""A unit of work: what it reads, what it is asked to do, what it leaves.

Every step of the pipeline is a list of units and one pure function `work(workspace, unit) → counts`. The function may
run anywhere, any number of times, in any order: it reads the files that the unit names, writes files whose bytes follow
from those inputs and from the parameters alone, and returns plain counts. It doesn't know Dask, receipts or the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from winnow.stages.run.workspace import Workspace

Counts = Mapping[str, Any]
"""What a unit reports: JSON values, most of them integers. Integers are summed over a step's units."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One piece of work, the grain of parallelism, of retry and of resume.

    `inputs` are paths inside the workspace, made by earlier steps; their digests enter the unit's fingerprint, so a
    changed input is worked again. `parameters` are JSON values: everything else that the output depends on. `places`
    says where things lie on this machine (the folder of the raw inputs, a model file): the output doesn't depend on it.
    """

    name: str
    inputs: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


Work = Callable[[Workspace, Unit], Counts]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A named stage of the run: the function that all its units call.

    `version` is bumped when the function's output changes for the same input; a comment beside the bump tells why.
    """

    name: str
    version: int
    work: Work


Planned = tuple[Step, list[Unit]]
"""A step with the units that it is to work."""
