"""What a run was asked to do: manifest and profile, found by name or by path, read and scaled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from winnow.pipeline.manifest import Manifest
from winnow.pipeline.packaged import MANIFESTS
from winnow.pipeline.profile import Profile, scaled
from winnow.pipeline.reading import read_model


@dataclass(frozen=True)
class Settings:
    """A manifest at the size of a profile, and the profile itself."""

    manifest: Manifest
    profile: Profile


def load_settings(manifest: str, profile: str) -> Settings:
    """Both by name (`mid`, `sample`) or by the path of a YAML file.

    Raises `ConfigurationError` with file, line and key of every mistake.
    """
    what = read_model(_find(manifest, MANIFESTS), Manifest)
    where = read_model(_find(profile, MANIFESTS / "profiles"), Profile)
    return Settings(scaled(what, where), where)


def _find(name: str, folder: Path) -> Path:
    return Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
