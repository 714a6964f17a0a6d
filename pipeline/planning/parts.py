"""The parts of a run: the splits of its inputs, named and numbered in the order of the profile.

Small files that one pattern names are bundled: a part costs some tenths of a second in every step, and ten thousand pages
of 20 kB would be ten thousand parts.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from winnow.filters.kernels.fasttext_model import load_model
from winnow.formats.addresses import expand, filesystem_of
from winnow.formats.splits import Split, bytes_in
from winnow.pipeline.configuration.profile import Input
from winnow.pipeline.configuration.reading import ConfigurationError, NothingNew
from winnow.pipeline.configuration.series import shared_by
from winnow.pipeline.configuration.settings import Settings
from winnow.stages.ingest.source import kind_module
from winnow.stages.measuring import LANGUAGE
from winnow.stages.passes import RESOURCE, resources_of
from winnow.stages.run.inventory import TakeInventory, change_mark
from winnow.stages.run.unit import Place, Unit

SMALL_BYTES = 1 << 20  # a larger file is worth a part, of whose number the parallelism comes
BUNDLE_BYTES = 16 << 20
BUNDLE_FILES = 4096
LAYOUT = "config.json"  # holds a folder that is one model, in the layout of Hugging Face


@dataclass(frozen=True, kw_only=True)
class Part:
    """A split of one input, or several small inputs, and the name under which the documents travel."""

    name: str
    source: str
    input: Input
    pieces: tuple[Split, ...]
    inputs: tuple[str, ...]  # the files and folders that the pieces are of, as they can be opened

    @property
    def split(self) -> Split:
        """The first piece, which stands for the others where one example is enough."""
        return self.pieces[0]


def find_parts(settings: Settings) -> list[Part]:
    """The parts of every source of the mixture, in the order of the profile; of a run of a series those of new inputs.

    Raises `ConfigurationError` that names every input, resource and benchmark that isn't there or can't be cut, and
    `NothingNew` where a series has none.
    """
    parts: list[Part] = []
    profile = settings.profile
    problems = _absent(settings)
    for source in sorted(settings.manifest.weights()):
        number = 0
        for entry, given in enumerate(profile.sources[source]):
            for position, pattern in enumerate(given.paths):
                try:
                    found = list(_splits(given, pattern, settings))
                except (OSError, ValueError) as error:
                    place = settings.in_profile("sources", source, entry, "paths", position)
                    problems.append(f"{place}: {error}")
                    continue
                for bundle in _bundled(found):
                    name = f"{source}-{number:05d}"
                    number += 1
                    parts.append(
                        Part(
                            name=name,
                            source=source,
                            input=given,
                            pieces=tuple(split for _, split in bundle),
                            inputs=tuple(dict.fromkeys(path for path, _ in bundle)),
                        )
                    )
    if problems:
        raise ConfigurationError("\n".join(problems))
    if not parts and settings.seen is not None:
        raise NothingNew("there is nothing new to read: earlier runs of the series have read every input")
    return parts


def in_hand(settings: Settings, parts: Sequence[Part]) -> Settings:
    """The settings with which these parts are worked: in a series a source that brings nothing has no share."""
    there = {part.source for part in parts}
    if settings.seen is None or there == set(settings.manifest.weights()):
        return settings
    return replace(settings, manifest=shared_by(settings.manifest, there))


def _splits(given: Input, pattern: str, settings: Settings) -> Iterator[tuple[str, Split]]:
    """The pieces of what one path or pattern of the profile names, each with its file or folder.

    Raises `OSError` or `ValueError` where nothing is there or the kind can't cut it. In a series there may be nothing of
    a date, and what was read before is left out.
    """
    module, options = kind_module(given.kind), given.settings()
    profile, seen, relative = settings.profile, settings.seen, settings.profile.naming()
    try:
        paths = expand(profile.place(pattern))
    except FileNotFoundError:
        if seen is None or pattern not in settings.dated:
            raise
        paths = []
    for path in paths:
        name = relative(path)
        if seen is None or not seen.has(_inventory_unit(inventory_name(name), name, path)):
            for split in module.splits(path, options):
                if not isinstance(split, Split):
                    raise ValueError(f"`splits` of {given.kind} gave {split!r}: it gives a list of `Split`")
                yield path, split


def input_sizes(parts: Sequence[Part]) -> dict[str, int]:
    """Every input that these parts are read from, by its name, with its bytes; of a folder all that lies in it."""
    return {path: bytes_in(path) for path in sorted({piece.path for part in parts for piece in part.pieces})}


def _bundled(found: Sequence[tuple[str, Split]]) -> Iterator[list[tuple[str, Split]]]:
    """The pieces by part: small files that follow each other together, anything else alone."""
    pieces = Counter(split.path for _, split in found)
    bundle: list[tuple[str, Split]] = []
    held = 0
    for path, split in found:
        size = _small(split.path) if pieces[split.path] == 1 else None
        if bundle and (size is None or held + size > BUNDLE_BYTES or len(bundle) == BUNDLE_FILES):
            yield bundle
            bundle, held = [], 0
        if size is None:
            yield [(path, split)]
        else:
            bundle.append((path, split))
            held += size
    if bundle:
        yield bundle


def _small(path: str) -> int | None:
    """The size of a small file in bytes; None for a larger one, and for a folder."""
    filesystem, name = filesystem_of(path)
    told = os.lstat(name) if "file" in filesystem.protocol else None
    if told is not None and not stat.S_ISLNK(told.st_mode):
        size, plain = told.st_size, stat.S_ISREG(told.st_mode)
    else:
        entry = filesystem.info(name)
        size, plain = int(entry["size"] or 0), entry["type"] == "file"
    return size if plain and size < SMALL_BYTES else None


def _absent(settings: Settings) -> list[str]:
    """Resources and benchmarks that aren't there, and language models that are none."""
    profile = settings.profile
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("resources", name), path) for name, path in profile.resources.items()
    ]
    named += [(("benchmarks", number, "path"), found.path) for number, found in enumerate(profile.benchmarks)]
    problems = []
    models = {
        resource.removeprefix(RESOURCE)
        for entry in settings.manifest.filters
        if entry.recipe == LANGUAGE and "://" not in profile.base
        for resource in resources_of(entry.options)
    }
    for keys, path in named:
        try:
            expand(profile.place(path))
            place = profile.place(path)
            if os.path.isdir(place) and not (keys[0] == "resources" and os.path.exists(os.path.join(place, LAYOUT))):
                raise IsADirectoryError(f"{place} is a folder; name a file of it")
            if keys[-1] in models:
                load_model(profile.place(path))
        except (FileNotFoundError, IsADirectoryError, ValueError) as error:
            problems.append(f"{settings.in_profile(*keys)}: {error}")
    return problems


