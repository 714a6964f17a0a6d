"""Conversations as token ids, with the mask that says which of them the model is to learn to say.

The template (`chat_template.jinja`) renders the whole conversation once, as `transformers` would. There is no token for
the end of a turn, the next role's tag ends it; so an assistant's turn is supervised from after its tag up to and with
the tag that follows. What the participants wrote is told apart from what the template wrote: a message that spells a
special token stays text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.files import TEMPLATE
from winnow.tokenizer.special import ASSISTANT, CONVERSATION, END_OF_THINK, ROLES, THINK

# A guard is put into messages where they spell a special token, so that it isn't taken for one, and is removed before
# encoding. It is a non-character (Unicode: never assigned); one that stands in a message is marked to survive.
_GUARD, _REAL, _ADDED = "\ufdd0", "\ufdd1", "\ufdd2"
_SPECIAL = re.compile("|".join(map(re.escape, CONVERSATION)))
_GUARDED = re.compile(f"{_GUARD}([{_REAL}{_ADDED}])")

Message = Mapping[str, Any]
Tool = Mapping[str, Any]
Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def template() -> str:
    """The source of the chat template, as it is exported beside `tokenizer.json`."""
    return files("winnow.tokenizer").joinpath(TEMPLATE).read_text(encoding="utf-8")


def render(messages: Sequence[Message], tools: Sequence[Tool] | None = None, **options: Any) -> str:
    """The conversation as text. `options`: `add_generation_prompt`, `enable_thinking`."""
    return str(_compiled().render(messages=list(messages), tools=list(tools or ()), **options))


def encode_conversation(
    messages: Sequence[Message], tools: Sequence[Tool] | None, encoder: Encoder
) -> tuple[npt.NDArray[Any], Mask]:
    """The ids (the encoder's dtype) of a conversation and its loss mask (bool, as long).

    `messages`: role `system`, `user`, `assistant` or `tool`; `content`; of an assistant `reasoning` and `tool_calls`.
    True in the mask: everything an assistant's turn says and the role tag after it. Not so a turn with `"train": false`,
    nor `<think></think>` where the template left a turn's reasoning out: the assistant did think there. Raises
    `SpecialTokenError`.
    """
    special = dict(zip(CONVERSATION, encoder.require(CONVERSATION, "conversations"), strict=True))
    rendered = render(_guarded(messages), _guarded(tools or ()))
    marks = _SPECIAL.findall(rendered)
    texts = [_GUARDED.sub(_unguard, text) for text in _SPECIAL.split(rendered)]
    words = encoder.encode(pa.array(texts, pa.large_string()))
    after = words.offsets[1:-1]  # every mark stands after its text
    ids = np.insert(words.ids, after, [special[mark] for mark in marks])
    learned_texts, learned_marks = _learned(marks, messages)
    mask = np.insert(np.repeat(learned_texts, np.diff(words.offsets)), after, learned_marks)
    return ids, mask


def _learned(marks: Sequence[str], messages: Sequence[Message]) -> tuple[Mask, Mask]:
    """Which texts between the marks (one more than there are marks), and which marks, the model learns to say."""
    taught = [message.get("train") is not False for message in messages if message["role"] == "assistant"]
    turns = iter(zip(taught, _hides_reasoning(messages), strict=True))
    speaking = hidden = False
    texts = [False]
    tags = []
    for mark in marks:
        if mark in ROLES:
            tags.append(speaking)
            speaking, hidden = next(turns) if mark == ASSISTANT else (False, False)
        else:
            tags.append(speaking and not (hidden and mark in (THINK, END_OF_THINK)))
        texts.append(speaking)
    return np.array(texts), np.array(tags, dtype=bool)


def _hides_reasoning(messages: Sequence[Message]) -> list[bool]:
    """For each turn of the assistant, whether it had reasoning that the template leaves out."""
    last_user = max((place for place, message in enumerate(messages) if message["role"] == "user"), default=-1)
    return [
        place < last_user and bool(message.get("reasoning") or message.get("reasoning_content"))
        for place, message in enumerate(messages)
        if message["role"] == "assistant"
    ]


def _guarded(value: Any) -> Any:
    """The same JSON value with a guard in every special token that its strings spell."""
    if isinstance(value, str):
        marked = value.replace(_GUARD, _GUARD + _REAL)
        return _SPECIAL.sub(lambda found: found[0][0] + _GUARD + _ADDED + found[0][1:], marked)
    if isinstance(value, Mapping):
        return {_guarded(key): _guarded(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_guarded(inner) for inner in value]
    return value


def _unguard(found: re.Match[str]) -> str:
    return _GUARD if found[1] == _REAL else ""


@cache
def _compiled() -> Any:
    """The template, compiled as `transformers` compiles it: sandboxed, blocks trimmed, JSON not escaped for HTML."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value, ensure_ascii=False: json.dumps(value, ensure_ascii=ensure_ascii)
    return environment.from_string(template())
