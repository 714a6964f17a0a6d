"""Of each test in LaTeX one branch stays: the one that TeX would typeset, where that can be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.markup.conditionals import chosen

CASES = [
    (r"a \iffalse OUT\fi b", "a b"),
    (r"a \iffalse OUT\else IN\fi{} b", "a IN{} b"),
    (r"\iftrue yes\else no\fi.", "yes."),
    (r"\newif\ifanon\anontrue \ifanon A\else B\fi", "A"),
    (r"\newif\ifanon \ifanon A\else B\fi", "B"),
    (r"\newif\ifa\newif\ifb\btrue\ifa 1\ifb 2\fi\else 3\ifb 4\else 5\fi\fi", "34"),
    (r"\ifx\a\a same\else other\fi", "same"),
    (r"\ifx\a\undefined same\else other\fi", "other"),
    (r"\ifnum 1<2 less\else more\fi", "less"),
    (r"$a \iff b$ and \iffalse x \iff y\fi z", r"$a \iff b$ and z"),
    (r"{\iffalse open} text {\fi}", r"{\iffalse open} text {\fi}"),
    (r"\newtoggle{t}\toggletrue{t}\iftoggle{t}{A}{B}\togglefalse{t}\iftoggle{t}{A}{B}", "AB"),
    (r"\ifthenelse{\equal{a}{a}}{A}{B}\ifthenelse{\not\equal{a}{a}}{A}{B}", "AB"),
    (r"\setboolean{x}{true}\ifthenelse{\boolean{x}}{A}{B}", "A"),
    (r"\iffalse never closed", r"\iffalse never closed"),
]


@pytest.mark.parametrize(("source", "said"), CASES)
def test_the_branch_that_holds_stays(source: str, said: str) -> None:
    import re

    settings = (
        r"\\(?:newif\s*\\if[ab]\w*|(?:anon|b)true ?|newtoggle\{t\}|toggle(?:true|false)\{t\}|setboolean\{x\}\{true\})"
    )
    assert re.sub(settings, "", chosen(source)).strip().replace("  ", " ") == said


@given(
    st.lists(
        st.sampled_from(["\\iffalse ", "\\iftrue ", "\\else ", "\\fi ", "{", "}", "word ", "\\iftoggle{a}{b}{c}"]),
        max_size=30,
    )
)
def test_any_nest_ends_and_keeps_what_stands_outside_of_tests(pieces: list[str]) -> None:
    source = "".join(["first ", *pieces])
    assert chosen(source).startswith("first")
    if "\\if" not in source:
        assert chosen(source) == source
