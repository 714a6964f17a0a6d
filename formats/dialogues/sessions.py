"""Interactive sessions as documentation prints them, taken apart into steps: what was typed and what was answered.

Two ways of printing one are known: prompts (`>>> `, `$ `, `mysql> `) with the answers below, and statements with their
results as comments beneath. Nothing is ever run: the answers are the document's own.
"""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from winnow import python_syntax
from winnow.formats.markup.markdown import Block

BLOCK_CHARACTERS = 40_000
SHELL_PROMPT = re.compile(r"^(?:\([\w.-]+\) )?(?:[\w.@:~/-]+)?\$ (.*)$")
SQL_PROMPT = re.compile(r"^(?:mysql|sqlite|MariaDB \[\w+\]|[\w-]+=[#>*])(?:> ?| )(.*)$")
WINDOWS_PROMPT = re.compile(r"^(?:[A-Z]:\\|\.\.\.)[^>]*>")


def tool(name: str, description: str, argument: str, meaning: str) -> dict[str, Any]:
    """A tool of one text argument, in the schema of `dialogue`."""
    properties = {argument: {"type": "string", "description": meaning}}
    parameters = {"type": "object", "properties": properties, "required": [argument]}
    return {"name": name, "description": description, "parameters": parameters}


TOOLS: Mapping[str, dict[str, Any]] = {
    "python": tool(
        "python",
        "Runs Python code in an interactive session that keeps its state, and returns what it prints.",
        "code",
        "The statements to run.",
    ),
    "shell": tool(
        "shell",
        "Runs a command in a shell and returns its output.",
        "command",
        "The command line.",
    ),
    "sql": tool(
        "sql",
        "Sends a statement to the database and returns its answer.",
        "statement",
        "The SQL statement.",
    ),
}
ARGUMENTS = {"python": "code", "shell": "command", "sql": "statement"}


@dataclass(frozen=True)
class Step:
    """One exchange of a session: the tool, what it was given, and what it printed (perhaps nothing)."""

    tool: str
    code: str
    output: str


def steps(block: Block) -> list[Step]:
    """The steps of a code block, in order; none when it shows no session. A notebook's cell of Python is one step."""
    text = block.text
    if block.output is not None:
        return [Step("python", text, block.output)] if block.language == "python" else []
    if block.language is None or len(text) > BLOCK_CHARACTERS:
        return []
    if re.search(r"^\s*>>> ", text, re.MULTILINE):
        return [step for step in _merged(python_examples(text)) if step.code]
    lines = text.split("\n")
    if any(SHELL_PROMPT.match(line) for line in lines):
        return list(_prompted(lines, SHELL_PROMPT, "shell"))
    if any(SQL_PROMPT.match(line) for line in lines):
        return list(_prompted(lines, SQL_PROMPT, "sql"))
    if block.language in ("", "python", "python3", "py"):
        return _commented(lines)
    return []


def python_examples(text: str) -> list[Step]:
    """The examples of a `>>> ` session, one step a statement, by the standard library's own parser."""
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:  # prompts and answers that don't line up
        return []
    return [Step("python", example.source.rstrip("\n"), _answer(example.want)) for example in examples]


def _answer(want: str) -> str:
    return re.sub(r"^<BLANKLINE>$", "", want, flags=re.MULTILINE).rstrip("\n")


def _merged(examples: list[Step]) -> Iterator[Step]:
    """Statements that print nothing join the next one that does: what a person would send at once."""
    pending: list[str] = []
    for example in examples:
        pending.append(example.code)
        if example.output:
            yield Step("python", "\n".join(pending), example.output)
            pending = []
    if pending:
        yield Step("python", "\n".join(pending), "")


def _prompted(lines: list[str], prompt: re.Pattern[str], tool_name: str) -> Iterator[Step]:
    command: list[str] = []
    output: list[str] = []
    goes_on = False
    for line in lines:
        if (match := prompt.match(line)) is not None:
            if command:
                yield Step(tool_name, "\n".join(command), "\n".join(output).strip("\n"))
            command, output = [match[1]], []
            goes_on = match[1].endswith("\\") or (tool_name == "sql" and ";" not in match[1])
        elif command and goes_on:
            command.append(re.sub(r"^(?:\.\.\.>|->|>) ", "", line.strip() if tool_name == "sql" else line))
            goes_on = line.endswith("\\") or (tool_name == "sql" and ";" not in line)
        elif command and not WINDOWS_PROMPT.match(line) and not line.startswith("// "):  # mkdocs' narrator
            output.append(line)
    if command:
        yield Step(tool_name, "\n".join(command), "\n".join(output).strip("\n"))


def _commented(lines: list[str]) -> list[Step]:
    """Statements whose results follow as comments, each group ended by a blank line: `soup.title`, `# <title>…`."""
    found: list[Step] = []
    code: list[str] = []
    output: list[str] = []
    for line in [*lines, ""]:
        if line.startswith("#") and code and code[-1].strip():
            output.append(re.sub(r"^# ?", "", line))
        elif output and line.strip():
            return []  # a comment with code below it explains that code: it is no result
        elif output:
            found.append(Step("python", "\n".join(code).strip("\n"), "\n".join(output)))
            code, output = [], []
        else:
            code.append(line)
    if not found or not all(_parses(step.code) for step in found):
        return []
    rest = "\n".join(code).strip("\n")
    return [*found, Step("python", rest, "")] if rest and _parses(rest) else found


def _parses(code: str) -> bool:
    return python_syntax.parse(code) is not None
