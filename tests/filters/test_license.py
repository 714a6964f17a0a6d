"""Licences as a filter: what is stated decides, what is unstated passes or not by the recipe's name."""

from __future__ import annotations

import pyarrow as pa
import pytest

from winnow.filters.license import measure
from winnow.filters.recipes import find_recipe

# Expression as stated, its category and restriction by the LicenseDB's published categories.
STATED = [
    ("mit", "permissive", 0),
    ("Apache-2.0 OR GPL-3.0-only", "permissive", 0),
    ("Apache-2.0 AND GPL-3.0-only", "copyleft", 2),
    ("CC0-1.0", "public-domain", 0),
    ("CC-BY-SA-4.0", "copyleft-limited", 1),
    ("CC-BY-NC-4.0", "restricted", 3),
    ("all rights reserved", "unknown", None),
    ("", None, None),
    (None, None, None),
]


def stated(*licenses: str | None) -> pa.Table:
    columns = {name: pa.array(["a"] * len(licenses)) for name in ("id", "source", "text")}
    return pa.table(columns | {"license": pa.array(licenses, pa.string())})


@pytest.mark.parametrize(("license", "category", "restriction"), STATED)
def test_an_expression_is_read_and_weighed(license, category, restriction):
    row = measure(stated(license)).to_pylist()[0]
    assert (row["license.category"], row["license.restriction"]) == (category, restriction)
    assert row["license.known"] == (restriction is not None)


def test_what_is_unstated_passes_one_recipe_and_not_the_other(rejected):
    documents = stated(*(license for license, _, _ in STATED))
    assert rejected(documents, find_recipe("license_permissive")) == dict.fromkeys((2, 4, 5), "restriction")
    assert rejected(documents, find_recipe("license_known")) == {
        2: "restriction", 4: "restriction", 5: "restriction", 6: "known", 7: "known", 8: "known"
    }  # fmt: skip


def test_documents_without_the_column_state_nothing():
    assert measure(pa.table({"text": ["a", "b"]}))["license.known"].to_pylist() == [0, 0]
