"""Programs against their tests: what honest ones may do, and that no hostile one passes without the answer."""

from __future__ import annotations

import ast

import pytest

from winnow.trainer.alignment.trial import passes
from winnow.trainer.alignment.wire import meant

HONEST = {
    "a number": ("def f(x): return x + 1", "assert f(1) == 2 and f(-1) == 0 and f(10**40) == 10**40 + 1"),
    "containers of all kinds": (
        "def f(x): return x",
        "for x in ([1, (2, 'é')], {(1, 2): {3}}, frozenset([b'a']), 1.5, 1 + 2j, range(3), None, True, float('inf'), '\\ud800'):\n"
        "    assert f(x) == x and type(f(x)) is type(x)",
    ),
    "HumanEval's form": (
        "import math\nfrom typing import List\n\ndef poly(xs: List[float], x): return sum(c * math.pow(x, i) for i, c in enumerate(xs))\n"
        "def find_zero(xs): return -xs[0] / xs[1]",
        "METADATA = {'author': 'x'}\n\ndef check(candidate):\n    import copy\n    for xs in ([1, 2], [3.5, -7]):\n"
        "        assert math.fabs(poly(xs, candidate(copy.deepcopy(xs)))) < 1e-6\n\ncheck(find_zero)",
    ),
    "MBPP's form": (
        "class Node:\n    def __init__(self, data):\n        self.data, self.left, self.right = data, None, None\n"
        "def height(node): return 0 if node is None else 1 + max(height(node.left), height(node.right))",
        "root = Node(1)\nroot.left = Node(2)\nroot.left.right = Node(4)\nassert height(root) == 3 and root.left.data == 2",
    ),
    "a name of Python's own": ("def sum(a, b): return a * b", "assert sum(3, 4) == 12\nassert sum(1, 1) == 1"),
    "lists changed in their place": ("def f(x): x.sort(); x.append(9)", "x = [3, 1]\nf(x)\nassert x == [1, 3, 9]"),
    "callables of the tests": (
        "def f(g, xs): return [g(x) for x in xs]",
        "seen = []\nassert f(lambda x: (seen.append(x), x * x)[1], [2, 3]) == [4, 9] and seen == [2, 3]",
    ),
    "generators and iterators": (
        "def f(n):\n    for i in range(n): yield i",
        "assert list(f(3)) == [0, 1, 2] and sorted(f(2)) == [0, 1] and next(iter(f(1))) == 0",
    ),
    "exceptions": (
        "class Odd(ValueError): pass\ndef f(x):\n    if x < 0: raise ValueError('negative')\n    if x % 2: raise Odd('odd')",
        "for x, kind in ((-1, ValueError), (1, Odd), (3, ValueError)):\n    try: f(x)\n    except kind as error: assert 'd' in str(error) or 'n' in str(error)\n"
        "    else: assert False",
    ),
    "functions that are made": ("def f(x): return lambda y: x + y", "assert f(1)(2) == 3"),
    "subclasses as what they are a kind of": (
        "import collections, enum\nclass Colour(enum.IntEnum): RED = 1\ndef f(): return collections.Counter('aab'), Colour.RED, collections.namedtuple('P', 'x y')(1, 2)",
        "assert f() == ({'a': 2, 'b': 1}, 1, (1, 2))",
    ),
    "what it says and begins": ("print('noise')\ndef f(): print('more'); return 1\nif __name__ == '__main__': f()", "print('x')\nassert f() == 1"),
    "tests without anything of the program's": ("x = 1", "assert 1 + 1 == 2"),
}  # fmt: skip

