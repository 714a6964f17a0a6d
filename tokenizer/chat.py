"""Conversations as token ids, with the mask that says which of them the model is to learn to say.

The tokenizer's own chat template renders the whole conversation, as `transformers` would; where it has none, ours
(`chat_template.jinja`). What its `{% generation %}` blocks hold is learned; of a template without them, what
differs between renderings (`turns.py`). What the participants wrote is told apart from what the template wrote: a message
that spells a special token stays text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.special import CONVERSATION
from winnow.tokenizer.template import CLOSE, OPEN, marked, ours
from winnow.tokenizer.turns import OTHER, learned

# A guard is put into messages where they spell a special token, so that it isn't taken for one, and is removed before
# encoding. It is a non-character (Unicode: never assigned); ours that stand in a message are shifted to survive.
_GUARD, _ADDED, _SHIFT = "\ufdd0", "\ufdd2", 0x10
_OWN = re.compile(f"[{_GUARD}{OPEN}{CLOSE}{OTHER}]")
_GUARDED = re.compile(f"{_GUARD}({_ADDED}|[\ufde0\ufde3\ufde4\ufde6])")
KEEPS = "clear_thinking"  # false: what a template is told to keep all reasoning
GENERATES = re.compile(r"\{%[-+]?\s*generation\b")

Message = Mapping[str, Any]
Tool = Mapping[str, Any]
Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def render(messages: Sequence[Message], tools: Sequence[Tool] | None = None, **options: Any) -> str:
    """The conversation as text, by our own template. `options`: `add_generation_prompt`, `enable_thinking`."""
    return marked(ours(), messages, tools, **options).replace(OPEN, "").replace(CLOSE, "")


def keeps_thinking(encoder: Encoder) -> bool:
    """Whether the template of this tokenizer can be asked to leave no reasoning out."""
    return KEEPS in (encoder.conventions.template or ours())


def is_ours(encoder: Encoder) -> bool:
    """Whether conversations of this tokenizer are rendered by our own template."""
    return encoder.conventions.template in (None, ours())


def encode_conversation(
    messages: Sequence[Message], tools: Sequence[Tool] | None, encoder: Encoder, *, all_thinking: bool = False
) -> tuple[npt.NDArray[Any], Mask]:
    """The ids (the encoder's dtype) of a conversation and its loss mask (bool, as long).

    `messages`: role `system`, `user`, `assistant` or `tool`; `content`; of an assistant `reasoning` and `tool_calls`.
    True in the mask: everything an assistant's turn says and what ends it. Not so a turn with `"train": false`, nor
    `<think></think>` where our template left a turn's reasoning out: the assistant did think there. With `all_thinking` the
    template is asked to leave none out (`clear_thinking`, the name that GLM-4.7's has for it). Raises `SpecialTokenError`,
    `ChatError`.
    """
    source = encoder.conventions.template
    asked_for = {KEEPS: False} if all_thinking else {}
    if source is None or source == ours():
        ids_of = dict(zip(CONVERSATION, encoder.require(CONVERSATION, "conversations"), strict=True))
        names = _pattern(CONVERSATION)
        rendered = marked(ours(), _guarded(messages, names), _guarded(tools or (), names), **asked_for)
    else:
        ids_of = {n: i for n, i in encoder.added.items() if n in encoder.special or (n.strip() and n in source)}
        names = _pattern(tuple(ids_of))
        asked = _guarded(_as_usual(messages), names)
        offered = _guarded([t if "function" in t else {"type": "function", "function": t} for t in tools or ()], names)
        options = {**encoder.conventions.names, **asked_for}
        rendered = _with_marks(source, asked, offered, options, encoder, ids_of)
    plain, ranges = _ranges(rendered)
    marks = [(found.start(), found.end()) for found in names.finditer(plain)]
    edges = [0, *(edge for mark in marks for edge in mark), len(plain)]
    pieces = [plain[start:end] for start, end in pairwise(edges)]
    texts = [_GUARDED.sub(_unguard, text) for text in pieces[::2]]
    found = encoder.encode_marked(texts, pieces[1::2], ids_of)
    # A token is learned where it overlaps a learned range; the places of texts are those without their guards.
    lengths = [len(texts[n // 2]) if n % 2 == 0 else len(pieces[n]) for n in range(len(pieces))]
    begins = np.cumsum([0, *lengths])
    inside = np.array(_without_guards(ranges, plain), np.int64).reshape(-1, 2)
    segment, start, end = found.places.T
    first, last = begins[segment] + start, begins[segment] + np.maximum(end, start + 1)
    place = np.searchsorted(inside[:, 0], last - 1, "right") - 1
    before = np.concatenate([inside[:, 1], [-1]])  # -1: before the first range, where nothing is learned
    return found.ids, first < before[place]


def _as_usual(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages in the form that templates know: reasoning under its usual names, calls as functions with ids.

    Ids are ours, of nine letters and digits as some templates ask; a result names the call that it answers: the one that
    it named, else the first without a result.
    """
    found: list[dict[str, Any]] = []
    ours_of: dict[str, str] = {}
    open_calls: list[str] = []
    for message in messages:
        usual = dict(message)
        if usual.get("reasoning"):
            usual |= {"reasoning_content": usual["reasoning"], "thinking": usual["reasoning"]}
        if usual.get("tool_calls"):
            calls = usual["tool_calls"]
            open_calls = [f"call{number:05d}" for number in range(len(calls))]
            ours_of = {call["id"]: own for call, own in zip(calls, open_calls, strict=True) if call.get("id")}
            functions = [{name: value for name, value in call.items() if name != "id"} for call in calls]
            usual["tool_calls"] = [
                {"type": "function", "id": own, "function": function}
                for own, function in zip(open_calls, functions, strict=True)
            ]
        elif usual["role"] == "tool" and open_calls:
            named = ours_of.get(usual.get("tool_call_id") or "", open_calls[0])
            usual["tool_call_id"] = named
            open_calls = [own for own in open_calls if own != named]
        found.append(usual)
    return found


def _with_marks(
    source: str,
    messages: list[Any],
    tools: list[Any],
    options: Mapping[str, Any],
    encoder: Encoder,
    ids_of: Mapping[str, int],
) -> str:
    """A rendering by a template from elsewhere, with marks; where it has none of its own, by the difference that turns make."""
    whole = marked(source, messages, tools, **options)
    unlearned = any(message["role"] == "assistant" and message.get("train") is False for message in messages)
    if GENERATES.search(source) and not unlearned:
        return whole
    stops = [
        name
        for name, number in ids_of.items()
        if number in encoder.conventions.ends or name.strip("<|>").startswith(("eot", "eom"))
    ]
    special = [name for name in ids_of if name in encoder.special]

    def rendering(talk: Sequence[Any], **asked: Any) -> str:
        return marked(source, talk, tools, **options, **asked).replace(OPEN, "").replace(CLOSE, "")

    whole = rendering(messages)
    parts, done = list[str](), 0
    for start, end in learned(rendering, messages, stops, special):
        parts += [whole[done:start], OPEN, whole[start:end], CLOSE]
        done = end
    return "".join([*parts, whole[done:]])


def _ranges(rendered: str) -> tuple[str, list[tuple[int, int]]]:
    """The rendering without marks, and the ranges of it that stood between them."""
    parts = re.split(f"[{OPEN}{CLOSE}]", rendered)
    edges = list(accumulate(map(len, parts)))
    return "".join(parts), [(edges[n], edges[n + 1]) for n in range(0, len(edges) - 1, 2)]


def _without_guards(ranges: Sequence[tuple[int, int]], plain: str) -> list[tuple[int, int]]:
    """The same ranges in the text without guards."""
    guards = [(found.end(), 2 if found[1] == _ADDED else 1) for found in _GUARDED.finditer(plain)]
    ends = [end for end, _ in guards]
    gone = list(accumulate((size for _, size in guards), initial=0))
    return [(start - gone[bisect_right(ends, start)], end - gone[bisect_right(ends, end)]) for start, end in ranges]


@lru_cache(maxsize=16)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or r"(?!)")


def _guarded(value: Any, names: re.Pattern[str]) -> Any:
    """The same JSON value with a guard in every special token that its strings spell."""
    if isinstance(value, str):
        shifted = _OWN.sub(lambda found: _GUARD + chr(ord(found[0]) + _SHIFT), value)
        return names.sub(lambda found: found[0][0] + _GUARD + _ADDED + found[0][1:], shifted)
    if isinstance(value, Mapping):
        return {_guarded(key, names): _guarded(inner, names) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_guarded(inner, names) for inner in value]
    return value


def _unguard(found: re.Match[str]) -> str:
    return "" if found[1] == _ADDED else chr(ord(found[1]) - _SHIFT)
