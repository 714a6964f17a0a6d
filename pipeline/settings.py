"""What a run was asked to do: manifest and profile, found by name or by path, read and scaled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from winnow.pipeline.manifest import Manifest
from winnow.pipeline.packaged import MANIFESTS
from winnow.pipeline.profile import Profile, scaled
from winnow.pipeline.reading import read_model, written_at


@dataclass(frozen=True)
class Settings:
    """A manifest at the size of a profile, the profile itself, and the files that they were read from."""

    manifest: Manifest
    profile: Profile
    manifest_path: Path | None = None
    profile_path: Path | None = None

    def in_manifest(self, *keys: str | int) -> str:
        """`file:line: key` of what the manifest says at these keys, to begin a message with."""
        return written_at(self.manifest_path, keys)

    def in_profile(self, *keys: str | int) -> str:
        """The same of the profile."""
        return written_at(self.profile_path, keys)


def load_settings(manifest: str, profile: str) -> Settings:
    """Both by name (`mid`, `sample`) or by the path of a YAML file.

    Raises `ConfigurationError` with file, line and key of every mistake.
    """
    manifest_path, profile_path = _find(manifest, MANIFESTS), _find(profile, MANIFESTS / "profiles")
    what = read_model(manifest_path, Manifest)
    where = read_model(profile_path, Profile)
    return Settings(scaled(what, where), where, manifest_path, profile_path)


def _find(name: str, folder: Path) -> Path:
    return Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