HOSTILE = {
    "wrong": "def f(x): return 7",
    "raises": "def f(x): raise RuntimeError",
    "leaves well": "import sys\nsys.exit(0)",
    "leaves well when asked": "import os\ndef f(x): os._exit(0)",
    "reads its own file for the mark": "import re\ntext = open('/program.py').read()\nprint(*re.findall(r'[0-9a-f]{32}', text)[-1:], end='', flush=True)\n"
    "import os\nos._exit(0)",
    "looks through memory for the mark": "import gc, os, re, sys\nframe = sys._getframe()\nwhile frame:\n"
    "    for value in list(frame.f_locals.values()):\n        for found in re.findall(r'\\b[0-9a-f]{32}\\b', repr(value)): print(found)\n    frame = frame.f_back\n"
    "for value in gc.get_objects():\n    if isinstance(value, str) and re.fullmatch('[0-9a-f]{32}', value): print(value)\ndef f(x): return 0",
    "is equal to everything": "class Any:\n    def __eq__(self, other): return True\n    __ne__ = lambda self, other: False\n"
    "    __sub__ = __abs__ = __float__ = lambda self, *_: 0.0\n    __lt__ = __le__ = __gt__ = __contains__ = lambda *_: True\n    __hash__ = lambda self: 0\n"
    "def f(x): return Any()",
    "is a number that is equal to everything": "class Any(int):\n    __eq__ = __lt__ = lambda *_: True\n    __sub__ = __abs__ = lambda self, *_: self\n    __hash__ = int.__hash__\ndef f(x): return Any(7)",
    "changes what tests do": "import builtins, math\nabs = math.fabs = builtins.abs = lambda x: 0\nmath.isclose = lambda *_, **__: True\n"
    "check = lambda candidate: None\nAssertionError = Exception\ndef f(x): return 7",
    "brings modules of its own": "import sys\nclass Fake:\n    isclose = staticmethod(lambda *_, **__: True)\n    fabs = staticmethod(lambda *_: 0)\n"
    "math = sys.modules['math'] = Fake()\ndef f(x): return 7",
    "writes what it likes into every pipe": "import os\nfor number in range(3, 64):\n    try: os.write(number, b'\\0' * 7 + b'\\2{}' * 99)\n    except OSError: pass\ndef f(x): return 7",
    "sends a message without an end": "import os\nfor number in range(3, 64):\n    try: os.write(number, b'\\xff' * 64)\n    except OSError: pass",
    "names another module": "import types\nmath = types.ModuleType('/tmp/x')\ndef f(x): return 7",
    "hands out what runs text": "def f(x): return eval",
    "asks for more of what tests hand over": "def f(x):\n    try: x.__globals__['f'] = lambda x: x + 1\n    except Exception: pass\n    return 7",
}  # fmt: skip

TESTS = {
    "plain": "assert f(1) == 2\nassert f(5) == 6",
    "near": "def check(candidate):\n    for x in (1.5, 2.5, 4.0):\n        assert abs(candidate(x) - (x + 1)) < 1e-6\n        assert math.isclose(candidate(x), x + 1)\ncheck(f)",
    "called back": "g = lambda: 3\nassert f(g) == 2 and f(1) == 2",
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_passes(name: str) -> None:
    program, tests = HONEST[name]
    assert passes(program, tests, seconds=30)
    assert not passes(program, f"{tests}\nassert False", seconds=30)


def test_the_right_program_passes_what_no_hostile_one_does() -> None:
    right = "import math\ndef f(x): return x + 1 if not callable(x) else 2"
    assert all(passes(right, tests, seconds=30) for tests in TESTS.values())


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_program_passes(name: str) -> None:
    for kind in ("plain", "called back" if "hand over" in name else "near"):
        assert not passes(HOSTILE[name], TESTS[kind], seconds=30), kind


def test_who_dies_raises_nothing_and_who_stops_ends_nothing() -> None:
    raising = "for x in (-1, -2):\n    try: f(x)\n    except {0}: pass\n    else: assert False"
    for kind in ("Exception", "BaseException", "ValueError"):
        assert passes("def f(x): raise ValueError", raising.format(kind), seconds=30)
        assert not passes("import os\ndef f(x): os._exit(0)", raising.format(kind), seconds=30)
    mapped = "for got, want in zip(map(f, [1, 2]), [2, 3]): assert got == want"
    assert passes("def f(x): return x + 1", mapped, seconds=30)
    assert not passes("def f(x): raise StopIteration", mapped, seconds=30)


def test_a_program_that_does_not_end_is_waited_for_no_longer() -> None:
    assert not passes("def f():\n    while True: pass", "assert f() == 1", seconds=2)
    assert not passes("while True: pass", "assert f() == 1", seconds=2)


def test_names_of_pythons_own_mean_the_programs_only_where_nothing_else_does() -> None:
    assert meant(ast.parse("assert abs(f(1)) == 1"), {"abs", "f", "g"}) == {"f"}
    assert meant(ast.parse("assert sum(1, 2) == 2"), {"sum", "g"}) == {"sum"}
    assert meant(ast.parse("def check(f): assert f(1)\nimport math\ncheck(sum)"), {"check", "math", "sum"}) == {"sum"}
