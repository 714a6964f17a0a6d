"""What a run was asked to do: manifest and profile, found by name or by path, read and scaled."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from winnow.pipeline.configuration.ancestry import Ancestor, ancestors
from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.packaged import MANIFESTS, is_packaged, packaged
from winnow.pipeline.configuration.profile import Profile, scaled
from winnow.pipeline.configuration.reading import ConfigurationError, folder_of, read_model, written_at
from winnow.pipeline.configuration.series import Seen, built_on, dated, seen_by


@dataclass(frozen=True)
class Settings:
    """A manifest at the size of a profile, the profile itself, and the files that they were read from."""

    manifest: Manifest
    profile: Profile
    manifest_path: Path | None = None
    profile_path: Path | None = None
    line: tuple[Ancestor, ...] = ()  # the runs that this one is built on, nearest first
    dated: frozenset[str] = frozenset()  # paths of the profile that a date was written into
    seen: Seen | None = None  # of a series: what its earlier runs have read

    def in_manifest(self, *keys: str | int) -> str:
        """`file:line: key` of what the manifest says at these keys, to begin a message with."""
        return written_at(self.manifest_path, keys)

    def in_place(self, key: str, path: str) -> str:
        """A path of the manifest, below its top-level `key`, as it can be opened."""
        if self.manifest_path is None:
            return self.profile.place(path)
        path = beside(self.manifest_path, key, path)
        return packaged(path) if is_packaged(path) else path

    def in_profile(self, *keys: str | int) -> str:
        """The same of the profile."""
        return written_at(self.profile_path, keys)


def load_settings(
    manifest: str, profile: str, after: str | None = None, *, date: str | None = None, series: str | None = None
) -> Settings:
    """Both by name (`mid`, `sample`) or by the path of a YAML file; `after`: the finished run to build on.

    `date`: what `{date}` is in paths of the profile. `series`: the folder of runs of which the one of that date takes what
    is new; then `after` is for the first of them.

    Raises `ConfigurationError` with file, line and key of every mistake.
    """
    manifest_path, profile_path = _find(manifest, MANIFESTS), _find(profile, MANIFESTS / "profiles")
    what = read_model(manifest_path, Manifest)
    where, named = dated(read_model(profile_path, Profile), date, written_at(profile_path, ("sources",)))
    where = where.model_copy(update={"root": beside(profile_path, "root", where.root)})
    what = scaled(what, where, written_at(profile_path, ("sources",)))
    if series is None:
        return Settings(what, where, manifest_path, profile_path, ancestors(after), named)
    if date is None:
        raise ConfigurationError("--series needs --date: the run's name in it")
    line = ancestors(built_on(series, date, after))
    return Settings(what, where, manifest_path, profile_path, line, named, seen_by(series, line))


def beside(file: Path, key: str, path: str) -> str:
    """A path as a manifest or profile means it: relative to the file in which its top-level key is written.

    Winnow's own profiles have no data beside them; in them it is relative to the folder that the command runs in.
    """
    path = os.path.expanduser(path)
    if "://" in path or os.path.isabs(path) or is_packaged(path):
        return path
    folder = folder_of(file, key)
    return path if folder.resolve().is_relative_to(MANIFESTS) else os.path.normpath(folder / path)


def _find(name: str, folder: Path) -> Path:
    return Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
