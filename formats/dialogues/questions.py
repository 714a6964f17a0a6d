"""What a reader would ask to be answered with a section: its heading turned into a question, in the page's language."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

Choice = TypeVar("Choice")

HAN = re.compile(r"[\u3400-\u9fff]")
LETTER = re.compile(r"[^\W\d_]")
LANGUAGE_SAMPLE = 20_000
HOW_TO = re.compile(r"^how to\s+", re.IGNORECASE)
GERUND = re.compile(r"^[A-Z][a-z]+ing\b")
CODE = re.compile(r"^`[^`]+`$")
NUMBERED = re.compile(r"^[\d.]+[.)、]?\s+|^[一二三四五六七八九十]+、")
VAGUE = re.compile(
    r"^(introduction|overview|examples?|usage|basic usage|notes?|parameters|arguments|options|install|installation|"
    r"background|details|description|summary|limitations|configuration|settings|requirements|getting started|"
    r"quick ?start|api|faq|features|caveats|syntax|reference|methods|attributes|"
    r"使用|用法|安装|示例|说明|简介|功能|特性)$",
    re.IGNORECASE,
)
ABOUT = {
    "en": (
        "Could you explain {topic} in {package}?",
        "What should I know about {topic} in {package}?",
        "I'm reading up on {package}. What does its documentation say about {topic}?",
        "Please describe {topic} in {package}.",
        "I'm working with {package} and need help with {topic}.",
    ),
    "zh": (
        "请介绍一下 {package} 中的“{topic}”。",
        "在 {package} 里，“{topic}”是怎么回事？",
        "我在用 {package}，想了解“{topic}”，请说明。",
        "{package} 的“{topic}”应该怎么理解和使用？",
    ),
}
CHANGES = re.compile(r"release notes|change ?log|changes|what's new|history|news|版本|更新|变更", re.IGNORECASE)
RELEASE = re.compile(r"^v?(?:version |release )?\d++\.\d++[\w.]*+(?: ?\([^)]*\))?$", re.IGNORECASE)
RELEASED = {
    "en": (
        "What changed in {package} {topic}?",
        "What is new in {package} {topic}?",
        "List the changes of {package} {topic}.",
    ),
    "zh": ("{package} {topic} 有哪些变化？", "列出 {package} {topic} 的更新内容。"),
}
CHANGED = {
    "en": (
        "What do the {package} notes “{page}” say about {topic}?",
        "Look at “{page}” of {package}: what is there under {topic}?",
        "Summarise the part on {topic} in {package}'s “{page}”.",
    ),
    "zh": ("{package} 的《{page}》里，“{topic}”有哪些内容？",),
}
DOING = {
    "en": (
        "I'd like some guidance on {topic} with {package}.",
        "What is the right approach to {topic} with {package}?",
        "How does {topic} work in {package}?",
    ),
}
NAMED = {
    "en": (
        "What does {topic} do in {package}, and how is it used?",
        "Explain {topic} from {package}.",
        "How do I use {topic} in {package}?",
    ),
    "zh": ("{package} 中的 {topic} 有什么作用？怎么用？", "请说明 {package} 的 {topic}。"),
}
NEXT = {
    "en": ("And what about {topic}?", "Now tell me about {topic}.", "What about {topic}?", "Please go on to {topic}."),
    "zh": ("那么“{topic}”呢？", "接着讲讲“{topic}”。", "“{topic}”又是怎样的？"),
}
SAFE = {
    "en": (
        "I want my application built with {package} to be secure. What should I know about {topic}?",
        "From a security point of view, what matters about {topic} in {package}?",
        "How do I stay safe with {package} when it comes to {topic}?",
    ),
    "zh": ("从安全的角度看，使用 {package} 时“{topic}”要注意什么？",),
}


def language_of(text: str) -> str:
    """`zh` where at least a tenth of the letters outside code are Han characters, else `en`."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", text[:LANGUAGE_SAMPLE], flags=re.DOTALL)
    letters = len(LETTER.findall(prose))
    return "zh" if letters and len(HAN.findall(prose)) >= letters / 10 else "en"


def pick(choices: Sequence[Choice], key: str) -> Choice:
    """One of the choices by a hash of the key: the same at any time, evenly spread over keys."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return choices[int.from_bytes(digest, "little") % len(choices)]


def question(title: str, *, package: str, page: str, language: str, key: str, follows: bool, safety: bool) -> str:
    """The heading as a question. `page` lends its title to headings that say nothing alone; `follows` continues."""
    title = title.strip(" :：¶")
    if RELEASE.match(title):
        return pick(RELEASED[language], key).format(topic=_lowered(title), package=package)
    title = NUMBERED.sub("", title)
    if title.endswith(("?", "？")):
        return title
    if CHANGES.search(page) and title != page and not follows:
        return pick(CHANGED[language], key).format(topic=_lowered(title), page=page, package=package)
    if VAGUE.match(title) and page and page != title:
        title = f"{page}：{title}" if language == "zh" else f"{_lowered(title)} of {page}"
    if match := HOW_TO.match(title):
        asked = title[match.end() :]
        return f"How do I {_lowered(asked)}?" if follows else f"How do I {_lowered(asked)} with {package}?"
    forms: Mapping[str, Sequence[str]]
    if safety:
        forms = SAFE
    elif follows:
        forms = NEXT
    elif CODE.match(title):
        forms = NAMED
    else:
        forms = DOING if GERUND.match(title) and language == "en" else ABOUT
    return pick(forms[language], key).format(topic=_lowered(title), package=package)


def _lowered(title: str) -> str:
    """The title as it stands inside a sentence: its first word in small letters, unless it is a name."""
    first, space, rest = title.partition(" ")
    return first.lower() + space + rest if first.istitle() and first.isalpha() and len(first) > 1 else title
