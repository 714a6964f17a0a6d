"""A unit of work: what it reads, what it is asked to do, what it leaves.

Every step of the pipeline is a list of units and one pure function `work(workspace, unit) → counts`. The function may
run anywhere, any number of times, in any order: it reads the files that the unit names, writes files whose bytes follow
from those inputs and from the parameters alone, and returns plain counts. It doesn't know Dask, receipts or the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Generic, TypeVar, overload

from pydantic import BaseModel

from winnow.stages.run.workspace import Workspace

Counts = Mapping[str, Any]
"""What a unit reports: JSON values, most of them integers. Integers are summed over a step's units."""

GROUND_VERSION = 2  # 2: exchanges are files of buckets, joined where they are many
"""Of what all steps stand on, `stages/run`: bumped when that changes the bytes of their files. All is worked again then."""

P = TypeVar("P")


class File(str):
    """A path inside the workspace, written by an earlier step. Where a unit's parameters hold one, it is an input."""

    __slots__ = ()


class Place(str):
    """Where something lies on this machine: the folder of the raw inputs, a model file. No output depends on it."""

    __slots__ = ()


Files = tuple[File, ...]


class Unworkable(Exception):
    """What a unit was given can't become what is asked of it. The message is for the user and needs no traceback."""


class Away(Unworkable):
    """Something outside that the other units of the step need as well isn't there: no further one is begun."""


@dataclass(frozen=True, kw_only=True)
class Unit(Generic[P]):
    """One piece of work, the grain of parallelism, of retry and of resume.

    `asked` is the frozen dataclass of its step's parameters, everything that the output depends on. Its values of type
    `File` are the unit's inputs: their digests enter the fingerprint, so a changed input is worked again. Those of type
    `Place` stay out of it. `raw_bytes`, where it is known, is what it reads of raw inputs: the longest begin first.
    """

    name: str
    asked: P
    raw_bytes: int = 0

    @property
    def inputs(self) -> Files:
        """Every file of the workspace that the unit reads, in the order of the parameters."""
        return tuple(_files(self.asked))


class Units(Sequence[Unit[P]]):
    """The units of a step that has one for each of some names, made when they are asked for, equal each time.

    A plan of 100,000 parts has two million units, which as objects would take 3 GB; nobody needs more than a few at once.
    """

    def __init__(self, names: Sequence[str], asked: Callable[[int, str], P], raw_bytes: Sequence[int] = ()) -> None:
        """`asked`: the parameters of a unit, of its place among the names and its own; they follow from these and from what
        the function closes over, and from nothing that it looks up."""
        self.names, self.asked, self._raw_bytes = names, asked, raw_bytes

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, place: int) -> Unit[P]: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Unit[P]]: ...

    def __getitem__(self, place: int | slice) -> Unit[P] | Sequence[Unit[P]]:
        places = range(len(self.names))[place]
        return self._unit(places) if isinstance(places, int) else [self._unit(one) for one in places]

    def __iter__(self) -> Iterator[Unit[P]]:
        return map(self._unit, range(len(self.names)))

    def _unit(self, place: int) -> Unit[P]:
        raw_bytes = self._raw_bytes[place] if self._raw_bytes else 0
        return Unit(name=self.names[place], asked=self.asked(place, self.names[place]), raw_bytes=raw_bytes)


def names_of(units: Sequence[Unit[Any]]) -> Sequence[str]:
    """The names of units, of `Units` without making them."""
    return units.names if isinstance(units, Units) else [unit.name for unit in units]


Work = Callable[[Workspace, Unit[P]], Counts]


@dataclass(frozen=True, kw_only=True)
class Step(Generic[P]):
    """A named stage of the run: the function that all its units call.

    `version` is bumped when the function's output changes for the same input; a comment beside the bump tells why.
    """

    name: str
    version: int
    work: Work[P]


Planned = tuple[Step[Any], Sequence[Unit[Any]]]
"""A step with the units that it is to work."""


def canonical(value: Any, files: Callable[[Files], Any] | None = None) -> Any:
    """Parameters as JSON values, equal for equal work: the fingerprint of a unit is a hash of them.

    `files`, where given, says what stands for a tuple of files, or for a single one, in place of their names. Places are
    left out. An object may say by a method `identity()` what of it counts. Raises `TypeError` for a value
    that has no such form, so that nothing which shapes bytes escapes the fingerprint.
    """
    if files is not None and isinstance(value, File):
        return files((value,))
    if files is not None and isinstance(value, tuple) and value and all(isinstance(inner, File) for inner in value):
        return files(value)
    if hasattr(value, "identity"):
        return canonical(value.identity(), files)
    if isinstance(value, Enum):
        return canonical(value.value, files)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return canonical({field.name: getattr(value, field.name) for field in fields(value)}, files)
    if isinstance(value, Mapping):
        return {str(name): canonical(inner, files) for name, inner in value.items() if not isinstance(inner, Place)}
    if isinstance(value, frozenset):
        return sorted(canonical(inner, files) for inner in value)
    if isinstance(value, list | tuple):
        return [canonical(inner, files) for inner in value if not isinstance(inner, Place)]
    raise TypeError(f"a parameter of type {type(value).__name__} has no canonical form")


def _files(value: Any) -> Iterator[File]:
    if isinstance(value, File):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _files(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _files(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _files(inner)
