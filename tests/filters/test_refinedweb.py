"""RefinedWeb's line corrections and DCLM's chain, worked by hand."""

from __future__ import annotations

import pytest

from winnow.filters.recipes import find_recipe
from winnow.filters.refinedweb import edit


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("A line of prose stays as it is.", "A line of prose stays as it is."),
        ("SHOUTED WORDS go", None),
        ("ABC de", "ABC de"),
        ("12345", None),
        ("* 3,400K likes!", None),
        ("3 comments and more", "3 comments and more"),
        ("word", None),
        ("Sign-in to the site", "to the site"),
        ("There is more Read more...", "There is more"),
        ("There are 3 items in cart now", "There are 3 now"),
        ("items in cart", None),
        (
            "Sign-in to a line that has more than ten words in all",
            "Sign-in to a line that has more than ten words in all",
        ),
    ],
)
def test_lines_are_corrected(line, kept, documents):
    edited, _ = edit(documents([f"before the line\n{line}\nafter the line"]))
    expected = ["before the line", *([kept] if kept is not None else []), "after the line"]
    assert edited["text"].to_pylist() == ["\n".join(expected)]


def test_empty_lines_stay_and_the_page_is_stripped(documents):
    edited, counts = edit(documents(["WORD\n\na line here\n\nand there\n\n", ""]))
    assert edited["text"].to_pylist() == ["a line here\n\nand there", ""]
    assert counts["web_lines.removed_word_fraction"].to_pylist() == [pytest.approx(1 / 6), None]
    assert counts["web_lines.words"].to_pylist() == [6, 0]


def test_a_page_goes_that_loses_more_than_a_twentieth_of_its_words(documents, rejected):
    recipe = find_recipe("refinedweb_lines")
    table = documents(["one two three four five\n" * 4 + "word", "one two three four five\n" * 3 + "word"])
    _, measured = recipe.edit(table)
    share = measured["web_lines.removed_word_fraction"].to_pylist()
    assert share == [pytest.approx(1 / 21), pytest.approx(1 / 16)]
    assert (share[0] <= recipe.rules[0].maximum, share[1] <= recipe.rules[0].maximum) == (True, False)
