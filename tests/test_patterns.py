"""Every regular expression the project owns takes time in proportion to its text, whatever the text.

All are collected: what stands as `re.search("…")` in a function, and what modules hold compiled, in whatever they hold it.
Each is tried in the way its source uses it on texts made of what it accepts: its repeats pumped, before and after what
leads to them, and then something that makes it fail. Time of 3,000 characters is set against that of 750:
16 to 1 is quadratic, 4 to 1 is linear. What grows for 3,000 may stop to at the bound of a repeat: those are tried on
80,000. `bounded_texts.json` lists patterns that see short texts alone; each is tried on the longest it can see.
"""

from __future__ import annotations

import ast
import importlib
import json
import random
import re
import re._compiler as compiler
import re._constants as opcodes
import re._parser as parser
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.filters.madlad import _SENTENCE_END
from winnow.formats.containers import warc
from winnow.formats.dialogues.problems import OPEN_END
from winnow.formats.dialogues.questions import RELEASE
from winnow.formats.formulas.mathml import SELF_CLOSED
from winnow.formats.html import formulas, head, markdown_writer
from winnow.formats.licences import expressions
from winnow.formats.markup import boilerplate, conditionals, macros, markdown, roles, skipping, typesetting

ROOT = Path(__file__).parents[1]
PACKAGES = ("experiments", "feeds", "filters", "formats", "manifests", "pipeline", "stages", "tokenizer", "trainer")
ONCE = ("search", "match", "fullmatch")
METHODS = (*ONCE, "sub", "subn", "split", "findall", "finditer")
SHORT, LONG = 750, 3_000
LEAST_MS = 3.0  # below this nothing is told of a growth
GROWTH = 10.0
PER_PATTERN = 40
MOST_SECONDS = 0.5
CLOCK = time.process_time_ns if time.get_clock_info("process_time").resolution < 1e-6 else time.perf_counter_ns
"""The processor's own where it is fine enough (it ticks at 4 ms in places): a busy machine changes nothing."""
FAR, FARTHER = 20_000, 80_000
"""Characters between which a repeat with a bound has stopped to grow."""
FURTHER = 8.0  # of 16 for a quadratic one, 4 for a linear one
SLOWEST = 20e-3  # milliseconds for a character of the worst text, where a repeat has a bound: private keys take 9e-3
KNOWN = Path(__file__).with_name("bounded_texts.json")
"""Patterns that are quadratic, and the most characters that they are ever asked about."""
MOST_OF_BOUNDED = 0.25  # seconds for such a text
COMMON = " \t\n\r0aAfzZ_-.,:;/\\<>\"'=@#é一あ　"


@dataclass
class Owned:
    """A pattern, where it stands and the methods that are called on it."""

    place: str
    pattern: re.Pattern[Any]
    methods: set[str] = field(default_factory=set)


def _sources() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(("winnow", *(parts[:-1] if parts[-1] == "__init__" else parts))), path


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _held(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any], str]]:
    """Patterns within `value`, bound methods of patterns included: where, the pattern, the method or an empty name."""
    if isinstance(value, re.Pattern):
        yield place, value, ""
    elif isinstance(getattr(value, "__self__", None), re.Pattern):
        yield place, value.__self__, value.__name__
    elif depth > 4:
        return
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _held(key, f"{place}[{key!r:.20}]", depth + 1)
            yield from _held(item, f"{place}[{key!r:.20}]", depth + 1)
    elif isinstance(value, tuple | list | set | frozenset):
        for index, item in enumerate(value):
            yield from _held(item, f"{place}[{index}]", depth + 1)
    elif getattr(type(value), "__module__", "").startswith("winnow.") or (
        isinstance(value, type) and value.__module__.startswith("winnow.")
    ):
        slots = [name for name in getattr(type(value), "__slots__", ()) if isinstance(name, str)]
        inner = dict(getattr(value, "__dict__", {})) | {name: getattr(value, name, None) for name in slots}
        for key, item in inner.items():
            yield from _held(item, f"{place}.{key}", depth + 1)


def owned() -> list[Owned]:
    """Every pattern of the project once, with the ways in which it is used."""
    found: dict[tuple[Any, int], Owned] = {}
    calls: dict[str, set[str]] = {}  # name of a pattern: methods called on it, anywhere
    trees = [(module, path, path.read_text("utf-8")) for module, path in _sources()]
    modules = []
    for module, path, text in trees:
        if not re.search(r"\bre\b|Pattern|[a-z]\.(?:search|match|fullmatch|sub|finditer|findall)\(", text):
            continue
        in_module: set[str] = set()
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            method, target = node.func.attr, _name(node.func.value)
            if target == "re":
                _constant(node, method, f"{path.relative_to(ROOT)}:{node.lineno}", found)
            elif method in METHODS:
                in_module.add(method)
                calls.setdefault(target, set()).add(method)
        if re.search(r"\bre\b", text):
            modules.append((module, path, in_module))
    for module, path, in_module in modules:
        for name, value in vars(importlib.import_module(module)).items():
            for place, pattern, method in _held(value, name):
                entry = found.setdefault(
                    (pattern.pattern, pattern.flags), Owned(f"{path.relative_to(ROOT)}:{place}", pattern)
                )
                last = re.split(r"[.\[]", place)[-1] if place.endswith("]") else place.rsplit(".", 1)[-1]
                entry.methods |= {method} if method else calls.get(last, set()) or in_module or {"search"}
    for entry in found.values():
        entry.methods = entry.methods or {"search"}
    return list(found.values())


