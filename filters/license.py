"""What a document's licence asks for: SPDX expressions, their categories, and the rule that keeps what is free to use.

Expressions, the names of licences and their categories come from `license-expression` and the ScanCode LicenseDB in it.
A document states its licence in the column `license`, which is read from a page's `rel="license"`, a package's metadata
or a file's header when it is taken in; most web pages state none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

import pyarrow as pa

from winnow.filters.recipes import Recipe, Rule


class Category(StrEnum):
    """What a licence asks for, in the LicenseDB's words, coarse enough for a manifest."""

    PERMISSIVE = "permissive"
    PUBLIC_DOMAIN = "public-domain"
    COPYLEFT_LIMITED = "copyleft-limited"
    COPYLEFT = "copyleft"
    RESTRICTED = "restricted"  # source-available, non-commercial, proprietary, commercial
    UNKNOWN = "unknown"


PERMISSIVE = (Category.PERMISSIVE, Category.PUBLIC_DOMAIN)

_CATEGORIES = {
    "Permissive": Category.PERMISSIVE,
    "Public Domain": Category.PUBLIC_DOMAIN,
    "Copyleft Limited": Category.COPYLEFT_LIMITED,
    "Copyleft": Category.COPYLEFT,
    "CLA": Category.UNKNOWN,
    "Unstated License": Category.UNKNOWN,
}
_ORDER = list(Category)


@cache
def _licensing() -> Any:
    import license_expression

    return license_expression.get_spdx_licensing()


@cache
def _categories() -> Mapping[str, Category]:
    """The category of each SPDX identifier, in lower case."""
    import license_expression

    found: dict[str, Category] = {}
    for entry in license_expression.get_license_index():
        keys = [entry["spdx_license_key"], *entry.get("other_spdx_license_keys", ())]
        category = _CATEGORIES.get(entry["category"], Category.RESTRICTED)
        found.update({key.lower(): category for key in keys if key})
    return found


@lru_cache(maxsize=4096)
def normalize(expression: str) -> str | None:
    """The expression in SPDX's own spelling, or None where it isn't one; `A/B`, as crates write it, is `A OR B`."""
    said = expression.strip()
    if not said or len(said) > 500:
        return None
    said = re.sub(r"(?:(?<!\s)\s++)?+/\s*+", " OR ", said)
    try:
        parsed = _licensing().parse(said, validate=True, strict=False)
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("license_expression", "boolean"):
            raise
        return None
    return None if parsed is None else str(parsed)


def category(expression: str | None) -> Category:
    """The category of an expression: the freest of an OR, the strictest of an AND, `unknown` where it isn't known."""
    if expression is None or (spdx := normalize(expression)) is None:
        return Category.UNKNOWN
    return _weigh(_licensing().parse(spdx))


def _weigh(node: Any) -> Category:
    operator = str(getattr(node, "operator", "")).strip()
    if operator in ("OR", "AND"):
        found = [_ORDER.index(_weigh(argument)) for argument in node.args]
        return _ORDER[min(found) if operator == "OR" else max(found)]
    if hasattr(node, "license_symbol"):  # `A WITH exception` asks for less than A
        base, exception = _weigh(node.license_symbol), _weigh(node.exception_symbol)
        return exception if Category.UNKNOWN not in (base, exception) else base
    return _categories().get(str(node.key).lower(), Category.UNKNOWN)


def measure(documents: pa.Table) -> pa.Table:
    """What the column `license` says, n rows, null for a document that states none:

    - `license.expression` string: in SPDX's spelling; null for what is no expression
    - `license.category` string: of `Category`, `unknown` for what is no expression
    - `license.restriction` int64: 0 permissive or public domain, 1 limited copyleft, 2 copyleft, 3 restricted; null for
      an unknown one
    - `license.known` int64: 1 when a licence is stated and known, else 0; never null
    """
    stated = documents["license"].to_pylist() if "license" in documents.column_names else [None] * documents.num_rows
    found = [category(said) if said else None for said in stated]
    return pa.table(
        {
            "license.expression": pa.array([normalize(said) if said else None for said in stated], pa.string()),
            "license.category": pa.array(found, pa.string()),
            "license.restriction": pa.array([RESTRICTION.get(kind) if kind else None for kind in found], pa.int64()),
            "license.known": pa.array([int(kind in RESTRICTION) for kind in found], pa.int64()),
        }
    )


RESTRICTION: Mapping[Category | None, int] = {
    Category.PERMISSIVE: 0,
    Category.PUBLIC_DOMAIN: 0,
    Category.COPYLEFT_LIMITED: 1,
    Category.COPYLEFT: 2,
    Category.RESTRICTED: 3,
}

_SOURCE = (
    "SPDX 2.3, annex D; categories of ScanCode LicenseDB; permissive as in StarCoder 2 (arXiv 2402.19173), section 3"
)

RECIPES = (
    Recipe(
        name="license_permissive",
        summary="Drops documents that state a copyleft or restrictive licence; those that state none pass",
        source=_SOURCE,
        measure=measure,
        rules=(Rule(name="restriction", measure="license.restriction", maximum=0),),
        columns=("license",),
    ),
    Recipe(
        name="license_known",
        summary="Keeps documents that state a known, permissive licence",
        source=_SOURCE,
        measure=measure,
        rules=(
            Rule(name="known", measure="license.known", minimum=1),
            Rule(name="restriction", measure="license.restriction", maximum=0),
        ),
        columns=("license",),
    ),
)
