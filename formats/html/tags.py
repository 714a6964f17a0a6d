"""The words of HTML that the tokeniser knows, as hash tables for its kernel: tags, telling class names, entities.

A table is an array of hashes, open addressing, beside an array of values. Names are hashed in lower case, FNV-1a.
"""

from __future__ import annotations

import html.entities
from collections.abc import Mapping
from enum import IntFlag
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FNV_OFFSET = 14695981039346656037
FNV_PRIME = 1099511628211
SLOT_SHIFT = 20  # the low bits of FNV-1a are its weak ones


class Role(IntFlag):
    """What a tag does to the text around and inside it."""

    BLOCK = 1  # text before it and after it are different blocks
    RAW = 2  # everything up to its closing tag isn't markup and isn't text
    HIDDEN = 4  # what stands inside isn't part of the running text
    VOID = 8  # has no inside
    BREAK = 16  # <br>
    PREFORMATTED = 32
    LINK = 64
    CODE = 128
    SCOPE = 256  # a closing tag from inside doesn't reach beyond it


TAGS = [
    "a", "abbr", "address", "article", "aside", "audio", "b", "blockquote", "body", "br", "button", "canvas",
    "caption", "center", "cite", "code", "col", "dd", "details", "dialog", "dir", "div", "dl", "dt", "em",
    "fieldset", "figcaption", "figure", "font", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5",
    "h6", "head", "header", "hgroup", "hr", "html", "i", "iframe", "img", "input", "label", "legend", "li",
    "link", "main", "map", "math", "menu", "meta", "nav", "noembed", "noframes", "noscript", "object", "ol",
    "optgroup", "option", "p", "param", "picture", "pre", "q", "rp", "rt", "ruby", "s", "samp", "section",
    "select", "small", "source", "span", "strong", "style", "sub", "summary", "sup", "svg", "table", "tbody",
    "td", "template", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "tt", "u", "ul", "var",
    "video", "wbr", "script", "area", "base", "embed", "track", "kbd", "listing", "xmp",
]  # fmt: skip
TAG = {name: number for number, name in enumerate(TAGS, 1)}
"""The number of each known tag; 0 is any other."""

_ROLES: Mapping[Role, str] = {
    Role.BLOCK: "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol option optgroup p pre section summary "
    "table tbody td tfoot th thead tr ul listing xmp html head frameset",
    Role.RAW: "script style textarea title iframe noscript noembed noframes",
    Role.HIDDEN: "svg object button select video audio canvas map template math rt rp picture",
    Role.VOID: "area base br col embed hr img input link meta param source track wbr",
    Role.BREAK: "br",
    Role.PREFORMATTED: "pre listing xmp",
    Role.LINK: "a",
    Role.CODE: "code tt samp kbd",
    Role.SCOPE: "td th table body html",
}

TRAITS = [
    "article",
    "main",
    "nav",
    "header",
    "footer",
    "aside",
    "form",
    "list",
    "table",
    "h1",
    "heading",
    "p",
    "quote",
    "code",
    "figure",
    "section",
    "definition",
    "link_list",
    "comment",
    "navigation",
    "copyright",
    "sidebar",
    "share",
    "related",
    "advert",
    "subscribe",
    "masthead",
    "post",
    "content",
    "byline",
    "image",
    "hidden",
    "lead",
    "headline",
    "profile",
    "search",
    "module",
    "summary",
    "label",
    "recipe",
    "time",
]
"""What an element may be said to be, by its tag or by its class, id or role: bit b of a block's traits is `TRAITS[b]`."""

