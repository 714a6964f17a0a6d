"""Compiled kernels are kept by the state of everything that they are compiled from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from winnow.filters.kernels import cache
from winnow.filters.kernels.words import split

LIST_LOADED = "import sys, {0}; print(*(name for name in sys.modules if name.startswith('winnow')))"


def copy_of_the_kernels(root: Path, edited: str = "") -> Path:
    folder = root / "winnow" / "filters" / "kernels"
    folder.mkdir(parents=True)
    for path in (cache.ROOT / "winnow" / "filters" / "kernels").glob("*.py"):
        (folder / path.name).write_text(path.read_text() + ("# edited\n" if path.name == edited else ""))
    return root


@pytest.mark.parametrize(
    "module", ["winnow.filters.kernels.han", "winnow.filters.kernels.grams", "winnow.formats.html.tokeniser"]
)
def test_the_sources_that_count_are_those_that_an_import_loads(module: str) -> None:
    run = subprocess.run([sys.executable, "-c", LIST_LOADED.format(module)], capture_output=True, text=True)
    packages = {
        name for name in run.stdout.split() if (cache.ROOT.joinpath(*name.split(".")) / "__init__.py").is_file()
    }
    assert module in cache.sources_of(module), "kernels of unknown sources are never compiled anew"
    assert cache.sources_of(module) - packages == set(run.stdout.split()) - packages


def test_an_edit_moves_the_kernels_that_can_reach_it_and_no_others(tmp_path: Path) -> None:
    states = [copy_of_the_kernels(tmp_path / (name or "unedited"), name) for name in ("", "han.py", "machine.py")]
    unedited, unreached, reached = (cache.kernel_folder(split.py_func, root) for root in states)
    assert unreached == unedited, "words doesn't import han"
    assert reached != unedited, "words is compiled from machine, through bytes"
