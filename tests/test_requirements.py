"""The files that a set-up installs from: every dependency by version and hash, and no word of where it comes from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
APART = {"torch"}  # each machine has its own build of it
ENTRY = re.compile(r"^([\w.-]+)==(\S+)(?: ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def entries(name: str) -> dict[str, str]:
    return {
        canonicalize_name(found[1]): found[2] for found in ENTRY.finditer((ROOT / "requirements" / name).read_text())
    }


@pytest.mark.parametrize("name", ["run.txt", "train.txt", "test.txt"])
def test_a_file_of_requirements_is_entries_of_a_version_and_hashes_alone(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert ENTRY.sub("", text).strip() == ""
    assert "://" not in text and "--index" not in text and "--find" not in text


@pytest.mark.parametrize(
    ("name", "extras"), [("run.txt", ()), ("train.txt", ("train",)), ("test.txt", ("train", "test"))]
)
def test_the_files_hold_what_the_project_asks_for(name: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    held = entries(name)
    asked = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    for line in asked:
        needed = Requirement(line)
        if needed.name not in APART:
            assert needed.specifier.contains(held[canonicalize_name(needed.name)]), line


def test_versions_are_those_that_the_project_was_tested_with() -> None:
    pinned = dict(re.findall(r"^([\w.\[\]-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    held = entries("test.txt")
    pins = {canonicalize_name(name.partition("[")[0]): version for name, version in pinned.items()}
    assert {name: version for name, version in held.items() if name in pins} == {
        name: version for name, version in pins.items() if name in held
    }
