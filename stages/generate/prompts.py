"""A document as the messages of a request, and the prompts that Winnow brings.

What web text is told anew as follows what Nemotron-CC (2412.02595) and BeyondWeb (2508.10975) found useful: an article
of an encyclopaedia, questions with their answers, a digest of what is said, the same in plain words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from winnow.stages.preferences import openai_message

TEXT = "{text}"
BYTES_PER_TOKEN = 4
"""Of English, about; what a plan reckons with before anything is sent."""

PROMPTS: Mapping[str, str] = {
    "article": (
        "Rewrite the text below as a clear, well organised article of an encyclopaedia, in the language of the text. Keep "
        "every fact, name and number; add none. Leave out advertising and navigation. Answer with the article alone.\n\n{text}"
    ),
    "questions": (
        "Write questions of different kinds (on facts, reasons, comparisons, yes or no) that the text below answers, each "
        "followed by its answer, in the language of the text and from it alone. Begin lines with Question: and Answer:.\n\n"
        "{text}"
    ),
    "digest": (
        "State what the text below says in the fewest words that lose no fact, name, number or reasoning, in its own "
        "language and in whole sentences. Answer with that alone.\n\n{text}"
    ),
    "plain": (
        "Tell the text below anew in plain words and short sentences, so that a child of twelve follows it, in the language "
        "of the text. Explain terms where they first occur; change no fact. Answer with the new text alone.\n\n{text}"
    ),
    "quality": (
        "Judge the text below as reading for somebody who wants to learn something. Answer with one of these words and "
        "nothing else: {labels}.\n\n{text}"
    ),
    "solve": "Solve the following step by step and put the final answer into \\boxed{}.\n\n{text}",
}
_SLOT = re.compile(r"\{(text|title|url|language|labels)\}")
COLUMNS = ("id", "text", "title", "url", "language", "messages")
"""The columns of documents that a prompt may be made of."""


def asked_of(
    document: Mapping[str, Any], *, template: str, system: str | None, labels: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Messages and tools of the request that is made of a document; no message where nothing can be asked."""
    tools: list[dict[str, Any]] = []
    messages: list[dict[str, Any]]
    if template:
        said: Mapping[str, Any] = {**document, "labels": labels}
        messages = [{"role": "user", "content": _SLOT.sub(lambda slot: said[str(slot[1])] or "", template)}]
    else:
        talk = json.loads(document["messages"] or "{}")
        messages = [openai_message(message) for message in talk.get("messages", ())]
        while messages and messages[-1]["role"] == "assistant":
            messages.pop()
        tools = [{"type": "function", "function": tool} for tool in talk.get("tools") or ()]
        for message in messages:
            for call in message.get("tool_calls", ()):
                call["function"]["arguments"] = json.dumps(call["function"]["arguments"], ensure_ascii=False)
    if messages and system is not None:
        messages = [{"role": "system", "content": system}, *messages]
    return messages, tools


def length_of(messages: list[dict[str, Any]]) -> int:
    """Characters of what the messages say."""
    return sum(len(message["content"]) for message in messages)
