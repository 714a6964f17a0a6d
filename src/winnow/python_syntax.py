"""Python's own parser on strangers' sources: one answer for all that it raises, and no answer of chance.

CPython 3.11 and 3.12 count how deep a tree is in one place for all threads. Where another thread parses at the same
time, a sound source may end in `SystemError`; so such a source is parsed again.
"""

from __future__ import annotations

import ast
import warnings
from typing import Any

UNSOUND = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)
"""What the parser raises for a source: bad, holding a zero byte, nested too deep."""
TRIES = 20


def parse(source: str) -> ast.Module | None:
    """The tree of a module's source; None for what isn't Python of this version, or is nested too deep for its parser."""
    found = _tree(source, "exec")
    return found if isinstance(found, ast.Module) else None


def expression(source: str) -> ast.expr | None:
    """The tree of an expression; None for anything else."""
    found = _tree(source, "eval")
    return found.body if isinstance(found, ast.Expression) else None


def literal(source: str | ast.expr) -> Any:
    """The value that a literal spells, as `ast.literal_eval` has it. Raises `ValueError` for anything else."""
    node = expression(source.lstrip(" \t")) if isinstance(source, str) else source
    if node is None:
        raise ValueError("no expression")
    try:
        return ast.literal_eval(node)
    except UNSOUND as error:
        raise ValueError(f"no literal: {error}") from None


def _tree(source: str, mode: str) -> ast.AST | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's strings
        for _ in range(TRIES):
            try:
                return ast.parse(source, mode=mode)
            except UNSOUND:
                return None
            except SystemError:
                continue
    return None
