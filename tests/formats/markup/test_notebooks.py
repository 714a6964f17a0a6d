"""Notebooks give what somebody wrote and what the code said, in order, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from winnow.formats.dialogues.sessions import Step, steps
from winnow.formats.markup.notebooks import notebook_sections, notebook_text

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


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"text/plain": "<IPython.core.display.Markdown object>", "text/markdown": "**three**"}, "**three**"),
        ({"text/plain": "<IPython.core.display.HTML object>", "text/html": "<p>three</p><p>four</p>"}, "three\n\nfour"),
        ({"text/html": "<table><tr><td><p>a</p><p>b</p></td></tr></table>"}, "| a b |\n| --- |"),
        (
            {"text/plain": "[<matplotlib.lines.Line2D at 0x7f>]", "text/html": "x"},
            "[<matplotlib.lines.Line2D at 0x7f>]",
        ),
    ],
)
def test_a_result_whose_plain_text_is_none_is_read_as_it_was_shown(data: dict[str, str], shown: str) -> None:
    cell = {"cell_type": "code", "source": "x", "outputs": [{"output_type": "display_data", "data": data}]}
    assert notebook_text(notebook(cells=[cell])) == f"```r\nx\n```\n\n```text\n{shown}\n```\n"


def test_cells_of_python_are_steps_with_what_they_printed() -> None:
    found = notebook_sections(notebook(cells=CELLS, metadata={"language_info": {"name": "python"}}))
    assert found is not None
    [section], language = found
    assert (section.title, language) == ("Rivers", "python")
    said = [step for block in section.blocks for step in steps(block)]
    assert said == [
        Step("python", "print(depth)", "three\nfour\n5"),
        Step("python", "1 / 0", "ZeroDivisionError\nat 1\n100%"),
    ]


PROSE = "The river rises in spring and the wheel turns faster than the miller likes. " * 3


def test_notebooks_are_conversations_of_code_and_result_where_asked(tmp_path: Path, ingest: Any) -> None:
    cells = [
        {"cell_type": "markdown", "source": f"# Depth of the river\n\n{PROSE}"},
        {"cell_type": "code", "source": "depth = 3\ndepth", "outputs": [
            {"output_type": "execute_result", "data": {"text/plain": "3"}}]},
        {"cell_type": "markdown", "source": "Three feet, as ever."},
    ]  # fmt: skip
    (tmp_path / "rivers.ipynb").write_bytes(notebook(cells=cells, metadata={"language_info": {"name": "python"}}))
    assert ingest("documentation", tmp_path).documents == []
    [document], _ = ingest("documentation", tmp_path, forms=["notebooks"])
    said = json.loads(document["messages"])
    assert [turn["role"] for turn in said["messages"]] == ["user", "assistant", "tool", "assistant"]
    asked, called, result, last = said["messages"]
    assert "depth of the river" in asked["content"].lower()
    assert called["content"] == PROSE.strip()
    assert [call["arguments"] for call in called["tool_calls"]] == [{"code": "depth = 3\ndepth"}]
    assert (result["content"], last["content"]) == ("3", "Three feet, as ever.")
    assert said["tools"][0]["name"] == "python"


def test_notebooks_and_markdown_with_chunks_are_works(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "rivers.ipynb").write_bytes(notebook(cells=CELLS))
    (tmp_path / "broken.ipynb").write_text("{}")
    chunk = "---\ntitle: Mills\n---\n\nOne.\n\n```{r setup, echo=FALSE}\nx <- 1\n```\n\n```{python}\n#| label: two\ny = 2\n```\n"
    for name in ("mills.Rmd", "mills.qmd"):
        (tmp_path / name).write_text(chunk)
    documents, rejections = ingest("longform", tmp_path, least_characters=1)
    texts = {row["locator"].rpartition("!")[2]: row["text"] for row in documents}
    assert texts["rivers.ipynb"] == TEXT
    assert texts["mills.Rmd"] == texts["mills.qmd"] == "One.\n\n```r\nx <- 1\n```\n\n```python\ny = 2\n```\n"
    assert {row["title"] for row in documents} == {"Rivers", "Mills"}
    assert [(row["rule"], row["locator"].rpartition("!")[2]) for row in rejections] == [
        ("longform.notebook", "broken.ipynb")
    ]
