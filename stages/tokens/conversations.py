"""Conversations as tokens: whole where they fit the longest sequence, otherwise what the manifest makes of them.

Whatever is made of a long conversation begins with a question, ends behind an answer, and is rendered anew by the chat
template: no piece is an answer without its question, none lacks the end of its last turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.stages.tokens.settings import Thinking, TooLong
from winnow.tokenizer.chat import encode_conversation
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.special import ROLES
from winnow.tokenizer.template import ChatError

Messages = Sequence[Mapping[str, Any]]


class Tokenized(NamedTuple):
    """One document without its end: ids, what of them is learned (None: all), where it is best cut."""

    ids: npt.NDArray[Any]
    loss: npt.NDArray[np.bool_] | None
    cuts: npt.NDArray[np.int64]


class Tokenization(NamedTuple):
    """The rows that a conversation becomes, none where it is dropped; the tokens of the whole with its end, or why not."""

    rows: list[Tokenized]
    size: int | str


def tokenize(
    talk: Mapping[str, Any],
    encoder: Encoder,
    *,
    loss_mask: bool,
    longest: int | None,
    too_long: TooLong,
    thinking: Thinking = Thinking.LATEST,
) -> Tokenization:
    """A conversation, `{"messages": […], "tools": […]}`, in rows of at most `longest` tokens, the end of text included.

    `cut` keeps the exchanges from the first that fit. `continue` goes on in a new row: what stands before the first
    answer is repeated with that answer, not to be learned, or only the system's words where there is no room for more.
    An exchange is too long by itself where it doesn't fit behind the system's words; it is left out. A conversation of
    which nothing fits is dropped.
    """
    messages, tools = talk["messages"], talk.get("tools")

    def encoded(chosen: Messages) -> Tokenized:
        return _tokenized(chosen, tools, encoder, loss_mask, thinking)

    try:
        whole = encoded(messages)
    except ChatError as error:
        return Tokenization([], str(error))
    size = len(whole.ids) + 1
    if longest is None or size <= longest:
        return Tokenization([whole], size)
    fit = _Fit(encoded, longest)
    if too_long == TooLong.CUT:
        borders = exchanges(messages)
        kept = fit.most(messages[:0], messages, 0, borders)
        return Tokenization([encoded(messages[:kept])] if kept else [], size)
    return Tokenization(list(_continued(messages, fit)) if too_long == TooLong.CONTINUE else [], size)


def exchanges(messages: Messages) -> list[int]:
    """Where the conversation may end: behind an answer that calls nothing, before a user's words or at the very end."""
    return [
        place
        for place in range(1, len(messages) + 1)
        if messages[place - 1]["role"] == "assistant"
        and not messages[place - 1].get("tool_calls")
        and (place == len(messages) or messages[place]["role"] == "user")
    ]


class _Fit:
    """Encodes and tells whether it fits."""

    def __init__(self, encoded: Callable[[Messages], Tokenized], longest: int) -> None:
        self.encoded = encoded
        self.longest = longest

    def most(self, opening: Messages, messages: Messages, start: int, borders: Sequence[int]) -> int:
        """The last of the borders up to which `messages` from `start` fit behind the opening; 0 where not one does."""
        low, high = 0, len(borders)
        while low < high:
            middle = (low + high) // 2
            if len(self.encoded([*opening, *messages[start : borders[middle]]]).ids) + 1 <= self.longest:
                low = middle + 1
            else:
                high = middle
        return borders[low - 1] if low else 0


def _continued(messages: Messages, fit: _Fit) -> list[Tokenized]:
    borders = exchanges(messages)
    if not borders:
        return []
    system = [message for message in messages[: borders[0]] if message["role"] == "system"]
    first = [{**m, "train": False} if m["role"] == "assistant" else m for m in messages[: borders[0]]]
    begins = [0, *borders[:-1]]
    rows: list[Tokenized] = []
    place = 0
    while place < len(borders):
        start = begins[place]
        for opening in [[]] if start == 0 else [first, system]:
            end = fit.most(opening, messages, start, borders[place:])
            if end:
                rows.append(fit.encoded([*opening, *messages[start:end]]))
                place = borders.index(end) + 1
                break
        else:
            place += 1  # this exchange alone is too long
    return rows


def _tokenized(messages: Messages, tools: Any, encoder: Encoder, loss_mask: bool, thinking: Thinking) -> Tokenized:
    """A conversation, best cut where somebody begins to speak."""
    ids, learned = encode_conversation(messages, tools, encoder, all_thinking=thinking == Thinking.ALL)
    roles = encoder.conventions.roles
    turns = np.flatnonzero(np.isin(ids, [roles[role] for role in ROLES if role in roles]))
    return Tokenized(ids, learned if loss_mask else None, turns[turns > 0])
