"""Conversations: turns that are empty, out of order, refused or cut off, and prompts that a template made.

Read is the column `messages`, JSON: a list of `{"role", "content", "tool_calls"?}`, or an object that holds one under
`messages`. A document without it measures null everywhere, and a null passes every rule.

A template gives many prompts one skeleton: the first words of what the user first says, with numbers, names,
quotations, code and addresses blanked out. `conversations.skeleton` is its hash and `conversations.skeleton_count`
how many of the documents measured together share it. Rules and bounds are this project's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from winnow.filters.recipes import Recipe, Rule

SKELETON_WORDS = 8
"""Words that make a skeleton; a Chinese character counts half a word."""
TRUNCATION_CHARACTERS = 120
"""An answer shorter than this may end as it likes."""
HEAD_CHARACTERS = 240
"""Refusals stand at the beginning of an answer."""

REFUSAL = re.compile(
    r"(?i)\bas an? (?:ai|artificial intelligence)(?: language)?(?: model| assistant)?,? i "
    r"(?:can(?:no|')t|am (?:not able|unable)|don't|do not)"
    r"|\bi(?:'m| am) (?:very |really |so )?(?:sorry|afraid),? (?:but )?(?:i|that|this)\b.{0,40}\b"
    r"(?:can(?:no|')t|unable|not able|won't)"
    r"|\bi (?:can(?:no|')t|am unable to|am not able to|won't be able to) "
    r"(?:assist|help|comply|fulfil|provide|support|engage)"
    r"|\b(?:sorry|apologi[sz]e)\b.{0,60}\bi (?:can(?:no|')t|am unable to|am not able to)"
    r"|(?:很|非常)?(?:抱歉|对不起|遗憾).{0,20}(?:无法|不能|没办法)"
    r"|作为(?:一个|一名)?(?:人工智能|AI).{0,20}(?:无法|不能|没有)"
    r"|我(?:无法|不能)(?:提供|协助|帮助|满足|回答|完成)(?:您|你|这)"
)
# An answer ends well with a sentence's end or a closing sign.
ENDING = re.compile(r"[.!?。！？…;；:：)）\]】}>》\"'”’`*_~|$%]\s*$|[\U0001F300-\U0001FAFF☀-➿]\ufe0f?\s*$")
# Or on a line that needs no end: of a list, a table or code, indented, a field, a directive, a reference, an address.
LAST_LINE_FREE = re.compile(
    r"^(?:\s|[-*+•:#|$]|\.\.|__|\[|```|>>>|\(?\w{1,3}[.)、]\s|[A-Za-z_]\w*\s*[=:(])|https?://\S+$"
)
UNFINISHED = re.compile(
    r"(?i)(?:[,，、(（\[{<&/–—-]|\b(?:the|an?|of|to|and|or|but|that|which|with|for|in|on|at|by|from|is|are|was|were|be"
    r"|as|if|because|your|its?|their|this|these)|[的地得和与或在是把被])$"
)
"""An end that nobody writes: a comma, an open bracket, a word that asks for another."""
FUNCTION_WORD = re.compile(r"(?i)\b(?:the|an?|of|to|and|or|that|with|for|in|on|is|are|be|as|it|you|can|this|not|by)\b")
PROSE_WORDS = 10
"""Words that make a last paragraph running text when one in six is a function word; as many Chinese characters do."""
SLOT = re.compile(
    r"```.*?(?:```|$)|`[^`]*`|"
    r"\"[^\"]*\"|“[^”]*”|「[^」]*」|《[^》]*》|https?://\S+|\{[^}]*\}|\[[^\]]*\]|<[^>]*>|[-+]?\d[\d.,:/%-]*",
    re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]*[^\W\d_'’-]|[一-鿿]|_")
CHINESE = re.compile(r"[㐀-鿿]")

COLUMNS: Mapping[str, pa.DataType] = {
    "turns": pa.int64(),
    "empty_turns": pa.int64(),
    "misplaced_turns": pa.int64(),
    "unanswered": pa.int64(),
    "refusals": pa.int64(),
    "refusal_fraction": pa.float64(),
    "truncated": pa.int64(),
    "skeleton": pa.string(),
}


def measure(documents: pa.Table) -> pa.Table:
    """What is wrong with conversations, n rows, null for a document that is none:

    - `conversations.turns` int64: messages; `.empty_turns`: without content, reasoning and calls, of others than tools
    - `.misplaced_turns` int64: messages whose role may not stand where it does; `.unanswered`: 1 when the user has the
      last word; a conversation that can't be read has one misplaced turn
    - `.refusals` int64 and `.refusal_fraction` float64: assistant's turns that begin with a refusal
    - `.truncated` int64: 1 when the last answer breaks off; one that ends with a call, as agents' traces do, doesn't
    - `.skeleton` string and `.skeleton_count` int64: see the module
    """
    has_messages = "messages" in documents.column_names
    stored = documents["messages"].to_pylist() if has_messages else [None] * documents.num_rows
    rows = [None if text is None else measure_conversation(text) for text in stored]
    columns = {
        f"conversations.{name}": pa.array([None if row is None else row[name] for row in rows], type)
        for name, type in COLUMNS.items()
    }
    shared = Counter(row["skeleton"] for row in rows if row is not None)
    counts = [None if row is None or row["skeleton"] is None else shared[row["skeleton"]] for row in rows]
    return pa.table(columns | {"conversations.skeleton_count": pa.array(counts, pa.int64())})


def measure_conversation(stored: str) -> dict[str, Any]:
    """The values of `COLUMNS` for one conversation as JSON."""
    messages = _messages(stored)
    answers = [message for message in messages if message["role"] == "assistant"]
    refusals = sum(REFUSAL.search(answer["content"][:HEAD_CHARACTERS]) is not None for answer in answers)
    prompts = (message["content"] for message in messages if message["role"] == "user")
    return {
        "turns": len(messages),
        "empty_turns": sum(_is_empty(message) for message in messages),
        "misplaced_turns": max(_misplaced(messages), int(not messages)),
        "unanswered": int(bool(messages) and messages[-1]["role"] not in ("assistant", "tool")),
        "refusals": refusals,
        "refusal_fraction": refusals / len(answers) if answers else None,
        "truncated": int(bool(answers) and not answers[-1].get("tool_calls") and is_truncated(answers[-1]["content"])),
        "skeleton": skeleton(next(prompts, "")),
    }


def _messages(stored: str) -> list[Mapping[str, Any]]:
    """The messages with text for content; an empty list when the JSON holds none or isn't JSON."""
    try:
        value = json.loads(stored)
    except (ValueError, RecursionError):  # not JSON: told as a conversation of no turns
        return []
    found = value.get("messages") if isinstance(value, Mapping) else value
    if not isinstance(found, list):
        return []
    return [
        {
            **message,
            "role": message.get("role"),
            "content": message["content"] if isinstance(message.get("content"), str) else "",
        }
        for message in found
        if isinstance(message, Mapping)
    ]


