"""A page as talks: its sections asked and answered in turn, its sessions as calls of tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from winnow.formats.dialogues.dialogue import Conversation, check
from winnow.formats.dialogues.manuals import SECURITY, Page
from winnow.formats.dialogues.questions import question
from winnow.formats.dialogues.sessions import ARGUMENTS, TOOLS, Step, steps
from winnow.formats.markup.markdown import Section, render

TURNS = 6
ANSWER_CHARACTERS = 24_000
CLOSING = {"en": "The session answers:\n\n```\n{output}\n```", "zh": "运行结果是：\n\n```\n{output}\n```"}
DONE = {"en": "That is all it takes.", "zh": "这样就可以了。"}

Turn = tuple[Section, list[list[Step]]]


def talks(page: Page, package: str, characters: int, least: int) -> Iterator[tuple[str, str, Conversation]]:
    """`(anchor, form, conversation)` for each run of sections that belongs together.

    A run is what follows one another on the page, up to `characters` of answers or `TURNS` turns; sections about
    security don't mix with others. Those below `least` characters of text are headings only and left out.
    """
    for number, run in enumerate(_runs(page, characters, least)):
        form = "safety" if _is_safety(page, run[0][0]) else "sections"
        if any(session for _, sessions in run for session in sessions):
            form = "sessions"
        messages: list[dict[str, Any]] = []
        for place, (section, found) in enumerate(run):
            asked = question(
                section.title or _stem(page.file),
                package=package,
                page=page.title,
                language=page.language,
                key=f"{package}/{page.file}/{section.title}",
                follows=place > 0,
                safety=form == "safety",
            )
            messages.append({"role": "user", "content": asked})
            messages += _answer(section, found, page.language, len(messages))
        used = {call["name"] for message in messages for call in message.get("tool_calls", ())}
        tools = [TOOLS[name] for name in sorted(used)]
        yield f"#{number}-{_slug(run[0][0].title)}", form, check(messages, tools)


def _runs(page: Page, characters: int, least: int) -> Iterator[list[Turn]]:
    run: list[Turn] = []
    size = 0
    for section in page.sections:
        body = section.body()
        if len(body) < least or len(body) > ANSWER_CHARACTERS or not _says_something(section):
            continue
        turned = bool(run) and _is_safety(page, section) != _is_safety(page, run[0][0])
        if run and (turned or size + len(body) > characters or len(run) == TURNS):
            yield run
            run, size = [], 0
        run.append((section, [steps(block) for block in section.blocks]))
        size += len(body)
    if run:
        yield run


def _is_safety(page: Page, section: Section) -> bool:
    return page.safety or SECURITY.search(section.title) is not None


def _says_something(section: Section) -> bool:
    """Prose of a few words at least: not a bare list of signatures, a table of rules or a listing."""
    prose = " ".join(block.text for block in section.blocks if block.language is None)
    return len(re.findall(r"[A-Za-z]{2,}|[\u3400-\u9fff]", re.sub(r"`[^`]*`", "", prose))) >= 8


def _answer(section: Section, found: Sequence[Sequence[Step]], language: str, count: int) -> list[dict[str, Any]]:
    """The assistant's side of one turn: prose, then a call and its observation for each step, then what remains."""
    if not any(found):
        return [{"role": "assistant", "content": section.body()}]
    messages: list[dict[str, Any]] = []
    said: list[str] = []
    last = ""
    for block, session in zip(section.blocks, found, strict=True):
        if not session:
            said.append(render(block))
        for step in session:
            identity = f"call_{count + len(messages)}"
            call = {"id": identity, "name": step.tool, "arguments": {ARGUMENTS[step.tool]: step.code}}
            messages.append({"role": "assistant", "content": "\n\n".join(said), "tool_calls": [call]})
            messages.append({"role": "tool", "content": step.output, "tool_call_id": identity})
            said, last = [], step.output
    closing = CLOSING[language].format(output=last) if last else DONE[language]
    messages.append({"role": "assistant", "content": "\n\n".join(said) or closing})
    return messages


def _stem(file: str) -> str:
    """What the file's name says: the topic of text that stands before the first heading."""
    name = re.sub(r"\.\w+$", "", file).removesuffix("/index").rpartition("/")[2]
    return re.sub(r"[-_]+", " ", name)


def _slug(title: str) -> str:
    return re.sub(r"[^\w]+", "-", title.lower()).strip("-")[:60]
