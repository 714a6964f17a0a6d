"""No cache grows with what documents hold: one without a bound is asked by names that the project or a manifest gives."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKED = ("filters", "formats", "stages", "tokenizer", "pipeline/record", "pipeline/running")
ASKED_BY = {
    "filters/kernels/cache.py:_digest": "modules of ours",
    "filters/kernels/cache.py:_imported": "modules of ours",
    "filters/kernels/cache.py:_source": "modules of ours",
    "filters/kernels/cache.py:sources_of": "modules of ours",
    "filters/kernels/normalise.py:characters": "three switches",
    "filters/kernels/word_lists.py:word_table": "word lists of ours",
    "filters/syntax.py:_packed": "languages of our tables, by their names there",
    "formats/html/formulas.py:_beginnings": "constants",
    "formats/html/formulas.py:_needles": "constants",
    "formats/languages/parsing.py:_parser": "grammars that are installed",
    "formats/languages/parsing.py:_query": "grammars that are installed, patterns of ours",
    "pipeline/record/environment.py:digest_of_code": "folders of ours",
    "pipeline/record/receipt.py:_fields": "classes",
    "stages/ingest/tables.py:_columns": "expressions of a profile",
}
"""Every function with arguments whose answers are kept without a bound, and who gives the arguments."""


def unbounded(source: str) -> list[str]:
    """The functions of a module that keep an answer for all arguments that they ever got."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            given = node.args
            takes = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs) if each.arg != "self"]
            kept = [ast.unparse(each).replace("functools.", "") for each in node.decorator_list]
            if (takes or given.vararg) and any(each == "cache" or "maxsize=None" in each for each in kept):
                found.append(node.name)
    return found


def test_an_unbounded_cache_is_seen() -> None:
    assert unbounded("@cache\ndef f(x): ...\n@functools.lru_cache(maxsize=None)\ndef g(*x): ...") == ["f", "g"]
    assert (
        unbounded("@cache\ndef f(): ...\n@lru_cache(maxsize=4)\ndef g(x): ...\n@cached_property\ndef h(self): ...")
        == []
    )


def test_no_cache_grows_with_what_documents_hold() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{name}"
        for room in WORKED
        for path in sorted((ROOT / room).rglob("*.py"))
        for name in unbounded(path.read_text("utf-8"))
    }
    assert found == set(ASKED_BY)
