"""The digest of a user's code: what it follows, what it leaves out, and a worker that has other code."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from winnow.stages.run import code
from winnow.stages.run.code import Code, ForeignCodeError, code_digest, code_of, module_code, sources

NAMES = (f"brought_{number}" for number in itertools.count())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of the user's beside a module of theirs; its name is new each time, as Python remembers old ones."""
    name = next(NAMES)
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / name
    (folder / "rules").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "rules" / "__init__.py").write_text("from . import words\n")
    (folder / "rules" / "words.py").write_text("WORDS = 3\n")
    (folder / "unused.py").write_text("X = 1\n")
    (tmp_path / f"{name}_beside.py").write_text("Y = 1\n")
    text = f"import json\nimport numpy\nfrom {name}.rules import words\n\ndef f():\n    import {name}_beside\n"
    (folder / "source.py").write_text(text)
    return name


def test_the_digest_follows_what_the_module_imports_of_the_users_own(package: str, tmp_path: Path) -> None:
    wanted = {package, f"{package}.source", f"{package}.rules", f"{package}.rules.words", f"{package}_beside"}
    assert set(sources(f"{package}.source")) == wanted
    before = code_digest(f"{package}.source")
    (tmp_path / package / "unused.py").write_text("X = 2\n")
    assert code_digest(f"{package}.source") == before
    for path in (f"{package}/rules/words.py", f"{package}_beside.py", f"{package}/source.py", f"{package}/__init__.py"):
        (tmp_path / path).write_text((tmp_path / path).read_text() + "Z = 1\n")
        assert code_digest(f"{package}.source") != before
        before = code_digest(f"{package}.source")


def test_a_module_alone_in_a_folder_is_followed_to_its_neighbour(package: str, tmp_path: Path) -> None:
    (tmp_path / f"{package}_alone.py").write_text(f"import {package}_beside\nimport pytest\n")
    assert set(sources(f"{package}_alone")) == {f"{package}_alone", f"{package}_beside"}


def test_an_installed_package_is_not_followed_to_its_neighbours() -> None:
    assert {name.partition(".")[0] for name in sources("click.core")} == {"click"}


def test_code_is_found_in_options_at_any_depth(package: str) -> None:
    options = {"scorer": f"{package}.source:f", "arguments": {"blocks": [f"{package}.rules.words.W", "resource:words"]}}
    assert [found.module for found in code_of(options)] == [f"{package}.rules.words", f"{package}.source"]
    assert code_of({"scorer": "winnow.filters.scorers:OnnxScorer", "model": "lid.176", "by": "json.loads"}) == ()
    assert [found.module for found in module_code(f"{package}.source")] == [f"{package}.source"]
    assert module_code("web") == module_code("winnow.stages.ingest.web") == ()


def test_a_worker_with_other_code_says_so(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "_LOADED", {})
    [planned] = code_of(f"{package}.source:f")
    planned.check()
    (tmp_path / package / "source.py").write_text("def f(): return 2\n")
    [edited] = code_of(f"{package}.source:f")
    assert isinstance(edited, Code) and edited != planned
    with pytest.raises(ForeignCodeError, match=f"other code of {package}.source"):
        edited.check()  # this process has loaded what was there before
    monkeypatch.setattr(code, "_LOADED", {})
    edited.check()