DROPPED = 62
"""The bit of class names of spans that say nothing: numbers of a listing's lines, links to edit a section or back from a
note. It judges no block, so it is no trait."""
_DROPPED_WORDS = "lineno linenos linenumber linenumbers editsection backlink"
_TAG_TRAITS = {
    "article": "article", "main": "main", "nav": "nav", "header": "header", "footer": "footer", "aside": "aside",
    "form": "form", "li": "list", "ul": "list", "ol": "list", "menu": "list", "table": "table", "td": "table",
    "th": "table", "h1": "h1", "h2": "heading", "h3": "heading", "h4": "heading", "h5": "heading", "h6": "heading",
    "p": "p", "blockquote": "quote", "pre": "code", "code": "code", "figure": "figure", "figcaption": "figure",
    "section": "section", "dl": "definition", "dd": "definition", "dt": "definition", "label": "label", "time": "time",
}  # fmt: skip
_WORD_TRAITS = {
    "comment": "comment comments reply replies disqus discussion commentlist respond kommentar kommentare pinglun",
    "navigation": "nav navigation menu breadcrumb breadcrumbs navbar pager pagination paging toc sphinxsidebar crumbs "
    "daohang navi topbar toolbar skip headerlink",
    "copyright": "footer copyright legal foot bottom colophon dibu banquan license imprint contentinfo",
    "sidebar": "sidebar side widget widgets aside rail sidecol secondary complementary",
    "share": "share social sharing sharedaddy addthis facebook twitter whatsapp shariff addtoany bdshare fenxiang",
    "related": "related recommend recommended recommendation more promo popular teaser teasers outbrain taboola also latest "
    "trending xiangguan tuijian mostread archive archives next previous prev recent similar",
    "advert": "ad ads advert advertisement sponsor sponsored banner guanggao adsense dfp anzeige werbung affiliate",
    "subscribe": "newsletter subscribe signup login register cookie cookies modal popup gdpr consent paywall overlay dialog",
    "masthead": "header masthead top branding logo topnav",
    "post": "article post entry story blogpost newsarticle articlebody hentry artikel beitrag wenzhang",
    "content": "body content text main maincontent mainbody bodytext postcontent neirong zhengwen zw document markdown "
    "inhalt contenu contenido",
    "byline": "byline author authors meta date dateline published timestamp postmeta zuozhe autor datum kicker",
    "image": "caption image gallery photo img media slideshow carousel slider thumb thumbnail video credit lightbox",
    "hidden": "hidden hide print noprint invisible offscreen screenreader visually sr",
    "lead": "lead intro standfirst dek deck subtitle abstract excerpt zhaiyao",
    "headline": "title headline heading biaoti",
    "profile": "bio profile about avatar user vcard",
    "search": "search suche sousuo searchform",
    "module": "list item card module box block panel grid tile row",
    "summary": "summary description teasertext keypoints highlights",
    "label": "tag tags category categories topic topics keyword keywords biaoqian",
    "recipe": "recipe ingredients instructions directions faq question answer spoiler accordion",
}  # fmt: skip


class Markup(NamedTuple):
    """The tables a kernel needs: keys uint64, values int64 beside them."""

    tag_keys: npt.NDArray[np.uint64]
    tag_values: npt.NDArray[np.int64]  # [slots, 3]: number, roles, bit of its trait or -1
    word_keys: npt.NDArray[np.uint64]
    word_values: npt.NDArray[np.int64]  # bit of the trait
    entity_keys: npt.NDArray[np.uint64]
    entity_values: npt.NDArray[np.int64]  # [slots, 3]: one or two code points, 1 where no semicolon is needed


def fnv(name: str) -> int:
    """FNV-1a, 64 bits, of the UTF-8 bytes of a name."""
    state = FNV_OFFSET
    for byte in name.encode():
        state = (state ^ byte) * FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return state


@cache
def markup() -> Markup:
    """Builds the tables: a few milliseconds, once in a process."""
    tags = {}
    for name, number in TAG.items():
        roles = sum(role for role, names in _ROLES.items() if name in names.split())
        trait = _TAG_TRAITS.get(name)
        tags[name] = (number, roles, TRAITS.index(trait) if trait else -1)
    words = {word: (TRAITS.index(trait),) for trait, listed in _WORD_TRAITS.items() for word in listed.split()}
    words |= {word: (DROPPED,) for word in _DROPPED_WORDS.split()}
    entities = {}
    for name, text in html.entities.html5.items():
        if name.endswith(";"):
            points = [ord(sign) for sign in text]
            entities[name[:-1]] = (points[0], points[1] if len(points) > 1 else 0, name[:-1] in html.entities.html5)
    tag_keys, tag_values = hash_table(tags)
    word_keys, word_values = hash_table(words)
    entity_keys, entity_values = hash_table(entities)
    return Markup(tag_keys, tag_values, word_keys, word_values[:, 0].copy(), entity_keys, entity_values)


def hash_table(entries: Mapping[str, tuple[int, ...]]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Keys and values in a power of two of slots, a quarter full at most, so that a search ends after one or two."""
    slots = 1 << (4 * len(entries)).bit_length()
    keys = np.zeros(slots, np.uint64)
    values = np.zeros((slots, len(next(iter(entries.values())))), np.int64)
    for name, value in entries.items():
        key = fnv(name)
        slot = (key >> SLOT_SHIFT) & (slots - 1)
        while keys[slot]:
            slot = (slot + 1) & (slots - 1)
        keys[slot] = key
        values[slot] = value
    return keys, values
