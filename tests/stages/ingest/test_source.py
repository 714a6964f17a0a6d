"""What a kind of source of one's own is told that doesn't keep to what a kind answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from winnow.pipeline.configuration.profile import Input
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.planning.parts import find_parts
from winnow.stages.ingest.source import Builder

KIND = """
from winnow.stages.ingest.source import SourceSettings as Settings

def splits(path, settings):
    return [path]

def read(split, settings, builder):
    {call}builder.add(text="the mill", locator=split.path)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a kind of one's own, whose `read` has this before its call of `add`; gives its dotted path."""

    def write(name: str, call: str = "") -> str:
        (tmp_path / f"{name}.py").write_text(KIND.format(call=call))
        (tmp_path / "ownkinds").mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").rename(tmp_path / "ownkinds" / f"{name}.py")
        return f"ownkinds.{name}"

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "ownkinds"]:
        del sys.modules[name]


def test_a_kind_that_yields_would_run_nothing_and_is_refused(own: Any) -> None:
    with pytest.raises(ValidationError, match=r"ownkinds\.yielding\.read yields, so nothing of it would run"):
        Input(kind=own("yielding", "yield "), paths=("a",), content="prose")
    assert Input(kind=own("calling"), paths=("a",), content="prose").kind == "ownkinds.calling"


def test_pieces_that_are_no_splits_are_named_with_the_place_in_the_profile(own: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mo").write_bytes(b"")
    entry = {"kind": own("paths"), "content": "prose", "paths": ["a.mo"]}
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump({"sources": {"web": [entry]}}))
    (tmp_path / "manifest.yaml").write_text(
        yaml.safe_dump({"extends": "pretrain", "mixture": {"sources": {"web": 100}}})
    )
    with pytest.raises(ConfigurationError, match=r"paths\.0: `splits` of ownkinds\.paths gave '.*a\.mo'"):
        find_parts(load_settings(str(tmp_path / "manifest.yaml"), str(tmp_path / "profile.yaml")))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": b"the mill"}, "a document's text is a str, not bytes: a.mo"),
        ({"text": 7}, "a document's text is a str, not int: a.mo"),
        ({"text": "the mill", "language": 7}, "columns of documents hold text: language 7 of a.mo is no str"),
        (
            {"text": "the mill", "lang": "de"},
            "documents have no column lang: put it into `metadata`, or call it as they do",
        ),
    ],
)
def test_what_a_document_cannot_hold_is_named(given: dict[str, Any], said: str) -> None:
    builder = Builder(source="mo", kind="own", emit=lambda table: None)
    with pytest.raises(TypeError) as caught:
        builder.add(locator="a.mo", **given)
    assert str(caught.value).startswith(said)
    if "lang" in given:
        assert str(caught.value).endswith("url, title, date, license, language, repository, path, messages")
    assert not builder.rejections and builder.documents == 0
