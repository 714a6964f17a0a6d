"""Conversations made of packages say only what the package says, and keep their chains together."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.dialogues.dialogue import check
from winnow.formats.dialogues.implementations import functions, parse_module
from winnow.formats.dialogues.questions import question
from winnow.formats.dialogues.sessions import Step, python_examples, steps
from winnow.formats.dialogues.verifiable import puzzles
from winnow.formats.licences.expressions import declared
from winnow.formats.markup.markdown import Block

PROSE = "The mill grinds what you bring it, and the river pays for the work that the wheel does. " * 3
GUIDE = f"""
Grinding
========

{PROSE}

Using the wheel
---------------

{PROSE}

>>> from mill import grind
>>> flour = grind(2)
>>> flour
['flour', 'flour']
>>> len(flour)
2

The wheel stops by itself.

.. code-block:: console

    $ mill --sacks 3
    ground 3 sacks

Why does it stop?
-----------------

{PROSE}
"""
SECURITY = f"""
Security of the mill
====================

{PROSE}

Locking the door
----------------

{PROSE}
"""
MODULE = '''
"""The mill."""


def grind(sacks, *, fine=False):
    """Grind some sacks of grain and return one item of flour for each of them.

    >>> len([1, 2, 3])
    3
    """
    result = []
    for _ in range(sacks):
        result.append("fine flour" if fine else "flour")
    return result


class Mill:
    def open(self, hour):
        """Open the doors of the mill at this hour of the day, unless they are open already."""
        if self.hour is None:
            self.hour = hour
        return self.hour

    def stub(self):
        """A method that is documented at great length, in many words, but which has nothing to show."""
        raise NotImplementedError
'''
PO = 'msgid ""\nmsgstr "x"\n\nmsgid "Grind the flour."\nmsgstr "把面粉磨好。"\n\nmsgid "OK"\nmsgstr "OK"\n'
FILES = {
    "docs/guide.rst": GUIDE,
    "docs/security.rst": SECURITY,
    "src/mill/core.py": MODULE,
    "tests/test_core.py": MODULE,
    "mill/locale/zh_Hans/LC_MESSAGES/mill.po": PO,
    "LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy",
}
EVERY = ["sections", "sessions", "safety", "code", "translations", "prompts", "preferences"]


@pytest.fixture
def made(sdist: Any, ingest: Any) -> dict[str, list[dict[str, Any]]]:
    documents, rejections = ingest("documentation", sdist(FILES, license="BSD 3-Clause License"), forms=EVERY)
    assert rejections == []
    forms: dict[str, list[dict[str, Any]]] = {}
    for row in documents:
        talk = json.loads(row["messages"])
        assert check(talk["messages"], talk["tools"]).text() == row["text"]
        assert row["license"] == "BSD-3-Clause"
        forms.setdefault(json.loads(row["metadata"])["form"], []).append({**row, **talk})
    return forms


def test_session_becomes_calls_with_the_printed_answers(made: Any) -> None:
    [talk] = made["sessions"]
    assert talk["locator"].endswith("mill-1.2.tar.gz!mill-1.2/docs/guide.rst#0-grinding")
    roles = [message["role"] for message in talk["messages"]]
    assert roles == ["user", "assistant", "user", *["assistant", "tool"] * 3, "assistant", "user", "assistant"]
    calls = [call for message in talk["messages"] for call in message.get("tool_calls", ())]
    assert [(call["name"], call["arguments"]) for call in calls] == [
        ("python", {"code": "from mill import grind\nflour = grind(2)\nflour"}),
        ("python", {"code": "len(flour)"}),
        ("shell", {"command": "mill --sacks 3"}),
    ]
    answers = [message["content"] for message in talk["messages"] if message["role"] == "tool"]
    assert answers == ["['flour', 'flour']", "2", "ground 3 sacks"]
    assert [tool["name"] for tool in talk["tools"]] == ["python", "shell"]
    asked = [message["content"] for message in talk["messages"] if message["role"] == "user"]
    assert "mill" in asked[0] and asked[2] == "Why does it stop?"
    before_shell = [message["content"] for message in talk["messages"] if message.get("tool_calls")][2]
    assert before_shell == "The wheel stops by itself."


def test_security_pages_are_safety_talks(made: Any) -> None:
    [talk] = made["safety"]
    assert [message["role"] for message in talk["messages"]] == ["user", "assistant"] * 2
    assert talk["messages"][1]["content"] == PROSE.strip()


def test_functions_are_tasks_and_tests_and_stubs_are_not(made: Any) -> None:
    tasks = {talk["locator"].rpartition("#")[2]: talk["messages"] for talk in made["code"]}
    assert sorted(tasks) == ["Mill.open", "grind"]
    asked, answered = (message["content"] for message in tasks["grind"])
    assert "def grind(sacks, *, fine=False):" in asked
    whole = asked + answered
    assert "Grind some sacks of grain" in whole and 'result.append("fine flour" if fine else "flour")' in whole


def test_half_a_surrogate_pair_in_a_docstring_stands_as_the_source_writes_it(sdist: Any, ingest: Any) -> None:
    module = f'def grind(sacks):\n    """{PROSE}\\ud83d"""\n    flour = sacks\n    return flour\n'
    documents, rejections = ingest("documentation", sdist({"mill/wheel.py": module}))
    assert rejections == []
    assert {json.loads(row["metadata"])["form"] for row in documents} == {"code", "sections"}
    assert any("\\ud83d" in row["text"] for row in documents)


def test_translations_leave_out_what_is_the_same(made: Any) -> None:
    [talk] = made["translations"]
    assert [message["content"] for message in talk["messages"]][1:] == ["把面粉磨好。"]
    assert "Grind the flour." in talk["messages"][0]["content"]


def test_making_is_deterministic(sdist: Any, ingest: Any) -> None:
    path = sdist(FILES)
    first, second = (ingest("documentation", path, forms=EVERY).documents for _ in range(2))
    assert first == second
    assert len({row["id"] for row in first}) == len(first)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "pycon",
            ">>> x = 1\n>>> if x:\n...     print(x)\n...\n1\n>>> x\n1\n<BLANKLINE>\n2",
            [Step("python", "x = 1\nif x:\n    print(x)", "1"), Step("python", "x", "1\n\n2")],
        ),
        ("console", "$ a \\\n  -b\nout\n...\\> a\n$ c", [Step("shell", "a \\\n  -b", "out"), Step("shell", "c", "")]),
        ("", "(env) user@host:~/x$ ls\na b", [Step("shell", "ls", "a b")]),
        ("sql", "mysql> SELECT\n    -> 1;\n+---+\n", [Step("sql", "SELECT\n1;", "+---+")]),
        ("python", "soup.title\n# <title>x</title>\n\nsoup.p\n# <p>\n# </p>", None),
        ("python", "# a comment\nx = 1\n", []),
        ("python", "x = 1\n# explains what follows\ny = 2\n", []),
        ("pycon", ">>> print(1\n  oops", None),
        ("toml", "$x = 1", []),
        (None, ">>> prose", []),
    ],
)
def test_each_way_of_printing_a_session_is_taken_apart(
    language: str | None, text: str, expected: list[Step] | None
) -> None:
    found = steps(Block(text, language))
    if text.startswith("soup"):
        assert found == [Step("python", "soup.title", "<title>x</title>"), Step("python", "soup.p", "<p>\n</p>")]
    elif expected is not None:
        assert found == expected


def session(*pairs: tuple[str, str]) -> list[Step]:
    return [Step("python", code, output) for code, output in pairs]


def test_puzzles_are_only_what_can_be_told_from_the_code_shown() -> None:
    found = list(
        puzzles(
            session(
                ("x = [3, 1, 2]", ""),
                ("sorted(x)", "[1, 2, 3]"),
                ("unknown(x)", "7"),
                ("x", "[3, 1, 2]"),
                ("max(x)", "<object at 0x7f>"),
                ("open('/etc/motd').read()", "'hello'"),
                ("{n: n for n in x}[1]", "1"),
            )
        )
    )
    assert [(puzzle.code, puzzle.answer, puzzle.kind) for puzzle in found] == [
        ("x = [3, 1, 2]\nsorted(x)", "[1, 2, 3]", "list"),
        ("x = [3, 1, 2]\n{n: n for n in x}[1]", "1", "int"),
    ]


def test_puzzles_pose_what_the_interpreter_would_print() -> None:
    text = """
