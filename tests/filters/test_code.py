"""Program code: counts by an obvious loop and by hand, golden vectors for StarCoder2's and RefineCode's rules."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.code import RECIPES as STARCODER2
from winnow.filters.code import code_counts, encoded_data, languages_and_paths
from winnow.filters.kernels.code import Count
from winnow.filters.python_source import measure_python
from winnow.filters.refinecode import RECIPES as REFINECODE

PYTHON = '''# a comment, todo
"""Docs
more"""
import os
x = "a string" + 'b'
def f(a): return a  # fixme
y = 0x1F
assert x
print("hi" )
'''


def counted(text: str, language: str) -> dict[str, int]:
    counts = code_counts(pa.array([text], pa.large_string()), [language])
    return {count.name: int(counts[0, count]) for count in Count}


def test_comments_strings_and_telling_words_of_python_are_counted_as_by_hand() -> None:
    counts = counted(PYTHON, "Python")
    assert (counts["LINES"], counts["CODE_LINES"], counts["LONGEST_LINE"]) == (9, 6, 27)
    assert counts["COMMENT_CHARACTERS"] == len("# a comment, todo") + 1 + len('"""Docs\nmore"""') + len("# fixme") - 1
    assert counts["STRING_CHARACTERS"] == len("a string") + len("b") + len("hi")
    assert (counts["PROMPT_LINES"], counts["IMPORT_LINES"], counts["ASSERT_LINES"], counts["PRINT_LINES"]) == (
        2,
        1,
        1,
        1,
    )
    assert counts["HEX_CHARACTERS"] == 4


@pytest.mark.parametrize(
    ("language", "text", "comment", "string"),
    [
        ("C", 'a; // "x"\n', '// "x"', ""),
        ("C", "a; /* x\n y */ b;", "/* x\n y */", ""),
        ("C", 'char c = \'"\'; d = "s\\"t";', "", '"' + 's\\"t'),
        ("Rust", "fn f<'a>(x: &'a str) {} // y", "// y", ""),
        ("JavaScript", "t = `a\n'b'`; // 'c'", "// 'c'", "a\n'b'"),
        ("Lua", "--[[ a\nb ]] c -- d", "--[[ a\nb ]]-- d", ""),
        ("HTML", '<!-- a --><p class="b">', "<!-- a -->", "b"),
        ("SQL", "select '-- no' -- yes", "-- yes", "-- no"),
        ("Text", '# "no" // comment', "", ""),
    ],
)
def test_each_language_has_its_comments_and_strings(language: str, text: str, comment: str, string: str) -> None:
    counts = counted(text, language)
    assert (counts["COMMENT_CHARACTERS"], counts["STRING_CHARACTERS"]) == (len(comment), len(string))


@given(st.text(alphabet="a1 中\t\n\"'#/*\\é🎉", max_size=200))
def test_characters_are_counted_as_python_counts_them(text: str) -> None:
    for language in ("Python", "C", "Text"):
        counts = counted(text, language)
        lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else []
        assert counts["CHARACTERS"] == len(text)
        assert counts["LINES"] == len(lines)
        assert counts["LONGEST_LINE"] == max(map(len, lines), default=0)
        assert counts["LETTERS"] == sum(character.isalpha() for character in text)
        assert counts["DIGITS"] == sum(character in "0123456789" for character in text)
        assert counts["WHITESPACE"] == sum(character.isspace() for character in text)
        assert counts["COMMENT_CHARACTERS"] + counts["CODE_CHARACTERS"] == len(text)


def test_repeated_lines_are_counted_without_their_whitespace_and_apart_from_single_signs() -> None:
    counts = counted("a = 1\n  a=1\n}\n}\nb = 2\n", "C")
    assert counts["REPEATED_LINES"] == 2 and counts["CODE_LINES"] == 5
    both = code_counts(pa.array(["a = 1\n", "a = 1\n"], pa.large_string()), ["C", "C"])
    assert both[:, Count.REPEATED_LINES].tolist() == [0, 0]


def test_encoded_data_are_what_the_published_expressions_match() -> None:
    base64 = "QUJD" * 300
    longest, share = encoded_data(
        pa.array(["plain words", f"x = '{base64}'", "\\u4e2d\\u6587" * 8, "", "de ad be ef 00 11 22 33 44"])
    )
    assert longest.tolist()[:4] == [0, 1200, 96, 0] and longest[4] > 0
    assert share[1] == pytest.approx(1200 / 1206)


@pytest.mark.parametrize(
    ("text", "measures"),
    [
        ("x = 1\n", (1.0, 0.0, 1.0, 0.0, 1.0)),
        ("def f():\n    return 1\n", (1.0, 0.5, 0.0, 0.5, 1.0)),
        ("def (:", (0.0,)),
    ],
)
def test_the_syntax_tree_tells_declarations_from_logic(text: str, measures: tuple[float, ...]) -> None:
    found = measure_python(text, text.count("\n"))
    assert found[: len(measures)] == measures
    assert measure_python("x" * (1 << 21), 1) != measure_python("x", 1)


def files(*contents: tuple[str, str]) -> pa.Table:
    texts, paths = zip(*contents, strict=True)
    numbers = [str(number) for number in range(len(texts))]
    columns = {"id": numbers, "source": ["test"] * len(texts), "path": paths}
    return pa.table({**columns, "text": pa.array(texts, pa.large_string())})


GOOD = "\n".join(f"total_{number} = compute(value_{number}, {number}) + other_{number}" for number in range(12))


def test_starcoder2_drops_what_the_paper_drops(rejected: Callable[[pa.Table, object], dict[int, str]]) -> None:
    cases = {
        "kept.py": (GOOD, None),
        "long_line.py": (f"{GOOD}\n{GOOD}\nx = '" + "lorem " * 170 + "'", "longest_line"),
        "long_mean.py": ("\n".join("word " * 25 for _ in range(5)), "mean_line"),
        "page.html": (GOOD + "\n" + "lorem " * 200, None),
        "page2.html": ("lorem " * 17_000, "longest_markup_line"),
        "made.py": ("# This file is generated by a tool\n" + GOOD, "generated"),
        "late.py": (GOOD + "\n# automatically generated\n", None),
        "digits.py": ("\n".join("1234567 8901234" for _ in range(20)), "letters"),
        "data.json": ("\n".join('"key": "value",' for _ in range(600)), "data_lines"),
        "README.txt": (GOOD, None),
        "requirements-dev.txt": (GOOD, None),
        "story.txt": (GOOD, "telling_name"),
        "blob.py": ("x = '" + "\n".join("QUJDREVG" * 8 for _ in range(30)) + "'", "longest_encoded_run"),
    }
    table = files(*((text, path) for path, (text, _) in cases.items()))
    broken = rejected(table, STARCODER2[0])
    assert {path: broken.get(row) for row, path in enumerate(cases)} == {
        path: rule for path, (_, rule) in cases.items()
    }


VARIED = '''import os
from typing import Any

LIMIT = 40


class Counter:
    """Counts how often each word stands in a folder of files."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.seen: dict[str, int] = {}

    def run(self) -> None:
        for name in sorted(os.listdir(self.folder)):
            with open(os.path.join(self.folder, name)) as stream:
                for line in stream:
                    for word in line.split():
                        if len(word) < LIMIT and word.isalpha():
                            self.seen[word] = self.seen.get(word, 0) + 1

    def best(self, amount: int) -> list[Any]:
        ranked = sorted(self.seen.items(), key=lambda pair: -pair[1])
        return ranked[:amount]
