"""Looks into inputs before a run: some records of each, and the sources of which none can be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.drafting.glimpse import EXCERPT, LARGEST, Glimpse, glimpse, remedy
from winnow.pipeline.planning.parts import Part

FURTHER = 5  # parts of an input that are looked into after a first without a document


@dataclass(frozen=True, kw_only=True)
class Look:
    """What some records of a part are; `entry`: the place of its input in the profile's list for the source."""

    part: Part
    entry: int
    found: Glimpse

    @property
    def unread(self) -> bool:
        """Whether it was looked into and gave no document."""
        return not (self.found.documents.num_rows or self.found.notes)


def look(parts: Sequence[Part], sizes: Mapping[str, int], settings: Settings) -> list[Look]:
    """One look into each input of the profile, and where it gives nothing a second, into another part that gives something.

    `sizes`: bytes of each file or folder. The first part that isn't too large to be looked into stands for its input.
    """
    by_input: dict[int, list[Part]] = {}
    for part in parts:
        by_input.setdefault(id(part.input), []).append(part)
    looks: list[Look] = []
    for own in by_input.values():
        inputs = settings.profile.sources[own[0].source]
        entry = next(place for place, given in enumerate(inputs) if given is own[0].input)
        own = sorted(own, key=lambda part: max(LARGEST, sizes[part.split.path]))
        first = _look(own[0], entry, settings)
        looks.append(first)
        if first.unread:
            further = (_look(part, entry, settings) for part in own[1 : FURTHER + 1])
            looks += islice((other for other in further if not other.unread), 1)
    return looks


def _look(part: Part, entry: int, settings: Settings) -> Look:
    root = settings.profile.base + "/"
    return Look(part=part, entry=entry, found=glimpse(part.input, part.split, source=part.source, root=root))


def unread(looks: Iterable[Look], settings: Settings) -> tuple[list[str], list[str]]:
    """A message for each input of which nothing was read: those of a source that has others, and those of one that hasn't."""
    by_input: dict[tuple[str, int], list[Look]] = {}
    for one in looks:
        by_input.setdefault((one.part.source, one.entry), []).append(one)
    dark = {place: own[0] for place, own in by_input.items() if all(one.unread for one in own)}
    seen = {source for source, _ in by_input.keys() - dark.keys()}
    notes = [_told(one, settings) for (source, _), one in dark.items() if source in seen]
    return notes, [_told(one, settings) for (source, _), one in dark.items() if source not in seen]


def _told(one: Look, settings: Settings) -> str:
    place = settings.in_profile("sources", one.part.source, one.entry)
    kind, name = one.part.input.kind, settings.profile.relative(one.part.split.path)
    if not one.found.rejected:
        return f"{place}: nothing in {name} is read by kind {kind}: look at `paths`, or choose another kind"
    rule, count = one.found.rejected.most_common(1)[0]
    value = f": {one.found.values[rule][:EXCERPT]}" if one.found.values[rule] else ""
    fix = remedy(rule, one.part.input, one.part.split)
    return f"{place}: none of the {one.found.records:,} records looked at in {name} is read, {count:,} by {rule}{value}{fix}"
