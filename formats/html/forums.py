"""Threads of forums, whose posts are what a page is for: found by the names that forum engines give to the body of a post.

On an article's page comments come after the text; on a thread's page they are the text. What an engine writes around a post
(names, ranks, dates, buttons, signatures) is the same on every site that runs it, so a name tells more than a look: one
table, in which a further engine is a line. A page is a thread where two bodies at least hold a good part of its text.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import kernel
from winnow.formats.html.blocks import Blocks
from winnow.formats.html.characters import find_key, hash_byte, hash_start, lower
from winnow.formats.html.elements import (
    CLASS_END,
    CLASS_START,
    ELEMENT,
    END,
    HYPHEN,
    LINKED,
    NUMBER,
    PARENT,
    SPACE,
    START,
)
from winnow.formats.html.tags import TAG, hash_table

IN, OUT, NEVER = 1, -1, -2
UNDERSCORE = 95
LEAST_BODIES = 2
LEAST_SHARE = 0.25  # of a page's text that isn't linked: a widget with the latest posts is no thread
UNSCRIPTED_CHARACTERS = 500  # of text in a <noscript> that is a page, not a request to switch scripts on
OPENING = re.compile(r"<noscript\b[^<>]*>")
CLOSING = re.compile(r"</noscript\s*>")
TAGS = re.compile(r"<[^<>]*>")
H1 = TAG["h1"]


class Forum(NamedTuple):
    """An engine, the classes of a post's body, and attributes that tell it where no class does (regular expressions)."""

    name: str
    classes: tuple[str, ...]
    marks: tuple[str, ...] = ()


FORUMS = (
    Forum("Discourse", ("cooked",), (r"class=.post.\s+itemprop=.(?:text|articleBody)\b",)),  # the second for crawlers
    Forum("XenForo", ("bbWrapper", "messageText")),
    Forum("vBulletin", ("postcontent", "js-post__content-text"), (r"id=.?post_message_\d",)),
    Forum("phpBB", ("postbody",)),
    Forum("Discuz", ("t_f", "t_msgfont"), (r"id=.?postmessage_\d",)),
    Forum("Simple Machines", (), (r"id=.?msg_\d+\b",)),
    Forum("MyBB", ("post_body",)),
    Forum("Invision", ("ipsType_richText", "ipsRichText"), (r"data-role=.commentContent\b",)),
    Forum("NodeBB", (), (r"component=.post/content\b",)),
    Forum("Vanilla", ("userContent",)),
    Forum("Khoros", ("lia-message-body-content",)),
    Forum("Flarum", ("Post-body",)),
    Forum("bbPress", ("bbp-reply-content", "bbp-topic-content")),
    Forum("FluxBB", ("postmsg",)),
    Forum("Reddit's older pages", ("usertext-body",)),
    Forum("Lemmy", ("md-div",)),
    Forum("Hacker News", ("commtext",)),
)
OURS = "post-body-of-a-thread"
"""The class that a body is given which an attribute tells."""
_MARKS = [mark for forum in FORUMS for mark in forum.marks]
MARKED = re.compile(rf"<(div|td|blockquote)(\s(?:[^<>]*\s)?(?:{'|'.join(_MARKS)})[^<>]*)>")
TELLTALES = ("post_message_", "postmessage_", "msg_", "commentContent", "post/content", "crawler-post")
"""One of them is on every page of which `MARKED` matches a tag, and early: plain strings are found ten times as fast."""
TELLTALE_CHARACTERS = 1 << 17
_BESIDE = (
    "sig author postprofile notice edited attachbox pstatus post-buttons post_buttons postbuttons user-info userinfo "
    "js-expandcontent bbcodeblock-expandlink bbcodeblock-shrinklink message-lastedit"
)
"""Classes of what stands in a body and is none of what its author wrote."""
_SIGNED = "signature"
"""A word of classes of what is no post although a body may stand in it."""


