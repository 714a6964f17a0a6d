"""Ways to reach a person that no machine reads as such: WeChat and QQ names, `jane [at] host [dot] org`."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Between the word and the name stand 号, a colon, "is" or "add", no sentence.
LINK = r"(?:号(?:码)?|群|ID|id)?(?:\s{0,2}(?::|：|=|是|为|添加|加)){0,2}\s{0,2}"
WECHAT = re.compile(rf"(?:微信|We[Cc]hat|薇信|V信)({LINK})([A-Za-z][A-Za-z0-9_-]{{5,19}})(?![A-Za-z0-9_@.-])".encode())
WORD_BYTES = 5  # of 微信 before its last
SURE = re.compile("[0-9_-]|号|：|:".encode())  # in the name or before it; 微信 and a mere word is none
QQ = re.compile(rf"(?:(?<![A-Za-z])[Qq][Qq]|扣扣|企鹅号){LINK}([1-9]\d{{4,10}})(?!\d)".encode())
SPELLED = re.compile(
    rb"(?i)(?<![\w.%+-])[a-z0-9][a-z0-9._%+-]{0,63} ?[\[({] ?at ?[\])}] ?"
    rb"(?:[a-z0-9-]{1,63}(?:\.| ?[\[({] ?dot ?[\])}] ?| dot )){1,4}[a-z]{2,24}(?![a-z0-9])"
)


def spelled_addresses(window: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Begin and end of e-mail addresses with `[at]` for their sign, around the bracket in `window[first:last]`."""
    for match in SPELLED.finditer(window):
        if match.start() <= first < match.end():
            yield match.span()


def qq_numbers(window: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the QQ numbers that lie in `window[first:last]`, the word not among them."""
    for match in QQ.finditer(window):
        if first <= match.start(1) < last:
            yield match.span(1)


def wechat_names(window: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the WeChat name that the word touching `window[first:last]` announces."""
    for match in WECHAT.finditer(window, max(0, first - WORD_BYTES)):
        if match.start() < last and (SURE.search(match[1]) or SURE.search(match[2])):
            yield match.span(2)
