"""What reaches a terminal: no control of a document, no credential of an address, from any command."""

from __future__ import annotations

import ast
import unicodedata
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from winnow.pipeline import terminal

PIPELINE = Path(__file__).parents[2] / "pipeline"
EVIL = "a\x1b]0;title\x07b\x1b[2Jc\x9b31md\u202egpj.exe\u2066\r\x08\x7f\u2028\ud800z"


def harmful(text: str) -> set[str]:
    kinds = ("Cc", "Cs", "Zl", "Zp")
    bidirectional = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return {
        character
        for character in text
        if (unicodedata.category(character) in kinds and character not in "\n\t")
        or unicodedata.bidirectional(character) in bidirectional
    }


def test_every_control_of_unicode_is_written_out() -> None:
    every = "".join(chr(number) for number in range(0x110000))
    assert harmful(every) and not harmful(terminal.inert(every))
    plain = "Grüße, 你好, שלום, नमस्ते\u200d, 👩\u200d🚀\t|\n"
    assert terminal.inert(plain) == plain
    assert terminal.inert("\x1b[2J\x7f\u202e") == "␛[2J␡<U+202E>"


def test_a_console_prints_texts_and_tables_inert(capsys: pytest.CaptureFixture[str]) -> None:
    console = terminal.console()
    table = Table(title=EVIL)
    table.add_column(EVIL)
    table.add_row(Text(EVIL))
    console.print(table, Text(EVIL), EVIL, markup=False)
    console.rule(Text(EVIL))
    terminal.say(EVIL, err=True)
    printed = capsys.readouterr()
    assert "gpj.exe" in printed.out and not harmful(printed.out)
    assert "gpj.exe" in printed.err and not harmful(printed.err)


def test_no_command_prints_past_it() -> None:
    past = ("click.echo", "print", "Console", "click.secho")
    found: list[str] = []
    for path in [PIPELINE / "cli.py", *sorted((PIPELINE / "commands").glob("*.py"))]:
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        found += [f"{path.name}:{call.lineno}" for call in calls if ast.unparse(call.func) in past]
    assert found == []
