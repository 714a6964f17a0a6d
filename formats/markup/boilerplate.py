"""What surrounds a book's text in a plain file: Gutenberg's licence, page numbers, running headers, hard wraps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

START = re.compile(r"^\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG.*?\*\*\*[ \t]*$", re.MULTILINE | re.IGNORECASE)
SMALL_PRINT = re.compile(r"^\*END\*? ?THE SMALL PRINT!.*$", re.MULTILINE)
END = re.compile(
    r"^(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG|(?:This is the )?End of (?:the |this )?Project Gutenberg).*$",
    re.MULTILINE | re.IGNORECASE,
)
CREDITS = re.compile(
    r"\A\s*(?:(?:E-text |Text )?(?:Produced|prepared|transcribed) by|\[?Transcriber's note)[^\n]*(?:\n[^\n]+)*", re.I
)
FIELD = re.compile(r"^(Title|Author|Language|Release Date|Translator):[ \t]*(\S[^\n]*)", re.MULTILINE)
PAGE_NUMBER = re.compile(
    r"^[ \t]*+(?:[-–—\[(]|page|p\.|第)?+[ \t]*+(\d{1,4}+)[ \t]*+(?:[-–—\])]|页)?+[ \t]*+$", re.IGNORECASE
)
RUNNING_TITLE = re.compile(r"^[ \t]*+(?:(\d{1,4})[ \t]++\S.{0,100}|\S.{0,100}?[ \t](\d{1,4}))[ \t]*+$")
PAGES = 5
REPEATED_SHARE = 0.3
WRAPPED = 50
HAN_END = re.compile(r"[\u3000-\u9fff\uff00-\uffef]$")


def strip_gutenberg(text: str) -> tuple[str, dict[str, str]]:
    """The book without the archive's header and licence, and what the header says (title, author, language …).

    Text that isn't from Project Gutenberg comes back as it was, with no fields.
    """
    head = text[:30_000]
    start = START.search(head) or SMALL_PRINT.search(head)
    if start is None:
        return text, {}
    fields = {match[1].lower(): match[2].strip() for match in FIELD.finditer(head[: start.start()])}
    body = text[start.end() :]
    end = END.search(body)
    while end is not None and end.start() < len(body) / 2:  # a licence quoted in front, not the end
        end = END.search(body, end.end())
    body = body[: end.start()] if end else body
    return CREDITS.sub("", body).strip() + "\n", fields


def unpaginate(text: str) -> str:
    """The text without page numbers, form feeds and the headers and footers that repeat beside them.

    Numbers go only where they ascend over at least five pages, so that a list of figures stays.
    """
    lines = text.split("\n")
    if "\f" in text:
        return _unpaged(text)
    numbers = [(place, int(match[1])) for place, line in enumerate(lines) if (match := PAGE_NUMBER.match(line))]
    run = _ascending(numbers)
    if len(run) < PAGES or (len(lines) / len(run)) < PAGES:
        return text
    beside = Counter(
        _shape(lines[near]) for place in run for near in _neighbours(lines, place) if len(lines[near].strip()) < 80
    )
    headers = {shape for shape, count in beside.items() if count >= max(PAGES, len(run) * REPEATED_SHARE)}
    dropped = set(run)
    dropped |= {near for place in run for near in _neighbours(lines, place) if _shape(lines[near]) in headers}
    first = next((place for place, line in enumerate(lines) if line.strip()), 0)
    dropped |= {first} if _shape(lines[first]) in headers else set()
    return _joined(lines, dropped)


def reflow(text: str) -> str:
    """Hard-wrapped paragraphs as one line each; verse, lists, tables and code, whose lines differ in length, stay."""
    return "\n\n".join(_unwrapped(paragraph) for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")))


def _unpaged(text: str) -> str:
    pages = [page.strip("\n").split("\n") for page in text.split("\f")]
    edges = Counter(_shape(page[place]) for page in pages for place in {0, len(page) - 1} if page[place].strip())
    repeated = {shape for shape, count in edges.items() if count >= max(3, len(pages) * REPEATED_SHARE)}
    first = _first_number(pages)
    kept: list[str] = []
    for number, page in enumerate(pages):
        own = None if first is None else first + number
        while page and _surrounds(page[0], own, repeated):
            page = page[1:]
        while page and _surrounds(page[-1], own, repeated):
            page = page[:-1]
        if page:
            kept.append("\n".join(page))
    return "\n\n".join(kept) + "\n"


def _surrounds(line: str, own: int | None, repeated: set[str]) -> bool:
    """Whether a line at a page's edge is empty, a number, on many pages, or a title with the page's own number."""
    if not line.strip() or PAGE_NUMBER.match(line) or _shape(line) in repeated:
        return True
    return own is not None and own in _numbers(line)


def _first_number(pages: Sequence[Sequence[str]]) -> int | None:
    """The number of the first page, if those in the running titles of enough pages agree on it."""
    votes = Counter(
        found - number for number, page in enumerate(pages) for line in (page[0], page[-1]) for found in _numbers(line)
    )
    [(first, count)] = votes.most_common(1) or [(0, 0)]
    return first if count >= max(PAGES, len(pages) * REPEATED_SHARE) else None


def _numbers(line: str) -> set[int]:
    """The number before or behind a title, as in `22 Chapter 4. Source packages`."""
    match = RUNNING_TITLE.match(line)
    return {int(found) for found in match.groups() if found} if match else set()


def _ascending(numbers: Sequence[tuple[int, int]]) -> list[int]:
    """The lines of the longest greedy run of numbers that grow by one or two: pages, perhaps with one missed."""
    best: list[int] = []
    for first in range(min(len(numbers), 20)):
        place, value = numbers[first]
        run = [place]
        for place, number in numbers[first + 1 :]:
            if value < number <= value + 2:
                run.append(place)
                value = number
        best = max(best, run, key=len)
    return best


def _neighbours(lines: Sequence[str], place: int) -> list[int]:
    """The nearest lines with text above and below, within three."""
    found = []
    for steps in (range(place - 1, place - 4, -1), range(place + 1, place + 4)):
        near = next((step for step in steps if 0 <= step < len(lines) and lines[step].strip()), None)
        found += [] if near is None else [near]
    return found


def _shape(line: str) -> str:
    """A running header whatever its page number."""
    return re.sub(r"\d+", "0", line.strip())


def _joined(lines: Sequence[str], dropped: set[int]) -> str:
    """The lines that stay; a paragraph that a page break cut goes on without a gap."""
    kept: list[str] = []
    gap = False
    for place, line in enumerate(lines):
        if place in dropped:
            gap = True
            continue
        if gap and not line.strip():
            continue
        if gap and kept and line[:1].islower():
            while kept and not kept[-1].strip():
                kept.pop()
        gap = False
        kept.append(line)
    return "\n".join(kept)


def _unwrapped(paragraph: str) -> str:
    lines = paragraph.split("\n")
    if (
        len(lines) < 2
        or any(len(line) < WRAPPED for line in lines[:-1])
        or lines[0].startswith(("    ", "\t", "|", "```"))
    ):
        return paragraph
    pieces = [lines[0].rstrip()]
    end = pieces[0][-1:]  # of all that is joined so far: a log of megabytes is one paragraph
    for line in lines[1:]:
        pieces.append(("" if HAN_END.match(end) else " ") + line.strip())
        end = pieces[-1][-1:] or end
    return "".join(pieces)
