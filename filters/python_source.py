"""What the syntax tree of a Python file tells about it: whether it parses, and how much of it is more than
declarations.
"""

from __future__ import annotations

import ast

from winnow import python_syntax

PYTHON_MEASURES = ("parses", "functions", "variables", "simple_functions", "no_logic")
LONGEST_SOURCE = 1 << 20
"""Characters up to which a file is parsed; the parser needs about 100 times a file's size."""


def measure_python(source: str, code_lines: int) -> tuple[float, ...]:
    """The values of `PYTHON_MEASURES` for a file with so many lines of code.

    Whether it parses (0 or 1); functions per line; number of variables assigned; functions that only return, per
    line; declarations (functions, imports, classes, plain returns, plain assignments) per line. What can't be told is
    NaN: all but the first where the file doesn't parse, everything where it is longer than `LONGEST_SOURCE`.
    """
    unknown = float("nan")
    if len(source) > LONGEST_SOURCE:
        return (unknown,) * len(PYTHON_MEASURES)
    tree = python_syntax.parse(source)
    if tree is None:
        return (0.0, *(unknown,) * (len(PYTHON_MEASURES) - 1))
    if code_lines == 0:
        return (1.0, *(unknown,) * (len(PYTHON_MEASURES) - 1))
    functions = simple = imports = classes = returns = variables = plain = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions += 1
            simple += len(node.body) == 1 and isinstance(node.body[0], ast.Return)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports += 1
        elif isinstance(node, ast.ClassDef):
            classes += 1
        elif isinstance(node, ast.Return):
            returns += node.value is None or isinstance(node.value, ast.Constant | ast.Name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            variables += 1
            plain += isinstance(node.value, ast.Constant | ast.Name)
    declarations = functions + imports + classes + returns + plain
    return 1.0, functions / code_lines, float(variables), simple / code_lines, declarations / code_lines
