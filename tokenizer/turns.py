"""Which part of a rendering the assistant says, where a chat template has no generation marks: by the difference of renderings.

A turn is what the rendering up to it has more than the one before it. Where a template writes earlier turns otherwise once
the talk goes on (it leaves out old reasoning, or puts the system's words before the last question), a turn is what
changes when its words are others: from the prompt for an answer, as far as the token that ends the turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from winnow.tokenizer.template import ChatError

OTHER = "\ufdd6"  # a non-character that stands in place of what somebody said; `chat.py` lets none in

Render = Callable[..., str]
"""`render(messages, add_generation_prompt=…)`: the text, without marks."""


def learned(
    render: Render, messages: Sequence[Any], stops: Sequence[str], special: Sequence[str]
) -> list[tuple[int, int]]:
    """The ranges of `render(messages)` that the model is to learn, in order: an assistant's turns but those of `train` false.

    `stops`: the tokens at which a model stops, among all that are `special`; behind a turn nothing is learned after the
    last of them. Raises `ChatError` where the ranges can't be told.
    """
    whole = render(messages)
    places = [
        place
        for place, message in enumerate(messages)
        if message["role"] == "assistant" and message.get("train") is not False
    ]
    with suppress(ChatError):  # a template may refuse a talk that ends with a question
        found = list(_longer(render, whole, messages, places, stops))
        if len(found) == len(places):
            return found
    return list(_changed(render, whole, messages, places, stops, special))


def _longer(
    render: Render, whole: str, messages: Sequence[Any], places: Sequence[int], stops: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """What the rendering with a turn has more than the prompt for it; ends where one of them doesn't begin the whole."""
    done = 0
    for place in places:
        before = render(messages[:place], add_generation_prompt=True)
        after = render(messages[: place + 1])
        if not (whole.startswith(before) and whole.startswith(after) and done <= len(before) <= len(after)):
            return
        ends = [after.rfind(stop) + len(stop) for stop in stops if after.rfind(stop) >= len(before)]
        done = max(ends, default=len(after))
        yield len(before), done


def _changed(
    render: Render,
    whole: str,
    messages: Sequence[Any],
    places: Sequence[int],
    stops: Sequence[str],
    special: Sequence[str],
) -> Iterator[tuple[int, int]]:
    """What changes when a turn says something else, from the prompt for it to the token that ends it.

    A turn that the template leaves out has no range.
    """
    done = 0
    for place in places:
        first, last = _difference(whole, render(_with(messages, place, _otherwise(messages[place]))))
        if (calls := messages[place].get("tool_calls")) and calls[-1]["function"].get("arguments"):
            # A result may name what was called: where a turn ends is told by what it calls with.
            last = _difference(whole, render(_with(messages, place, _otherwise(messages[place], names=False))))[1]
        if first == last == len(whole):
            continue
        following = [
            _with(messages, place + 1, {**other, "content": OTHER}) for other in messages[place + 1 : place + 2]
        ]
        limit = min((_difference(whole, render(other))[0] for other in following), default=len(whole))
        if not done <= first <= last <= limit:
            raise ChatError(
                "the chat template renders a turn differently in a longer conversation, and has no generation marks"
            )
        prompt = _prompt(render, messages[:place])
        start = _behind(whole, prompt, done, first, special if _calls_alone(messages[place]) else ())
        done = _end(whole, last, limit, stops, () if messages[place].get("tool_calls") else special)
        if done == last and messages[place].get("tool_calls"):  # no token ends it: what stands there without an answer
            done += _alike(whole[last:limit], _tail(render, messages[: place + 1]))
        yield start, done


def _behind(whole: str, prompt: str, done: int, first: int, special: Sequence[str]) -> int:
    """Where a turn begins whose words begin at `first`: behind the prompt for it.

    A turn of calls alone begins with what a template writes before their names; where the prompt opens a thought that such
    a turn hasn't, it begins behind as much of the prompt as stands there, by lines, down to one of the tokens `special`.
    """
    cuts = {prompt.find(name) + len(name) for name in special if name in prompt}
    if cuts:
        cuts |= {place for place in range(min(cuts) + 1, len(prompt)) if prompt[place - 1] == "\n"}
    for size in sorted({*cuts, len(prompt)} - {0}, reverse=True):
        if (asked := whole.rfind(prompt[:size], done, first)) >= 0:
            return asked + size
    return first


def _tail(render: Render, messages: Sequence[Any]) -> str:
    """What a template writes behind the words of the last turn."""
    try:
        alone = render(messages)
        other = render(_with(messages, len(messages) - 1, _otherwise(messages[-1])))
    except ChatError:
        return ""
    return alone[_difference(alone, other)[1] :]


def _calls_alone(message: Any) -> bool:
    said = any(message.get(name) for name in ("content", "reasoning", "reasoning_content", "thinking"))
    return bool(message.get("tool_calls")) and not said


def _end(whole: str, last: int, limit: int, stops: Sequence[str], special: Sequence[str]) -> int:
    """Where a turn ends whose words end at `last`: behind the special token that follows them, else the next stop."""
    follows = last + len(whole[last:limit]) - len(whole[last:limit].lstrip())
    ends = [follows + len(name) for name in special if whole.startswith(name, follows, limit)]
    ends = ends or [end + len(stop) for stop in stops if (end := whole.find(stop, last, limit)) >= 0]
    return min(ends, default=last)


def _otherwise(message: Any, *, names: bool = True) -> dict[str, Any]:
    """The turn with other words: what it says, what it thinks, what it calls (of `names`) and with what."""
    other = {**({"name": OTHER} if names else {}), "arguments": {OTHER: OTHER}}
    calls = [{**call, "function": {**call["function"], **other}} for call in message.get("tool_calls") or ()]
    words = {name: OTHER for name in ("reasoning", "reasoning_content", "thinking") if message.get(name)}
    words |= {"content": OTHER} if message.get("content") or not (words or calls) else {}
    return {**message, **words, **({"tool_calls": calls} if calls else {})}


def _with(messages: Sequence[Any], place: int, message: Any) -> list[Any]:
    return [*messages[:place], message, *messages[place + 1 :]]


def _difference(whole: str, other: str) -> tuple[int, int]:
    """The range of `whole` between what begins and what ends both."""
    first = _alike(whole, other)
    most = min(len(whole), len(other)) - first
    behind = _alike(whole[::-1][:most], other[::-1][:most])
    return first, len(whole) - behind


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    shorter = min(len(one), len(other))
    return next((n for n in range(shorter) if one[n] != other[n]), shorter)


def _prompt(render: Render, messages: Sequence[Any]) -> str:
    """What a template writes to have the assistant speak."""
    try:
        bare, asking = render(messages), render(messages, add_generation_prompt=True)
    except ChatError:
        return ""
    return asking[_alike(bare, asking) :]