'''


def test_refinecode_drops_what_its_filters_drop(rejected: Callable[[pa.Table, object], dict[int, str]]) -> None:
    cases = {
        "kept.py": (VARIED, None),
        "short.py": ("import os\nx = os.name\n", "lines"),
        "broken.py": (VARIED + "\ndef (:\n", "parses"),
        "made.py": ("# Generated from a schema. Do not edit.\n" + VARIED, "generated"),
        "todo.py": (VARIED.replace("LIMIT = 40", "LIMIT = 40  # TODO"), "prompts"),
        "page.xml": ('<?xml version="1.0"?>\n' + VARIED, None),
        "start.java": ('<?xml version="1.0"?>\n' + VARIED, "xml_start"),
        "twice.c": (VARIED.replace("LIMIT = 40", "int main() {\nint main() {"), "main_functions"),
    }
    table = files(*((text, path) for path, (text, _) in cases.items()))
    broken = rejected(table, REFINECODE[0])
    assert {path: broken.get(row) for row, path in enumerate(cases)} == {
        path: rule for path, (_, rule) in cases.items()
    }


def test_measures_stay_when_files_are_permuted_and_sliced() -> None:
    table = files((VARIED, "a.py"), (GOOD, "b.py"), ("", "c.py"), ("// x\nint a;", "d.c"))
    whole = REFINECODE[0].measure(table).to_pylist()  # type: ignore[misc]
    assert REFINECODE[0].measure(table.take([3, 2, 1, 0])).to_pylist() == whole[::-1]  # type: ignore[misc]
    assert REFINECODE[0].measure(table.slice(1, 2)).to_pylist() == whole[1:3]  # type: ignore[misc]


def test_the_language_is_declared_or_follows_from_the_extension() -> None:
    declared = pa.array(["Rust", None, None, None, None])
    paths = pa.array(["a.py", "a/b.PY", "x.hpp", "Makefile", None])
    assert languages_and_paths(pa.table({"language": declared, "path": paths, "text": [""] * 5}))[0] == [
        "Rust", "Python", "C++", "Makefile", "",
    ]  # fmt: skip
