"""The reference pages in the tree are what the code says today."""

from __future__ import annotations

import pytest

from winnow.pipeline.configuration.reference import DOCS, manifest_page, recipes_page


@pytest.mark.parametrize(("name", "page"), [("manifest.md", manifest_page), ("recipes.md", recipes_page)])
def test_the_page_is_what_make_docs_writes(name: str, page) -> None:
    assert (DOCS / name).read_text("utf-8") == page(), "run `make docs`"
