"""From a folder of one's own to shards: the commands of docs/tutorial.md as they stand there, on a folder of every form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.profile import Profile
from winnow.pipeline.configuration.reading import read_model


def test_the_tutorial(tutorial: Path, answers: dict[str, Any]) -> None:
    place = tutorial
    assert list(answers) == ["init", "run", "inspect"]
    said = answers["init"].said
    assert "not placed: 1 .doc (no kind of source reads it): corpus/letter.doc" in said
    kinds = {find.kind for group in read_model(place / "profile.yaml", Profile).sources.values() for find in group}
    assert kinds == {"tables", "conversations", "longform", "web", "repositories"}
    manifest = read_model(place / "manifest.yaml", Manifest)
    assert set(manifest.weights()) == {"prose", "web", "conversations", "code"}
    for name in ("manifest.yaml", "profile.yaml"):
        assert (place / name).read_text().count("#") > 8  # a comment on each choice

    assert re.search(r"− deduplicate.exact 3 equal_text 3", answers["run"].said)
    assert "note:" not in answers["run"].said
    for source in manifest.weights():
        assert re.search(rf" {source} \d+\.\d \d+\.\d [\d,]+", answers["run"].said)
    assert "sequences" in answers["inspect"].said


def test_init_writes_over_nothing(winnow, tutorial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tutorial)
    answer = winnow("init", "corpus")
    assert answer.status == 2
    assert (
        "manifest.yaml and profile.yaml there already: --force writes over, --out DIR writes elsewhere" in answer.said
    )


def test_init_says_what_is_wrong_with_a_folder(winnow, tmp_path: Path) -> None:
    assert f"winnow: there is nothing at {tmp_path}/nowhere" in winnow("init", tmp_path / "nowhere").said
    (tmp_path / "empty").mkdir()
    assert f"winnow: {tmp_path}/empty holds no file" in winnow("init", tmp_path / "empty").said
    (tmp_path / "empty" / "a.doc").write_bytes(b"PK")
    answer = winnow("init", tmp_path / "empty", "--out", tmp_path)
    assert answer.status == 2
    assert f"nothing in {tmp_path}/empty is read by any kind of source" in answer.said
