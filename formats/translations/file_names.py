"""What the names of files tell: which language a file is in, and which other file is its counterpart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from winnow.formats.containers.archives import PACKED_SUFFIX
from winnow.formats.dialogues.manuals import NO_PAGE

ALIASES = {
    "en": ("en", "en-us", "en_us", "en-gb", "eng", "english"),
    "zh": ("zh", "zh-cn", "zh_cn", "zh-hans", "zh_hans", "zh-hans-cn", "cn", "zho", "chs", "chinese", "zhs"),
}
PAGES = (".md", ".rst", ".txt")
LONGEST_ENDING = 5  # `corpus.zh-cn`; a file called `notes.english` is no half of a pair

Languages = tuple[str, str]


def aliases(language: str) -> tuple[str, ...]:
    """What files call a language; `zh` is simplified Chinese, `zh-tw` another language."""
    own = language.lower().replace("_", "-")
    known = ALIASES.get(own.split("-")[0], ())
    return known if own in known else (own, own.replace("-", "_")) if "-" in own else (own,)


def is_catalogue_of(name: str, language: str, declared: str | None = None) -> bool:
    """Whether a PO file translates into the language, by its name or by what its header `declared`.

    One that lies alone, in no folder, is taken for one that does.
    """
    if declared is not None and declared.lower().replace("_", "-") in {a.replace("_", "-") for a in aliases(language)}:
        return True
    found = re.search(rf"(?:^|[/._-])(?:{_any(language)})(?:/LC_MESSAGES/[^/]+|/[^/]+)?\.po$", name, re.IGNORECASE)
    return found is not None or "/" not in name


def is_page(name: str) -> bool:
    return name.lower().endswith(PAGES) and not NO_PAGE.search(name)


def page_pairs(pages: Sequence[str], languages: Languages) -> Iterator[tuple[str, str]]:
    """Pages of the target language with their counterparts: `en/a.md` and `zh-cn/a.md`, `a.md` and `a.zh.md`."""
    keyed = {_key(name, languages[0]): name for name in pages}
    plain = set(pages)
    for name in pages:
        key = _key(name, languages[1])
        if key == name:
            continue
        unmarked = key.replace("\0/", "").replace("\0", "")
        counterpart = keyed.get(key) or (unmarked if unmarked in plain else None)
        if counterpart is not None and counterpart != name:
            yield counterpart, name


@dataclass(frozen=True)
class Halves:
    """Files with as many lines in one language each: those of equal stems, and what has no place among them, and why."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    lone: list[tuple[str, str]] = field(default_factory=list)


def half_endings(languages: Languages) -> tuple[str, ...]:
    """How the names of halves end, without what packing adds: `.en`, `.zh`, `.zh-cn` …"""
    named = (name for language in languages for name in aliases(language))
    return tuple(f".{name}" for name in named if len(name) <= LONGEST_ENDING)


def halves(names: Iterable[str], languages: Languages) -> Halves:
    """Moses files: those that differ only in the language at their end (`corpus.en`, `corpus.zh`, also packed)."""
    endings, targets = half_endings(languages), aliases(languages[1])
    found: dict[str, list[str]] = {}
    sorted_out = Halves()
    for name in names:
        inner = PACKED_SUFFIX.sub("", name)
        if not inner.lower().endswith(endings):
            continue
        stem, _, ending = inner.rpartition(".")
        sides = found.setdefault(stem, ["", ""])
        side = ending.lower() in targets
        if sides[side]:
            sorted_out.lone.append((name, f"{sides[side]} stands for it"))
        else:
            sides[side] = name
    for source, target in found.values():
        if source and target:
            sorted_out.pairs.append((source, target))
        else:
            sorted_out.lone.append((source or target, "no file of the other language"))
    return sorted_out


def _any(language: str) -> str:
    return "|".join(map(re.escape, aliases(language)))


def _key(name: str, language: str) -> str:
    """The name with the language in it blanked: `docs/zh-cn/a.md` and `docs/en/a.md` have one key."""
    place = rf"(?:(?<=/)|^)(?:{_any(language)})(?=/)|(?<=[\w])[._-](?:{_any(language)})(?=\.\w+$|$)"
    return re.sub(place, "\0", name, count=1, flags=re.IGNORECASE)
