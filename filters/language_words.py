"""What a model of languages is shown: words without markup, code and addresses, white space plain, capitals small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.kernels.bytes import Offsets

NO_PROSE = r"(?s)```.*?(?:```|\z)|`[^`\n]*`|https?://\S+|\]\([^)\n]*\)"
"""Fenced and inline code, links: left out before function words are counted."""
BEGINS_IN_CODE = r"\A(?:[^`]*[^\s`][ \t]*\n)?```[ \t]*(?:\n[ \t]*\n|\n?\z)"
"""A piece whose first fence ends a block that begins before it: after a line of code, if any, and before an empty line."""
FORM = r"[`<|]|://|\](?:\(|\[)|[\x{a0}\x{2000}-\x{200b}\x{202f}\x{205f}\x{3000}\x{feff}]|\S@\S"
"""A sign of what the model never saw in its training: markup, addresses, other white space than the plain one."""
NO_WORDS = NO_PROSE + r"|</?[a-zA-Z][^<>]{0,400}>|&[a-zA-Z]{2,8};|\S+@\S+\.\S+|[|*#=_~-]{2,}|[|]"
WHITE_SPACE = r"[\s\x{a0}\x{2000}-\x{200b}\x{202f}\x{205f}\x{3000}\x{feff}]+"
CAPITALS = r"\p{Lu}{4}|\p{Lu}{2}\P{L}{1,3}\p{Lu}{2}"
MOSTLY_CAPITALS = 0.6
FEWEST_WORDS = 0.2
"""A piece of which less is left than this share of its letters is shown to the model as it is: it is all code."""


def words_alone(data: Any, starts: Offsets, ends: Offsets) -> pa.Array:
    """The pieces `data[starts[i]:ends[i]]` as the model is shown them, large strings."""
    pieces = [bytes(data[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    texts = pa.array(pieces, pa.large_binary()).cast(pa.large_string())
    texts = _where(texts, pc.match_substring_regex(texts, FORM), _without_form)
    return _where(texts, pc.match_substring_regex(texts, CAPITALS), _without_capitals)


def _where(texts: pa.Array, chosen: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    if not pc.any(chosen).as_py():
        return texts
    return pc.replace_with_mask(texts, chosen, change(texts.filter(chosen)))


def _without_form(texts: pa.Array) -> pa.Array:
    whole = texts
    texts = pc.replace_substring_regex(texts, BEGINS_IN_CODE, " ")
    words = pc.replace_substring_regex(pc.replace_substring_regex(texts, NO_WORDS, " "), WHITE_SPACE, " ")
    plain = pc.replace_substring_regex(whole, WHITE_SPACE, " ")
    left, all_ = (pc.count_substring_regex(text, r"\p{L}").to_numpy() for text in (words, plain))
    return pc.if_else(pa.array(left > FEWEST_WORDS * all_), words, plain)


def _without_capitals(texts: pa.Array) -> pa.Array:
    capitals, small = (pc.count_substring_regex(texts, sign).to_numpy() for sign in (r"\p{Lu}", r"\p{Ll}"))
    return pc.if_else(pa.array(capitals > MOSTLY_CAPITALS * (capitals + small)), pc.utf8_lower(texts), texts)