@cache
def _names() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Hash tables of classes and of `_SIGNED`, with what their elements are."""
    named = {name.lower(): IN for forum in FORUMS for name in (*forum.classes, OURS)}
    named |= dict.fromkeys(_BESIDE.split(), OUT) | {_SIGNED: NEVER}
    keys, values = hash_table({name: (what,) for name, what in named.items()})
    return keys, values[:, 0].copy()


def unscripted(page: str) -> tuple[str, int]:
    """The page with what long `<noscript>`s hold as part of it, and how many characters these are.

    To a crawler some sites show their text only there.
    """
    parts, held, done = [], 0, 0
    opening = OPENING.search(page)
    while opening and (closing := CLOSING.search(page, opening.end())):
        inside = page[opening.end() : closing.start()]
        size = len("".join(TAGS.sub("", inside).split())) if len(inside) > UNSCRIPTED_CHARACTERS else 0
        if size > UNSCRIPTED_CHARACTERS:
            held += size
            parts += [page[done : opening.start()], "<div>", inside, "</div>"]
            done = closing.end()
        opening = OPENING.search(page, closing.end())
    return "".join([*parts, page[done:]]) if held else page, held


def with_named_bodies(page: str, reach: int = TELLTALE_CHARACTERS) -> str:
    """The page with a class for each body that an attribute tells, where one begins among the first `reach` characters.

    Of two classes of a tag the tokeniser takes the last.
    """
    told = any(page.find(name, 0, reach) >= 0 for name in TELLTALES)
    return MARKED.sub(rf'<\1\2 class="{OURS}">', page) if told else page


def posts(page: Blocks) -> npt.NDArray[np.bool_] | None:
    """The blocks of a thread's posts and its title; None for a page that is no thread."""
    bodies = np.zeros(len(page.elements), np.int8)
    if not name(page.source, page.elements, *_names(), bodies):
        return None
    within(page.elements, bodies)
    if np.count_nonzero((bodies == IN) & (bodies[page.elements[:, PARENT]] != IN)) < LEAST_BODIES:
        return None
    own = page.blocks[:, ELEMENT]
    inside: npt.NDArray[np.bool_] = bodies[own] == IN
    plain = page.blocks[:, END] - page.blocks[:, START] - page.blocks[:, LINKED]
    if plain[inside].sum() < LEAST_SHARE * plain.sum():
        return None
    titles = np.flatnonzero((page.elements[own, NUMBER] == H1) & ~inside)
    inside[titles[:1]] = True
    return inside


@kernel
def name(source, elements, keys, values, bodies):
    """What the classes of each element make it, in any case of letters; how many are bodies."""
    found = 0
    for element in range(1, elements.shape[0]):
        token, word = hash_start(), hash_start()
        what = 0
        end = elements[element, CLASS_END]
        for at in range(elements[element, CLASS_START], end + 1):
            byte = np.int64(lower(source[at])) if at < end else np.int64(SPACE)
            if byte > SPACE and byte != HYPHEN and byte != UNDERSCORE:
                token, word = hash_byte(token, byte), hash_byte(word, byte)
                continue
            slot = find_key(keys, word)
            if slot >= 0 and values[slot] == NEVER:
                what = NEVER
            word = hash_start()
            if byte > SPACE:
                token = hash_byte(token, byte)
                continue
            slot = find_key(keys, token)
            if slot >= 0 and what != NEVER and what != IN:
                what = values[slot]
            token = hash_start()
        bodies[element] = what
        found += what == IN
    return found


@kernel
def within(elements, bodies):
    """Spreads what an element is to all inside it. What is `OUT` where nothing around it is a body is nothing special."""
    for element in range(1, elements.shape[0]):
        above = bodies[elements[element, PARENT]]
        if above == IN:
            bodies[element] = bodies[element] if bodies[element] < 0 else IN
        elif above < 0:
            bodies[element] = above
        elif bodies[element] == OUT:
            bodies[element] = 0
