"""What the guides show works as it stands there."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pyarrow as pa
import pytest

from winnow.filters.recipes import Recipe, find_recipe
from winnow.pipeline.manifest import Manifest
from winnow.pipeline.reading import read_model

DOCS = Path(__file__).parents[1] / "docs"
LINK = re.compile(r"\]\(([^)#:]*[./][^)#:]*)(?:#[^)]*)?\)")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_filter_of_the_guide_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("shouting_of_the_guide")
    exec(blocks("guides/filter.md", "python")[0], module.__dict__)
    (recipe,) = module.RECIPES
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.SHOUTING = recipe  # type: ignore[attr-defined]
    found = find_recipe("shouting_of_the_guide:SHOUTING")
    assert isinstance(found, Recipe) and found.measure is not None
    measured = found.measure(pa.table({"text": ["BUY NOW, Bob", "a plain sentence", "ÄÖ ab", "12 !?"]}))
    assert measured["shouting.capitals"].to_pylist() == [7 / 9, 0.0, 0.5, None]


def test_the_mixture_of_the_guide_is_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(blocks("guides/mixture.md", "yaml")[0])
    assert sum(read_model(tmp_path / "mine.yaml", Manifest).weights().values()) == pytest.approx(100)


def test_links_of_the_documentation_lead_somewhere() -> None:
    pages = [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    links = [(page, target) for page in pages for target in LINK.findall(page.read_text("utf-8"))]
    assert len(links) > 30
    assert not [(page.name, target) for page, target in links if not (page.parent / target).exists()]
