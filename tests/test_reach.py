"""Whoever changes a module finds the tests that hold it: `python -m tests.reach FILE` names some for each."""

from __future__ import annotations

from pathlib import Path

from tests.reach import reaching
from tests.test_architecture import ROOT, modules_under


def test_every_module_is_reached_by_tests() -> None:
    modules = [module for module, path in modules_under(ROOT).items() if path.stem != "__init__"]
    assert not [module for module in modules if not reaching(module)]


def test_a_module_with_tests_of_its_name_has_those_alone() -> None:
    assert reaching("filters.gopher") == [ROOT / "tests/filters/test_gopher.py"]


def test_one_without_has_those_of_what_imports_it() -> None:
    assert Path("tests/filters/test_personal_data.py") in [
        path.relative_to(ROOT) for path in reaching("filters.accounts")
    ]
