"""How comments and strings are written in programming languages, under the names that GitHub Linguist gives them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.code import BACKTICK, DOUBLE, SHORT_SINGLE, SINGLE, SYNTAX_FIELDS, TRIPLE


class Syntax(NamedTuple):
    """Beginnings of comments up to the end of the line, delimiters of block comments, kinds of quotes."""

    lines: tuple[str, ...] = ()
    block: tuple[str, str] = ("", "")
    quotes: int = DOUBLE | SINGLE

    def packed(self) -> tuple[int, ...]:
        """The fields as `kernels.code` reads them."""
        lines = (*self.lines, "", "")[:2]
        delimiters = (*lines, *self.block)
        return (*(int.from_bytes(delimiter.encode(), "little") for delimiter in delimiters), self.quotes)


_C = Syntax(("//",), ("/*", "*/"))
_C_LITERALS = _C._replace(quotes=DOUBLE | SHORT_SINGLE)
_SHELL = Syntax(("#",), quotes=DOUBLE | SINGLE | BACKTICK)
_LISP = Syntax((";",), quotes=DOUBLE)
_MARKUP = Syntax((), ("<!--", "-->"), DOUBLE)
_PLAIN = Syntax(quotes=0)
_HASKELL = Syntax(("--",), ("{-", "-}"), DOUBLE | SHORT_SINGLE)

_SYNTAXES: dict[str, Syntax] = {
    **dict.fromkeys(
        ("C", "C++", "C#", "Cuda", "Objective-C", "Objective-C++", "Java", "D", "GLSL", "Verilog"), _C_LITERALS
    ),
    **dict.fromkeys(("Rust", "Zig", "Solidity", "Protocol Buffer", "Thrift", "Vala"), _C_LITERALS),
    **dict.fromkeys(
        ("JavaScript", "TypeScript", "TSX", "Vue", "Svelte", "Dart", "Go"),
        _C._replace(quotes=DOUBLE | SINGLE | BACKTICK),
    ),
    **dict.fromkeys(
        ("Kotlin", "Scala", "Swift", "Groovy", "Gradle"), _C._replace(quotes=DOUBLE | SHORT_SINGLE | TRIPLE)
    ),
    **dict.fromkeys(("CSS", "SCSS", "Less"), Syntax(("//",), ("/*", "*/"))),
    "PHP": Syntax(("//", "#"), ("/*", "*/")),
    **dict.fromkeys(("Python", "Cython", "Starlark", "Nim"), Syntax(("#",), quotes=DOUBLE | SINGLE | TRIPLE)),
    "Julia": Syntax(("#",), ("#=", "=#"), DOUBLE | SHORT_SINGLE | TRIPLE),
    "Elixir": Syntax(("#",), quotes=DOUBLE | SINGLE | TRIPLE),
    **dict.fromkeys(
        ("Shell", "Dockerfile", "Makefile", "CMake", "Perl", "R", "Crystal", "GraphQL", "Nix", "Meson"), _SHELL
    ),
    **dict.fromkeys(("YAML", "TOML", "HCL", "Awk", "Tcl"), Syntax(("#",))),
    "Ruby": Syntax(("#",), ("=begin", "=end")),
    "PowerShell": Syntax(("#",), ("<#", "#>")),
    "INI": Syntax((";", "#")),
    "Batchfile": Syntax(("REM ", "::"), quotes=DOUBLE),
    **dict.fromkeys(("SQL", "PLSQL", "PLpgSQL", "TSQL"), Syntax(("--",), ("/*", "*/"))),
    "Lua": Syntax(("--",), ("--[[", "]]")),
    **dict.fromkeys(("Haskell", "Elm", "Agda", "Idris", "PureScript"), _HASKELL),
    **dict.fromkeys(("Lean",), Syntax(("--",), ("/-", "-/"), DOUBLE | SHORT_SINGLE)),
    **dict.fromkeys(("Ada", "VHDL"), Syntax(("--",), quotes=DOUBLE)),
    **dict.fromkeys(("OCaml", "Coq", "Standard ML"), Syntax((), ("(*", "*)"), DOUBLE | SHORT_SINGLE)),
    "F#": Syntax(("//",), ("(*", "*)"), DOUBLE | SHORT_SINGLE | TRIPLE),
    "Pascal": Syntax(("//",), ("(*", "*)"), SINGLE),
    **dict.fromkeys(("Common Lisp", "Emacs Lisp", "Scheme", "Racket", "Clojure", "Assembly", "LLVM"), _LISP),
    **dict.fromkeys(("Erlang", "Prolog", "MATLAB", "TeX"), Syntax(("%",), quotes=DOUBLE)),
    "Fortran": Syntax(("!",)),
    "COBOL": Syntax(("*>",)),
    **dict.fromkeys(("HTML", "XML", "SVG"), _MARKUP),
    **dict.fromkeys(("Markdown", "reStructuredText", "Text", "CSV"), _PLAIN),
    **dict.fromkeys(("JSON", "JSON Lines", "Jupyter Notebook"), Syntax(quotes=DOUBLE)),
}


def pack_syntaxes(languages: Sequence[str]) -> npt.NDArray[np.uint64]:
    """One row per language as `kernels.code.count_code` takes them, uint64 of shape (n, SYNTAX_FIELDS)."""
    packed = np.zeros((len(languages), SYNTAX_FIELDS), np.uint64)
    for row, language in enumerate(languages):
        packed[row] = _packed(language)
    return packed


@cache
def _packed(language: str) -> tuple[int, ...]:
    return _SYNTAXES.get(language, Syntax()).packed()