def _is_empty(message: Mapping[str, Any]) -> bool:
    """A tool that prints nothing has answered; anybody else who says nothing hasn't."""
    if message["role"] == "tool":
        return False
    return not (message["content"].strip() or message.get("tool_calls") or message.get("reasoning"))


def _misplaced(messages: Sequence[Mapping[str, Any]]) -> int:
    """Roles that may not follow what stands before: system first, then user and assistant in turn, tools after a
    call.
    """
    allowed_after: Mapping[str | None, frozenset[str]] = {
        None: frozenset({"system", "user"}),
        "system": frozenset({"system", "user"}),
        "user": frozenset({"assistant"}),
        "assistant": frozenset({"user"}),
        "call": frozenset({"tool"}),
        "tool": frozenset({"tool", "assistant"}),
    }
    misplaced, before = 0, None
    for message in messages:
        misplaced += message["role"] not in allowed_after.get(before, frozenset())
        before = "call" if message["role"] == "assistant" and message.get("tool_calls") else message["role"]
    return misplaced


def is_truncated(answer: str) -> bool:
    """True when a long answer leaves a fence of code open, or its last paragraph is running text that breaks off.

    Lists, tables, code, references and single names may end as they like.
    """
    text = answer.rstrip()
    if text.count("```") % 2:
        return True
    if len(text) < TRUNCATION_CHARACTERS or ENDING.search(text):
        return False
    paragraph = text[text.rfind("\n\n") + 1 :].strip("\n")
    if ">>> " in paragraph or LAST_LINE_FREE.search(paragraph[paragraph.rfind("\n") + 1 :]):
        return False
    words = len(paragraph.split())
    if UNFINISHED.search(paragraph) and words >= 3:
        return True
    if len(CHINESE.findall(paragraph)) >= PROSE_WORDS:
        return True
    return words >= PROSE_WORDS and 6 * len(FUNCTION_WORD.findall(paragraph)) >= words


def skeleton(prompt: str) -> str | None:
    """The hash of a prompt's skeleton, 16 hexadecimal digits; None when there are too few words to tell a template."""
    blanked = SLOT.sub(" _ ", prompt[:4096])
    words: list[str] = []
    weight = 0.0
    for match in WORD.finditer(blanked):
        word = match.group()
        sentence_start = not words or blanked[: match.start()].rstrip()[-1:] in ".!?。！？\n"
        is_name = word[:1].isupper() and not sentence_start and len(word) > 1
        word = "_" if is_name else word.casefold()
        if word == "_" and words[-1:] == ["_"]:
            continue
        words.append(word)
        weight += 0.0 if word == "_" else 0.5 if CHINESE.match(word) else 1.0
        if weight >= SKELETON_WORDS:
            break
    if weight < SKELETON_WORDS:
        return None
    return hashlib.blake2b(" ".join(words).encode(), digest_size=8).hexdigest()


RECIPES = (
    Recipe(
        name="conversations",
        summary="Empty and misplaced turns, refusals, answers that break off, prompts made by a template",
        source="rules and bounds of this project",
        measure=measure,
        columns=("messages",),
        rules=(
            Rule(name="turns", measure="conversations.turns", minimum=2),
            Rule(name="misplaced_turns", measure="conversations.misplaced_turns", maximum=0),
            Rule(name="empty_turns", measure="conversations.empty_turns", maximum=0),
            Rule(name="unanswered", measure="conversations.unanswered", maximum=0),
            Rule(name="refusals", measure="conversations.refusals", maximum=0),
            Rule(name="truncated", measure="conversations.truncated", maximum=0),
            Rule(name="skeleton_count", measure="conversations.skeleton_count", maximum=50),
        ),
        cost=2,
    ),
)
