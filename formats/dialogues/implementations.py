"""Documented functions of Python modules: what they say of themselves, and their code. Parsed with `ast`, never run."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from winnow import python_syntax

DOCSTRING_CHARACTERS = 60
STATEMENTS = 2
LINES = 120
SOURCE_CHARACTERS = 1 << 20  # a syntax tree takes about 30 bytes for each
ROOTS = re.compile(r"^(?:src|lib|py_src|python|bindings/python/py_src)/")


@dataclass(frozen=True)
class Function:
    """A documented function: its dotted name, its signature lines, its docstring (dedented), its code without that."""

    name: str
    signature: str
    docstring: str
    code: str
    line: int
    statements: int


@dataclass(frozen=True)
class Definition:
    """A documented class or function, for its docstring's sake."""

    name: str
    docstring: str


def module_name(file: str) -> str:
    """`src/flask/app.py` → `flask.app`."""
    return ROOTS.sub("", re.sub(r"(/__init__)?\.py$", "", file)).replace("/", ".")


def parse_module(source: str) -> ast.Module | None:
    """The module's syntax tree, or None when it isn't Python 3, or is so long that it must be a table of data."""
    if len(source) > SOURCE_CHARACTERS:
        return None
    return python_syntax.parse(source)


def definitions(tree: ast.Module, module: str) -> Iterator[Definition]:
    """Public classes, functions and methods with a docstring, in the order of the file."""
    for node, name, _ in _walk(tree, ()):
        if (docstring := _docstring(node)) and not any(part.startswith("_") for part in name):
            yield Definition(".".join([module, *name]), docstring)


def functions(source: str, tree: ast.Module) -> Iterator[Function]:
    """Documented functions that are short enough to be a task and long enough to be one."""
    lines = source.split("\n")
    for node, name, owner in _walk(tree, ()):
        if isinstance(node, ast.ClassDef):
            continue
        docstring = _docstring(node)
        body = node.body[1:]
        if docstring is None or len(docstring) < DOCSTRING_CHARACTERS or len(body) < STATEMENTS:
            continue
        start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        stop = node.end_lineno or node.lineno
        if stop - start > LINES or _is_stub(body):
            continue
        first = node.body[0]
        head = lines[start - 1 : first.lineno - 1]
        if not head or first.lineno == node.lineno:
            continue
        tail = lines[first.end_lineno or first.lineno : stop]
        signature = textwrap.dedent("\n".join(head))
        code = textwrap.dedent("\n".join([*head, *tail]))
        within = f"class {owner.name}:\n" if owner else ""
        if owner:
            signature, code = _indented(within, signature), _indented(within, code)
        yield Function(".".join(name), signature, docstring, code, start, len(body))


def _walk(
    tree: ast.AST, path: tuple[str, ...], owner: ast.ClassDef | None = None
) -> Iterator[tuple[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, tuple[str, ...], ast.ClassDef | None]]:
    """Classes, and functions of modules and classes; what is defined inside a function isn't reached."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield node, (*path, node.name), owner
            if len(path) < 3:
                yield from _walk(node, (*path, node.name), node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, (*path, node.name), owner


def _docstring(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """The docstring, halves of surrogate pairs written as the source writes them; None when there is none."""
    docstring = (ast.get_docstring(node) or "").encode("utf-8", "backslashreplace").decode()
    return docstring if docstring.strip() else None


def _is_stub(body: list[ast.stmt]) -> bool:
    return all(isinstance(statement, ast.Pass | ast.Raise | ast.Expr) for statement in body)


def _indented(head: str, code: str) -> str:
    return head + re.sub(r"^(?=.)", "    ", code, flags=re.MULTILINE)
