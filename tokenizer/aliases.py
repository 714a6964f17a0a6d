"""Aliases: tokens of a `tokenizer.json` under names that no text can spell.

The library finds added tokens in the text itself, and some models find their pieces there as well (`</s>` in Unigram).
So what must never come out of a text is renamed in the whole file, in its added tokens, vocabulary and merges alike:
every id stays what it was, and only we can ask for one of these tokens, by its alias.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any


def aliases_of(names: Iterable[str]) -> dict[str, str]:
    """An alias for each name: non-characters (never assigned by Unicode) around a number drawn for this process."""
    drawn = secrets.token_hex(8)
    return {name: f"\ufdd0{drawn}.{number}\ufdd1" for number, name in enumerate(names)}


def renamed(fields: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """The content of a `tokenizer.json` with these tokens under their aliases, and without what only adds tokens.

    Aliases are found in the raw text, before it is normalised. A merge that would make a renamed piece is left out.
    BPE dropout, which draws at random, is switched off.
    """
    tokens = [
        {**token, "content": aliases[token["content"]], "normalized": False} if token["content"] in aliases else token
        for token in fields.get("added_tokens") or ()
    ]
    model = dict(fields["model"])
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, Mapping):
        model["vocab"] = {aliases.get(piece, piece): number for piece, number in vocabulary.items()}
    elif vocabulary is not None:  # Unigram: pieces with their scores, the id is the place
        model["vocab"] = [[aliases.get(piece, piece), score] for piece, score in vocabulary]
    if model.get("unk_token") in aliases:
        model["unk_token"] = aliases[model["unk_token"]]
    if model.get("merges"):
        prefix = model.get("continuing_subword_prefix") or ""
        pairs = (merge.split(" ", 1) if isinstance(merge, str) else merge for merge in model["merges"])
        model["merges"] = [
            [left, right]
            for left, right in pairs
            if aliases.keys().isdisjoint((left, right, left + right.removeprefix(prefix)))
        ]
    if "dropout" in model:
        model["dropout"] = None
    return {
        **fields,
        "added_tokens": tokens,
        "model": model,
        "post_processor": None,
        "truncation": None,
        "padding": None,
    }