def _constant(node: ast.Call, method: str, place: str, found: dict[tuple[Any, int], Owned]) -> None:
    if method not in (*METHODS, "compile") or not node.args:
        return
    try:
        source = ast.literal_eval(node.args[0])
    except ValueError:
        return
    position = {"sub": 4, "subn": 4, "split": 3, "compile": 1}.get(method, 2)
    options = [word.value for word in node.keywords if word.arg == "flags"] + node.args[position : position + 1]
    flags = 0
    for option in options:
        for part in ast.walk(option):
            if isinstance(part, ast.Attribute):
                flags |= getattr(re, part.attr)
    pattern = re.compile(source, flags)
    entry = found.setdefault((pattern.pattern, pattern.flags), Owned(place, pattern))
    if method != "compile":
        entry.methods.add(method)


class Adversary:
    """Texts that try a pattern, made from its own syntax tree."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self.pattern = pattern
        self.flags = pattern.flags
        source = pattern.pattern
        self.tree = parser.parse(source, self.flags & ~re.DEBUG)
        self.binary = isinstance(source, bytes)
        self.groups: dict[int, Any] = {}
        self.alphabet = list(dict.fromkeys([*self._literals(self.tree), *COMMON]))
        if self.binary:
            self.alphabet = [letter for letter in self.alphabet if ord(letter) < 256]

    def _literals(self, tree: Any) -> Iterator[str]:
        for code, value in tree:
            if code in (opcodes.LITERAL, opcodes.NOT_LITERAL):
                yield chr(value)
            elif code is opcodes.IN:
                for kind, item in value:
                    if kind is opcodes.LITERAL:
                        yield chr(item)
                    elif kind is opcodes.RANGE:
                        yield from (chr(item[0]), chr(item[1]))
            elif code is opcodes.SUBPATTERN and value[0]:
                self.groups[value[0]] = value[3]
            for inner in _inner(code, value):
                yield from self._literals(inner)

    def _accepts(self, node: Any) -> frozenset[str]:
        part = compiler.compile(parser.SubPattern(self.tree.state, [node]), self.flags & ~re.DEBUG)
        return frozenset(
            letter for letter in self.alphabet if part.fullmatch(letter.encode("latin-1") if self.binary else letter)
        )

    @cached_property
    def classes(self) -> dict[Any, frozenset[str]]:
        return {}

    def accepts(self, node: Any) -> frozenset[str]:
        key = repr(node)
        if key not in self.classes:
            self.classes[key] = self._accepts(node)
        return self.classes[key]

    @cached_property
    def kinds(self) -> list[str]:
        """One letter for each set of the pattern's classes that hold it."""
        self._visit(self.tree)
        held: dict[frozenset[str], str] = {}
        for letter in self.alphabet:
            held.setdefault(frozenset(key for key, letters in self.classes.items() if letter in letters), letter)
        return list(held.values())

    def _visit(self, tree: Any) -> None:
        for code, value in tree:
            if code in SINGLE:
                self.accepts((code, value))
            for inner in _inner(code, value):
                self._visit(inner)

    def sample(self, tree: Any, choice: int, least: int = 0) -> str:
        """A text that `tree` is likely to accept; `choice` takes other branches and letters, `least` repeats at least."""
        out = []
        for code, value in tree:
            if code in SINGLE:
                letters = [letter for letter in self.kinds if letter in self.accepts((code, value))]
                letters = letters or sorted(self.accepts((code, value))) or ["a"]
                out.append(letters[choice % len(letters)])
            elif code is opcodes.BRANCH:
                out.append(self.sample(value[1][choice % len(value[1])], choice, least))
            elif code in REPEATS:
                out.append(self.sample(value[2], choice, least) * min(max(value[0], min(least, value[1])), 40))
            elif code is opcodes.GROUPREF:
                out.append(self.sample(self.groups.get(value, ()), choice, least))
            elif code in (opcodes.ASSERT_NOT, opcodes.ASSERT):
                continue
            else:
                inner = _inner(code, value)
                out.append(self.sample(inner[0], choice, least) if inner else "")
        return "".join(out)

    def pumps(self, tree: Any, before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
        """What leads to each wide repeat, and texts that it repeats."""
        for code, value in tree:
            if code in REPEATS and value[1] >= 200:
                yield before, list(dict.fromkeys(self.sample(value[2], choice, 1) for choice in range(5)))
            for inner in _inner(code, value):
                yield from self.pumps(inner, before)
            node = [(code, value)]
            before = tuple(
                dict.fromkeys(
                    text + self.sample(node, choice, least)
                    for choice, (text, least) in enumerate([(before[0], 0), (before[-1], 1)])
                )
            )

    def texts(self) -> list[tuple[str, str, str]]:
        """`(before, repeated, after)`, those of the most promise first."""
        made: dict[tuple[str, str, str], None] = {}
        pumps = list(self.pumps(self.tree, ("",)))
        for before, bodies in pumps:
            for body in bodies:
                for lead in before:
                    made[lead, body, "\x00"] = None
                    made["", lead + body, "\x00"] = None
        for before, bodies in pumps:
            for body in bodies:
                for lead in before:
                    made["", body, lead or "\n"] = None
                    made[lead, body, "\n!"] = None
                    made["", lead, body * 3] = None
        whole = [self.sample(self.tree, choice, least) for choice in range(3) for least in (0, 1)]
        for text in whole:
            made["", text, "\x00"] = None
            made["", text[: len(text) // 2], ""] = None
            made["", text[:-1], "\x00"] = None
        for letter in self.kinds:
            made["", letter, ""] = None
            made["", letter, "\x00"] = None
        dice = random.Random(len(self.pattern.pattern))
        for _ in range(4):
            made["", "".join(dice.choices(self.kinds, k=97)), ""] = None
        return [text for text in made if text[1]][:PER_PATTERN]


SINGLE = (opcodes.LITERAL, opcodes.NOT_LITERAL, opcodes.IN, opcodes.ANY)
REPEATS = (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT)


def _inner(code: Any, value: Any) -> list[Any]:
    """The trees below a node."""
    if code in REPEATS:
        return [value[2]]
    if code is opcodes.BRANCH:
        return list(value[1])
    if code is opcodes.SUBPATTERN:
        return [value[3]]
    if code in (opcodes.ASSERT, opcodes.ASSERT_NOT):
        return [value[1]]
    if code is opcodes.ATOMIC_GROUP:
        return [value]
    if code is opcodes.GROUPREF_EXISTS:
        return [tree for tree in value[1:] if tree is not None]
    return []


def _cost(pattern: re.Pattern[Any], method: str, text: str, tries: int = 1) -> float:
    """Milliseconds, the least of `tries`."""
    tried = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    least = float("inf")
    for _ in range(tries):
        start = CLOCK()
        if method in ONCE:
            getattr(pattern, method)(tried)
        else:
            for _ in pattern.finditer(tried):
                pass
        least = min(least, (CLOCK() - start) / 1e6)
    return least


def _grown(text: tuple[str, str, str], length: int) -> str:
    before, body, after = text
    return before + body * max(length // len(body), 1) + after


def _stop(*_: object) -> None:
    raise TimeoutError


def slow(entry: Owned) -> str | None:
    """What the pattern is slow on, or None."""
    signal.signal(signal.SIGVTALRM, _stop)
    used = {method if method in ONCE else "finditer" for method in entry.methods}
    used -= {"search"} if "finditer" in used else set()
    for text in Adversary(entry.pattern).texts():
        for method in sorted(used):
            signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
            try:
                costs = _costs(entry.pattern, method, text)
            except TimeoutError:
                return f"{entry.place}: {method} of {text!r}: takes too long for {LONG:,} characters, or for {FARTHER:,} where it is bounded"
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if costs:
                short, long = costs
                return f"{entry.place}: {method} of {text!r}: {short:.2f} ms for {SHORT:,} characters, {long:.1f} ms for {LONG:,}"
    return None


def _costs(pattern: re.Pattern[Any], method: str, text: tuple[str, str, str]) -> tuple[float, float] | None:
    """Milliseconds for a short and a long text where they grow too fast."""
    for length in (22, 400):  # the exponential and the cubic show early, and end
        _cost(pattern, method, _grown(text, length))
    if _cost(pattern, method, _grown(text, LONG)) < LEAST_MS:
        return None
    long, short = (_cost(pattern, method, _grown(text, length), 5) for length in (LONG, SHORT))
    if long <= LEAST_MS or long <= GROWTH * short or _stops_growing(pattern, method, text):
        return None
    return short, long


def _stops_growing(pattern: re.Pattern[Any], method: str, text: tuple[str, str, str]) -> bool:
    """Whether the growth ends at the bound of a repeat, at a cost that can be borne."""
    signal.setitimer(signal.ITIMER_VIRTUAL, 4 * FARTHER * SLOWEST / 1e3)
    far, farther = (_cost(pattern, method, _grown(text, length), 2) for length in (FAR, FARTHER))
    return farther < FURTHER * far and farther < FARTHER * SLOWEST


def key(entry: Owned) -> str:
    """A pattern's file and its source, which stay when lines move."""
    return f"{entry.place.split(':')[0]} {entry.pattern.pattern!r}"


def _worst(entry: Owned, length: int) -> float:
    """Seconds for the worst of the texts made against a pattern, of `length` characters."""
    used = {method if method in ONCE else "finditer" for method in entry.methods}
    return max(
        _cost(entry.pattern, method, _grown(text, length)) / 1e3
        for text in Adversary(entry.pattern).texts()
        for method in used
    )


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
            assert _worst(entry, bound) < MOST_OF_BOUNDED, entry.place


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