def inventory_name(path: str) -> str:
    return path.strip("/").replace("://", "_").replace("/", "_")


def inventory_units(parts: Sequence[Part], settings: Settings) -> list[Unit[TakeInventory]]:
    """One unit for each raw input, model file and benchmark file."""
    profile, relative = settings.profile, settings.profile.naming()
    paths = {inventory_name(relative(path)): path for part in parts for path in part.inputs}
    others = [*profile.resources.values(), *(benchmark.path for benchmark in profile.benchmarks)]
    paths |= {inventory_name(path): profile.place(path) for path in others}
    return [_inventory_unit(name, relative(path), path) for name, path in sorted(paths.items())]


def _inventory_unit(name: str, path: str, place: str) -> Unit[TakeInventory]:
    return Unit(name=name, asked=TakeInventory(path=path, place=Place(place), **change_mark(place)))


def changed_since(units: Sequence[Unit[TakeInventory]]) -> list[str]:
    """The inputs of an inventory that are no longer as they were when it was planned: changed, renamed within or gone."""
    return [unit.asked.path for unit in units if not _is_as_taken(unit.asked)]


def _is_as_taken(taken: TakeInventory) -> bool:
    try:
        found = change_mark(taken.place)
    except FileNotFoundError:
        return False
    return bool(found == {"files": taken.files, "mark": taken.mark})
