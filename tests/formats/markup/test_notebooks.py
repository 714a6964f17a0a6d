"""Notebooks give what somebody wrote and what the code said, in order, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from winnow.formats.markup.notebooks import notebook_text

PICTURE = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo" * 50}, "metadata": {}}
CELLS: list[dict[str, Any]] = [
    {"cell_type": "markdown", "metadata": {}, "source": ["# Rivers\n", "\n", "They rise."]},
    {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": "print(depth)", "outputs": [
        {"output_type": "stream", "name": "stdout", "text": ["three\n", "four\n"]},
        PICTURE,
        {"output_type": "execute_result", "data": {"text/plain": ["5"], "text/html": "<b>5</b>"}, "metadata": {}},
    ]},
    {"cell_type": "code", "metadata": {}, "source": "1 / 0", "outputs": [
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0;31mZeroDivisionError\x1b[0m", "at 1"]},
        {"output_type": "stream", "name": "stderr", "text": " 10%\r 50%\r100%\r\n"},
    ]},
    {"cell_type": "code", "metadata": {}, "source": "", "outputs": [PICTURE]},
    {"cell_type": "raw", "metadata": {}, "source": "As it is."},
    {"cell_type": "markdown", "metadata": {}, "source": "```\nfenced\n```"},
]  # fmt: skip
TEXT = """# Rivers

They rise.

```r
print(depth)
```

```text
three
four
5
```

```r
1 / 0
```

```text
ZeroDivisionError
at 1
100%
```

As it is.

```
fenced
```
"""


def notebook(**more: Any) -> bytes:
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "r"}}, **more}
    ).encode()


def test_cells_and_the_text_of_their_outputs() -> None:
    assert notebook_text(notebook(cells=CELLS)) == TEXT


def test_format_3_is_read_too() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Rivers"},
        {"cell_type": "code", "language": "python", "input": "x", "outputs": [{"output_type": "pyout", "text": "3"}]},
    ]
    found = notebook_text(notebook(nbformat=3, worksheets=[{"cells": cells}]))
    assert found == "## Rivers\n\n```r\nx\n```\n\n```text\n3\n```\n"


def test_code_that_holds_fences_stands_in_longer_ones() -> None:
    cell = {"cell_type": "code", "source": 'x = """\n````\n"""', "outputs": []}
    assert notebook_text(notebook(cells=[cell])) == '`````r\nx = """\n````\n"""\n`````\n'


@pytest.mark.parametrize("content", [b"{}", b"[]", b"not json", b'{"cells": []}', b'{"nbformat": 4, "nbformat": 4}'])
def test_what_is_no_notebook_is_none(content: bytes) -> None:
    assert notebook_text(content) is None


def test_a_repository_gives_the_text_of_its_notebooks(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "rivers.ipynb").write_bytes(notebook(cells=CELLS))
    (tmp_path / "broken.ipynb").write_text("{not a notebook}")
    documents, _ = ingest("repositories", tmp_path)
    texts = {row["path"]: row["text"] for row in documents}
    assert texts["rivers.ipynb"] == TEXT
    assert texts["broken.ipynb"] == "{not a notebook}"