>>> x = [3, 1, 2]
>>> y = sorted(x)
>>> y[0], len(x)
(1, 3)
>>> {k: k * 2 for k in y}
{1: 2, 2: 4, 3: 6}
>>> for k in y:
...     z = k
>>> z ** 2
9
>>> 'a' * z
'aaa'  # three of them
"""
    found = list(puzzles(python_examples(text)))
    assert len(found) == 3
    for puzzle in found:
        *setup, last = puzzle.code.split("\n")
        scope: dict[str, Any] = {}
        exec("\n".join(setup), scope)
        assert repr(eval(last, scope)) == puzzle.answer


@pytest.mark.parametrize(
    ("title", "page", "language", "expected"),
    [
        ("How to grind", "Mill", "en", "How do I grind with mill?"),
        ("Is it safe?", "Mill", "en", "Is it safe?"),
        ("为什么？", "磨", "zh", "为什么？"),
        ("Version 2.0", "Changes", "en", "mill version 2.0"),
        ("Installation", "The wheel", "en", "installation of The wheel"),
        ("1.2 安装", "水轮", "zh", "水轮：安装"),
    ],
)
def test_headings_become_questions(title: str, page: str, language: str, expected: str) -> None:
    asked = question(title, package="mill", page=page, language=language, key="k", follows=False, safety=False)
    assert expected in asked


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("MIT License", "MIT"),
        ("Apache 2.0", "Apache-2.0"),
        ("BSD-3-Clause", "BSD-3-Clause"),
        ("Apache-2.0 OR BSD-3-Clause", "Apache-2.0 OR BSD-3-Clause"),
        ("License :: OSI Approved :: Apache Software License", "Apache-2.0"),
        ("public domain, Python, 2-Clause BSD, GPL 3 (see COPYING.txt)", None),
        ("", None),
    ],
)
def test_licences_are_normalised_where_they_can_be_told(spoken: str, expected: str | None) -> None:
    assert declared(spoken) == expected


def test_code_of_a_task_parses_and_lost_only_its_docstring() -> None:
    tree = parse_module(MODULE)
    assert tree is not None
    for function in functions(MODULE, tree):
        made = ast.parse(function.code)
        assert function.docstring not in function.code
        names = {node.name for node in ast.walk(made) if isinstance(node, ast.FunctionDef)}
        assert names == {function.name.rpartition(".")[2]}


@settings(max_examples=150)
@given(st.lists(st.sampled_from([*GUIDE.splitlines(), ">>> (", "... x", "$ \\", "mysql> x", "# y"]), max_size=30))
def test_any_block_has_steps_or_none(lines: list[str]) -> None:
    for language in ("", "pycon", "python", "console"):
        found = steps(Block("\n".join(lines), language))
        assert all(step.code for step in found)
        list(puzzles(found))


@settings(max_examples=100)
@given(st.text(alphabet="defclas \n():\"'x,=@#", max_size=120))
def test_any_source_has_functions_or_none(source: str) -> None:
    tree = parse_module(source)
    if tree is not None:
        for function in functions(source, tree):
            ast.parse(function.code)
