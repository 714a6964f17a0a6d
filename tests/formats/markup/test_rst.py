"""reStructuredText becomes Markdown that says what the page says, and nothing of what builds it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.markup.markdown import clean, front_matter, sections, unwrap
from winnow.formats.markup.rst import to_markdown

PAGE = """
.. _top:

====
Mill
====

.. toctree::

   one
   two

A :class:`~mill.Stone` and ``code_``, see :doc:`the
guide </guide>` or `the site <https://mill.example>`_ [1]_. |word|

.. |word| replace:: Substituted.
.. comment that
   goes on

Usage
-----

.. note:: Mind the
   wheel.

.. versionadded:: 2.0
   The wheel.

Example::

    def grind(sacks):

        return sacks


    grind(1)

Goes on. ::

    $ grind

.. code-block:: python
   :linenos:
   :emphasize-lines: 2

   x = 1
   y = `2`

.. function:: grind(sacks, fine=False)

   Grinds.

   :param int sacks: how many
   :returns: flour

.. math:: e = mc^2

>>> 1 + 1
2

.. image:: mill.png
.. autofunction:: mill.grind

.. [1] A *note*.
"""

EXPECTED = """# Mill

A `Stone` and `code_`, see the guide or the site [1]. Substituted.

## Usage

**Note:**

Mind the wheel.

New in version 2.0: The wheel.

Example:

```python
def grind(sacks):

    return sacks


grind(1)
```

Goes on.

```console
$ grind
```

```python
x = 1
y = `2`
```

`function grind(sacks, fine=False)`

Grinds.

- `int sacks`: how many
- Returns: flour

$$
e = mc^2
$$

```pycon
>>> 1 + 1
2
```

[1] A *note*.
"""


def test_page_reads_as_its_author_meant_it() -> None:
    got = "\n".join(line.rstrip() for line in to_markdown(PAGE).splitlines())
    assert got == EXPECTED.rstrip("\n")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Aaa\n===\n\nBbb\n---\n\nCcc\n===\n", ["# Aaa", "## Bbb", "# Ccc"]),
        ("====\n T\n====\n\nS\n====\n", ["# T", "## S"]),
        ("not a heading\n  ------\n", []),
        ("二级标题\n========\n", ["# 二级标题"]),
    ],
)
def test_heading_levels_follow_the_order_of_their_adornments(source: str, expected: list[str]) -> None:
    assert [line for line in to_markdown(source).splitlines() if line.startswith("#")] == expected


TABLES = """
==========  =====
A           ``b``
==========  =====
x y         1
            2
z
==========  =====

+-----+------+
| a   | b    |
+=====+======+
| c d | e    |
| f   |      |
+-----+------+
| g   | h    |
+-----+------+
"""


def test_drawn_tables_become_rows() -> None:
    first = "| A | `b` |\n| --- | --- |\n| x y | 1 2 |\n| z |  |"
    second = "| a | b |\n| --- | --- |\n| c d f | e |\n| g | h |"
    assert to_markdown(TABLES) == f"{first}\n\n{second}\n"


@pytest.mark.parametrize(
    ("wrapped", "expected"),
    [
        ("one\ntwo\n\nthree", "one two\n\nthree"),
        ("* one\n  two\n* three\n\n  four\n  five", "* one two\n* three\n\n  four five"),
        ("10. one\n    two\nthree", "10. one two\nthree"),
        ("水轮\n转动\nwheel\nturns", "水轮转动wheel turns"),
        ("| a\n| b", "| a\n| b"),
        ("# title\ntext", "# title\ntext"),
        ("term\n  definition", "term\n  definition"),
        ("broken  \nline", "broken  \nline"),
    ],
)
def test_hand_wrapped_lines_are_joined_and_others_stay(wrapped: str, expected: str) -> None:
    assert unwrap(wrapped) == expected


def test_real_pages_keep_their_words_and_lose_their_markup(gold: Any) -> None:
    """PEPs: against the plain words of the source; markup that stays counts against us."""
    left = kept = total = 0
    for number, row in enumerate(gold("web/peps_html_rst")):
        if number == 60:
            break
        source = row.get("rst") or row.get("source_rst")
        markdown = to_markdown(source)
        left += (
            markdown.count("``")
            - 2 * markdown.count("```")
            + markdown.count(":pep:`")
            + markdown.count(".. code-block")
        )
        words = [word for word in source.split() if word.isalpha() and len(word) > 3]
        found = set(markdown.split())
        total += len(words)
        kept += sum(word in found for word in words)
    assert total > 40_000
    assert kept / total > 0.985
    assert left < 60


def test_sections_respect_fences_and_both_kinds_of_heading() -> None:
    page = "intro\n\n# One {#one}\n\n```sh\n# no heading\n```\n\nTwo\n===\n\ntext\n\n### Three ###\n"
    found = [(section.level, section.title, [block.language for block in section.blocks]) for section in sections(page)]
    assert found == [(0, "", [None]), (1, "One", ["sh"]), (1, "Two", [None]), (3, "Three", [])]


FRAMED = """---
title: 'Mill'
---
<!-- no -->
# Mill {#mill}

[![badge](a.svg)](b) See [the [big] site](http://x(y)).
<div class="termy">

```
[kept](as it) is <!-- here -->
```

</div>
!!! tip "Mind"
    The wheel.

End.
"""
CLEANED = """# Mill

 See the [big] site.

```
[kept](as it) is <!-- here -->
```

**Mind:**

The wheel.

End.
"""


def test_cleaned_page_keeps_its_code_and_loses_its_frame() -> None:
    assert clean(FRAMED) == CLEANED
    assert front_matter(FRAMED) == {"title": "Mill"}


OPENINGS = [
    "``",
    "`",
    ":a:`",
    ":a",
    ".. note::\n",
    ".. note::\n   ",
    "a-",
    "a::\n\n  ",
    "|a",
    "=\n",
    "[",
    "![",
    "<!--",
    "```a\n",
    "~~~\n",
]


@pytest.mark.parametrize("sign", OPENINGS)
def test_many_of_any_opening_are_read(sign: str) -> None:
    """Work that grows with the square of the length would not end."""
    text = sign * (200_000 // len(sign))
    assert isinstance(to_markdown(text), str)
    assert isinstance(sections(clean(text)), list)


def test_deep_nesting_is_read() -> None:
    nested = "".join("  " * depth + ".. note::\n\n" for depth in range(300)) + "  " * 300 + "x"
    assert isinstance(to_markdown(nested), str)


lines = st.sampled_from(
    [
        *PAGE.splitlines(),
        *("   " + line for line in PAGE.splitlines()),
        "```",
        "# a",
        "- b",
        "\t",
        "::",
        "..",
        "====",
        "__",
    ]
)


@settings(max_examples=200)
@given(st.lists(lines, max_size=40).map("\n".join))
def test_any_lines_are_a_page(text: str) -> None:
    markdown = to_markdown(text)
    assert markdown.endswith("\n")
    for section in sections(clean(markdown)):
        section.body()


def test_what_is_written_beside_documentation_from_code_stays() -> None:
    page = ".. autoclass:: Mill\n   :members:\n\n   .. attribute:: wheel\n\n      It turns.\n\n.. autosummary::\n\n   one\n   two\n"
    assert to_markdown(page) == "`attribute wheel`\n\nIt turns.\n"
