"""Every regular expression the project owns takes time in proportion to its text, whatever the text.

`patterns/` collects them, makes texts against each and holds the clock. `bounded_texts.json` lists patterns that see short
texts alone; each is tried on the longest it can see.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patterns.clock import key, slow, worst
from tests.patterns.owned import Owned, owned
from winnow.filters.madlad import _SENTENCE_END
from winnow.formats.containers import warc
from winnow.formats.dialogues.problems import OPEN_END
from winnow.formats.dialogues.questions import RELEASE
from winnow.formats.formulas.mathml import SELF_CLOSED
from winnow.formats.html import formulas, head, markdown_writer
from winnow.formats.licences import expressions
from winnow.formats.markup import boilerplate, conditionals, macros, markdown, roles, skipping, typesetting

KNOWN = Path(__file__).with_name("bounded_texts.json")
"""Patterns that are quadratic, and the most characters that they are ever asked about."""
MOST_OF_BOUNDED = 0.25  # seconds for such a text


@pytest.mark.slow  # by the clock: `make patterns`
def test_every_pattern_takes_time_in_proportion_to_its_text() -> None:
    patterns = owned()
    assert len(patterns) > 300
    known: dict[str, int] = json.loads(KNOWN.read_text("utf-8"))
    gone = known.keys() - {key(entry) for entry in patterns}
    assert not gone, f"strike out of {KNOWN.name} what is no longer there: {sorted(gone)}"
    found = [told for entry in patterns if key(entry) not in known and slow(entry) and (told := slow(entry))]
    assert not found, "\n".join(found)
    for entry in patterns:
        if bound := known.get(key(entry)):
            assert worst(entry, bound) < MOST_OF_BOUNDED, entry.place


LENGTH_BEFORE = (
    r"\s*=?(?:\s*(?:width|height|depth|plus|minus)?\s*-?"
    r"(?:\d*\.?\d+\s*(?:true)?(?:pt|pc|in|bp|cm|mm|em|ex|sp|fil+)|\\[A-Za-z]+))*"
)
BOOLEAN_BEFORE = r"\s*(\\(?:not|NOT)\s*)?\\(?:boolean|value)?\{?\s*\{?([A-Za-z@]+)\}?\s*\}?\s*"
DEFINITION_BEFORE = (
    r"\\(?:(?P<new>(?:re)?newcommand|providecommand|DeclareRobustCommand)\*?\s*(?:\{\s*\\(?P<a>[A-Za-z]+)\s*\}|\\(?P<b>[A-Za-z]+))"
    r"\s*(?:\[(?P<count>\d)\])?\s*(?:\[(?P<default>[^\]]{0,100})\])?\s*(?=\{)"
    r"|def\s*\\(?P<c>[A-Za-z]+)(?P<parameters>(?:#\d)*)\s*(?=\{)"
    r"|DeclareMathOperator(?P<star>\*?)\s*\{\s*\\(?P<d>[A-Za-z]+)\s*\}\s*(?=\{))"
)
ARC_BEFORE = rb"[a-z][a-z0-9+.-]{1,20}:[^\r\n]{1,2048} [0-9a-fA-F.:]{2,45} \d{8,20} [^\r\n]{1,512}? ?-?\w+\r?\n"
BEFORE = [
    (RELEASE, r"^v?(?:version |release )?\d+\.\d+[\w.]*(?: ?\([^)]*\))?$", "v1.0a( )."),
    (SELF_CLOSED, r"<([\w:-]+)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)/>", "<a:-\"' =/>"),
    (formulas.ATTRIBUTE, r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", "a-= \"'>."),
    (head.ATTRIBUTE, r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", "a:-= \"'>."),
    (OPEN_END, r"\s*\bsorry\s*\Z", ["sorry", " ", "\n", "a", "."]),
    (_SENTENCE_END, r"[.!?]+\s+", ".! \na"),
    (markdown_writer.LINE_NUMBERS, r"\s*\d+(?:\s*\n\s*\d+)+\s*|\s*1\s*", "1 \n2a"),
    (
        boilerplate.PAGE_NUMBER,
        r"^[ \t]*(?:[-–—\[(]|page|p\.|第)?[ \t]*(\d{1,4})[ \t]*(?:[-–—\])]|页)?[ \t]*$",
        "-[ 1)\n页",
    ),
    (markdown.FENCE, r"^( {0,3})(`{3,}|~{3,}) *([^\s`{]*)[^`]*$", ["```", "~~~", "~", " ", "{", "a", "`"]),
    (skipping.LENGTH, LENGTH_BEFORE, ["1", ".", "pt", " ", "plus", "-", "true", "\\a", "=", "fil"]),
    (conditionals.BOOLEAN, BOOLEAN_BEFORE, ["\\not", "\\", "boolean", "{", "}", " ", "a"]),
    (macros.DEFINITION, DEFINITION_BEFORE, ["\\newcommand", "\\def", "{", "\\a", "}", "[1]", "[", "]", " ", "#1"]),
    (
        expressions._TAG_END,
        r"\s*(?:\*/|-->|--\}\}|#\}|\*\)|\"\"\"|'''|\"|'|<br>|;|\\n).*$",
        ["*/", " ", "\n", ";", "M", "<br>"],
    ),
    (
        typesetting.NO_FORMULA,
        r"[ \t]*\\label\{[^{}]*\}[ \t]*|\\(?:nonumber|notag|ensuremath|xspace)(?![A-Za-z])",
        ["\\label{", "}", " ", "a", "\\notag"],
    ),
    (warc.ARC_HEAD, ARC_BEFORE, [b"http:", b"a", b" ", b"1.2.3.4", b"20090101", b"-9", b"\n", b"\r"]),
]


@pytest.mark.parametrize(("pattern", "source", "letters"), BEFORE)
def test_patterns_made_linear_find_what_they_found(pattern: re.Pattern[Any], source: Any, letters: Any) -> None:
    before = re.compile(source, pattern.flags)
    nothing = source[:0]

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(st.lists(st.sampled_from(list(letters)), max_size=24).map(nothing.join))
    def check(text: Any) -> None:
        spans = [[(match.span(), match.groups()) for match in kind.finditer(text)] for kind in (before, pattern)]
        assert spans[0] == spans[1]

    check()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "method"),
    [
        (r"(a+)+$", "match"),
        (r"\s+$", "search"),
        (r"[a-z]+\d*[a-z]+!", "match"),
        (r"<!--.*?-->", "sub"),
        (r"\w+@", "search"),
        (r"(?:\w|\d\d)*x", "fullmatch"),
    ],
)
def test_slow_patterns_are_found(source: str, method: str) -> None:
    assert slow(Owned("here", re.compile(source), {method}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "method"),
    [(r"\s+$", "match"), (r"[a-z]++\d", "match"), (r"(?<!\w)\w{1,64}+@", "search"), (r"\s+", "sub")],
)
def test_linear_patterns_are_not(source: str, method: str) -> None:
    assert slow(Owned("here", re.compile(source), {method})) is None


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["\\(", "\\)", "\\[", "\\]", "<", ">", "a", "\\", " "]), max_size=24).map("".join))
def test_formulas_between_signs_are_those_of_a_lazy_pattern(page: str) -> None:
    lazy = re.compile(r"\\\(([^<>]{1,2000}?)\\\)|\\\[([^<>]{1,8000}?)\\\]")
    before = lazy.sub(lambda found: formulas._dollars(found[1] or found[2], found[2] is not None), page)
    assert "".join(formulas._undelimited(page)) == before


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["#", " ", "\t", "a", "{", "}"]), max_size=16).map("".join))
def test_headings_are_those_of_a_lazy_pattern(line: str) -> None:
    before = re.match(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*$", line)
    found = markdown.HEADING.match(line)
    assert (before and before.groups()) == (found and (found[1], markdown._title(found[2])))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["<", ">", "a", " ", "~", "b.c"]), min_size=1, max_size=12).map("".join))
def test_titles_of_roles_are_those_of_a_lazy_pattern(content: str) -> None:
    before = re.match(r"^(.*?)\s*<[^<>]*>$", content, re.DOTALL)
    found = roles.TARGET.search(content)
    assert (before and before[1]) == (found and content[: found.start()].rstrip())
