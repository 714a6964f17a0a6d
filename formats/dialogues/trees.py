"""Conversations as trees: a prompt, several replies to it, and replies to those.

Every answer after which no other follows ends a conversation: the way from the prompt to it. An answer that lies on
several ways is learned on the first alone, so that none is taught more often than it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from winnow.formats.dialogues.dialogue import WHERE
from winnow.formats.dialogues.json_values import Misfit, sequence
from winnow.formats.dialogues.turns import Message, turn


def ways(root: Any, here: str) -> list[list[Message]]:
    """The ways from the prompt to each last answer, better ranked replies first. Raises `Misfit`."""
    found: list[list[Message]] = []
    pending: list[tuple[Any, str, list[Message]]] = [(root, here, [])]
    while pending:
        node, place, before = pending.pop()
        if not isinstance(node, Mapping):
            raise Misfit(place, f"{type(node).__name__}, not a message")
        way = [*before, *turn(node, place)]
        replies = list(enumerate(sequence(node.get("replies"), f"{place}.replies")))
        replies.sort(key=lambda reply: _rank(reply[1]))
        pending += [(reply, f"{place}.replies[{at}]", way) for at, reply in reversed(replies)]
        if not replies:
            found.append(way)
    answered = _learned_once(found)
    if not answered:
        raise Misfit(f"{here}.replies", "nobody answers")
    return answered


def _rank(reply: Any) -> float:
    """The place among the replies, 0 the best; last what has none."""
    rank = reply.get("rank") if isinstance(reply, Mapping) else None
    return rank if isinstance(rank, int | float) else float("inf")


def _learned_once(found: Sequence[list[Message]]) -> list[list[Message]]:
    """The ways up to their last answer, without those that others hold, repeated answers not learned."""
    for way in found:
        while way and way[-1]["role"] != "assistant":
            way.pop()
    held = {said[WHERE] for way in found for said in way[:-1]}
    learned: set[str] = set()
    kept = []
    for way in found:
        if way and way[-1][WHERE] not in held:
            kept.append([{**said, "train": False} if said[WHERE] in learned else said for said in way])
            held.add(way[-1][WHERE])
            learned |= {said[WHERE] for said in way if said["role"] == "assistant"}
    return kept
