"""The parts of a run: the splits of its inputs, named and numbered in the order of the profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from winnow.formats.addresses import expand
from winnow.formats.splits import Split
from winnow.pipeline.profile import Input
from winnow.pipeline.reading import ConfigurationError
from winnow.pipeline.settings import Settings
from winnow.stages.ingest.source import kind_module
from winnow.stages.run.inventory import TakeInventory, change_mark
from winnow.stages.run.unit import Place, Unit


@dataclass(frozen=True, kw_only=True)
class Part:
    """One split of one input, and the name under which its documents travel."""

    name: str
    source: str
    input: Input
    split: Split
    path: str  # the split's path relative to the profile's root: what ids and locks see
    inventory: str


def find_parts(settings: Settings) -> list[Part]:
    """The parts of every source of the mixture, in the order of the profile.

    Raises `ConfigurationError` when an input isn't there.
    """
    parts: list[Part] = []
    profile = settings.profile
    for source in sorted(settings.manifest.weights()):
        number = 0
        for given in profile.sources[source]:
            module, options = kind_module(given.kind), given.settings()
            for pattern in given.paths:
                for path in _expand(profile.place(pattern), source):
                    for split in module.splits(path, options):
                        name = f"{source}-{number:05d}"
                        number += 1
                        parts.append(
                            Part(
                                name=name,
                                source=source,
                                input=given,
                                split=split,
                                path=profile.relative(split.path),
                                inventory=inventory_name(profile.relative(path)),
                            )
                        )
    return parts


def _expand(pattern: str, source: str) -> list[str]:
    try:
        return expand(pattern)
    except FileNotFoundError as error:
        raise ConfigurationError(f"source {source}: {error}") from None


def inventory_name(path: str) -> str:
    return path.strip("/").replace("://", "_").replace("/", "_")


def inventory_units(parts: Sequence[Part], settings: Settings) -> list[Unit[TakeInventory]]:
    """One unit for each raw input, model file and benchmark file."""
    profile = settings.profile
    paths = {part.inventory: part.split.path for part in parts}
    others = [*profile.resources.values(), *(benchmark.path for benchmark in profile.benchmarks)]
    paths |= {inventory_name(path): profile.place(path) for path in others}
    return [
        Unit(
            name=name,
            asked=TakeInventory(path=profile.relative(path), place=Place(path), **change_mark(path)),
        )
        for name, path in sorted(paths.items())
    ]
