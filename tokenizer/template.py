"""Chat templates as `transformers` renders them, with marks around what `{% generation %}` says the assistant writes."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from winnow.tokenizer.files import TEMPLATE

OPEN, CLOSE = "\ufdd3", "\ufdd4"
"""Non-characters before and behind what the assistant writes; `chat.py` keeps them out of messages."""

TODAY = datetime.date(2026, 1, 1)  # what templates that ask for the date are told: the same bytes on any day


class ChatError(ValueError):
    """A conversation that a template refuses, or a template that can't be used, and why."""


class Generation(Extension):
    """The block `{% generation %}…{% endgeneration %}`."""

    tags = {"generation"}  # noqa: RUF012 (the base class declares it on instances)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

    @staticmethod
    def _marked(caller: Any) -> str:
        return f"{OPEN}{caller()}{CLOSE}"


def ours() -> str:
    """The source of our own template, as it is exported beside `tokenizer.json`."""
    return files("winnow.tokenizer").joinpath(TEMPLATE).read_text(encoding="utf-8")


def marked(source: str, messages: Sequence[Any], tools: Sequence[Any] | None, **options: Any) -> str:
    """The conversation as text, with marks. `options`: what a template may ask for. Raises `ChatError`."""
    try:
        return str(_compiled(source).render(messages=list(messages), tools=list(tools or ()) or None, **options))
    except (TemplateError, TypeError, ValueError, LookupError) as error:
        raise ChatError(f"the chat template says: {error}") from error


def _raise(message: str) -> None:
    raise TemplateError(message)


def _json(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@lru_cache(maxsize=8)
def _compiled(source: str) -> Any:
    """Sandboxed, blocks trimmed, JSON not escaped for HTML."""
    extensions: list[Any] = [Generation, "jinja2.ext.loopcontrols"]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=extensions)
    environment.filters["tojson"] = _json
    given: Mapping[str, Any] = {"raise_exception": _raise, "strftime_now": TODAY.strftime}
    environment.globals.update(given)
    return environment.from_string(source)
