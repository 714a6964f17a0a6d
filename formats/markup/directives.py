"""The directives of Docutils, Sphinx and their extensions, by what becomes of their content in a text to be read."""

from __future__ import annotations

import re
from collections.abc import Sequence

CODE = {"code-block", "sourcecode", "code", "highlight-code", "testcode", "doctest", "testoutput", "parsed-literal"}
CODE |= {
    "console",
    "ipython",
    "click:example",
    "prompt",
    "literal",
    "snippet",
    "testsetup",
    "code-tab",
    "productionlist",
}
LANGUAGES = {
    "testcode": "python",
    "doctest": "pycon",
    "console": "console",
    "click:example": "python",
    "testsetup": "python",
}
LANGUAGES |= {"parsed-literal": "", "testoutput": "", "literal": "", "productionlist": ""}
CALLOUTS = {"note", "warning", "tip", "important", "caution", "attention", "danger", "hint", "seealso", "hazmat"}
CALLOUTS |= {"deepalchemy", "legacy", "alchemist", "memo"}
VERSIONS = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
}
TITLED = {"admonition", "topic", "sidebar", "rubric", "group-tab", "tab", "dropdown", "details"}
OPEN = {
    "container",
    "compound",
    "only",
    "epigraph",
    "pull-quote",
    "highlights",
    "tabs",
    "table",
    "glossary",
    "changelog",
}
OPEN |= {"hlist", "rst-class", "class", "centered", "figure", "list-table", "csv-table", "deprecated-note"}
DROPPED = {
    "toctree",
    "index",
    "image",
    "include",
    "literalinclude",
    "currentmodule",
    "contents",
    "raw",
    "meta",
    "highlight",
}
DROPPED |= {
    "role",
    "default-role",
    "sectionauthor",
    "moduleauthor",
    "codeauthor",
    "graphviz",
    "plot",
    "bibliography",
    "toc",
}
DROPPED |= {
    "click:run",
    "sectnum",
    "section-numbering",
    "target-notes",
    "unicode",
    "date",
    "replace",
    "title",
    "py:currentmodule",
}
DROPPED |= {
    "header",
    "footer",
    "tabularcolumns",
    "inheritance-diagram",
    "versionlabel",
    "module",
    "py:module",
    "todo",
    "restructuredtext-test-directive",
}


def guess_language(block: Sequence[str]) -> str:
    """The language of a block that doesn't say it: by its first telling line."""
    lines = [line for line in block if line.strip()]
    if any(line.lstrip().startswith(">>> ") for line in lines):
        return "pycon"
    if any(re.match(r"\s*[$#] \w", line) for line in lines[:1]) and lines[0].lstrip().startswith("$"):
        return "console"
    if any(re.match(r"\s*(def |class |import |from [\w.]+ import |@\w|return\b|\w+ = )", line) for line in lines):
        return "python"
    if any(re.match(r"\s*(SELECT|INSERT|UPDATE|CREATE|DELETE|ALTER) ", line) for line in lines):
        return "sql"
    return "html" if lines and re.match(r"\s*(<!?[a-zA-Z]|\{%)", lines[0]) else ""
