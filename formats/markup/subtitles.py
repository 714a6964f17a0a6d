r"""Subtitles and captions as what is said: SubRip (`.srt`), WebVTT (`.vtt`), SBV (`.sbv`), SubStation Alpha (`.ass`, `.ssa`).

Numbers, times, styles, notes and tags go; a speaker whom WebVTT names (`<v Ada>`) stands before the words where the
speaker changes. Lines of one cue are joined, those that begin with a dash are another speaker's; a cue that goes on in
small letters without a pause continues the line before it. Captions that roll, each cue saying the last line again, as
those that speech recognition writes, say each line once. Sources: WebVTT (W3C, 2019); for the others, which have no
standard, what players and editors read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

SUFFIXES = (".srt", ".vtt", ".sbv", ".ass", ".ssa")
CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3}))?"
TIMES = re.compile(rf"[ \t]*{CLOCK}[ \t]*-{{1,2}}>[ \t]*{CLOCK}(?![\d:])[^\n]*")
SBV_TIMES = re.compile(rf"[ \t]*{CLOCK},{CLOCK}[ \t]*")
OTHER_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?![^\s])")
FIRST_LINES = 8  # in which the first cue of a file must stand whose name doesn't say what it is
NUMBER = re.compile(r"\s*\d+\s*")
VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]+([^<>]{1,200})>")
TAG = re.compile(
    r"</?(?:\d[\d:.]{4,14}|(?:[bciuvs]|font|lang|ruby|rt|em|strong)(?:[\s.][^<>]{0,200})?/?)>", re.IGNORECASE
)
BREAK = re.compile(r"<br[ \t]*/?>|\[br\]|\\[Nn]", re.IGNORECASE)
OVERRIDE = re.compile(r"\{(?:\\[^{}]{0,400}|[yYcCfFsSpP]:[^{}]{0,80})\}")
DRAWING = re.compile(r"\{[^{}]{0,400}\\p[1-9][^{}]{0,400}\}")
BRACED = re.compile(r"\{[^{}]{0,400}\}")
REFERENCE = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#x[\da-fA-F]{1,6});")
MARKS = re.compile("[\u200e\u200f\u202a-\u202e\ufeff]")
DASHED = re.compile(r"[-\u2010-\u2015\u2212]\s*(?=\S)(?!\d)")
HAN = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
PAUSE = 3.0  # seconds between two cues of which the second begins a line of its own, whatever its first letter
ROLLING_CUES, ROLLING_SHARE = 4, 0.5  # that repeat the end of the one before them, for captions to roll
MOST_ROLLED = 4  # lines on a screen


class Cue(NamedTuple):
    """What is shown from `start` to `stop`, in seconds, line by line, with the tags that it was written with."""

    start: float
    stop: float
    lines: list[str]


def is_subtitles(name: str, text: str) -> bool:
    """Whether a file holds subtitles, by its name or, in a `.txt`, by how its text begins."""
    if name.lower().endswith(SUFFIXES):
        return True
    lines = text[:2000].lstrip("\ufeff\r\n ").splitlines()[:FIRST_LINES]
    if not lines:
        return False
    first = 1 if NUMBER.fullmatch(lines[0]) or lines[0].startswith("WEBVTT") else 0
    timed = first < len(lines) and TIMES.fullmatch(lines[first])
    return bool(timed or (lines[0].startswith("WEBVTT") and any(map(TIMES.fullmatch, lines))))


def spoken(text: str, name: str) -> str | None:
    """What is said, a line for each sentence or turn; None where nothing has a time."""
    lines = text.replace("\0", "").lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if name.lower().endswith((".ass", ".ssa")) or any(line.strip() == "[Script Info]" for line in lines[:FIRST_LINES]):
        cues = _scripted(lines)
    elif lines and lines[0].startswith("WEBVTT"):
        cues = list(_blocks(lines))
    else:
        cues = list(_counted(lines, SBV_TIMES if name.lower().endswith(".sbv") else TIMES))
    if not cues:
        return None
    said = [Cue(cue.start, cue.stop, list(_words(cue.lines))) for cue in cues]
    return "\n".join(_turns(_unrolled(said)))


def _counted(lines: list[str], times: re.Pattern[str]) -> Iterator[Cue]:
    """Cues with numbers or without: all that stands before the next times is said, but for the number right above them.

    Empty lines within a cue end nothing, and a number in it is a number said. So is what stands above the first cue.
    """
    places = [place for place, line in enumerate(lines) if times.fullmatch(line)]
    if not places:
        return
    above = lines[: places[0]]
    yield Cue(0.0, 0.0, above[:-1] if above and NUMBER.fullmatch(above[-1]) else above)
    for place, after in zip(places, [*places[1:], len(lines)], strict=True):
        own = lines[place + 1 : after]
        if after < len(lines) and own and NUMBER.fullmatch(own[-1]):
            own = own[:-1]
        start, stop = _times(times, lines[place])
        yield Cue(start, stop, own)


def _blocks(lines: list[str]) -> Iterator[Cue]:
    """Cues of WebVTT: an empty line ends one; blocks of notes, styles and regions, and names above the times, go.

    Where an empty line stands between the times and what is said, that is said none the less.
    """
    cue: Cue | None = None
    for line, after in pairwise([*lines, ""]):
        if TIMES.fullmatch(line):
            if cue is not None:
                yield cue
            cue = Cue(*_times(TIMES, line), [])
        elif not line.strip():
            if cue is not None and cue.lines:
                yield cue
                cue = None
        elif cue is not None and not cue.lines and (TIMES.fullmatch(after) or OTHER_BLOCK.match(line)):
            yield cue
            cue = None
        elif cue is not None:
            cue.lines.append(line)
    if cue is not None:
        yield cue


def _scripted(lines: list[str]) -> list[Cue]:
    """The dialogue of SubStation Alpha by its times, each text once however many layers show it; comments are unseen."""
    fields = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    found: dict[tuple[float, float, str], Cue] = {}
    for line in lines:
        kind, _, rest = line.partition(":")
        if kind.strip() == "Format" and "text" in rest.lower():
            fields = [field.strip().lower() for field in rest.split(",")]
        elif kind.strip() == "Dialogue":
            given = dict(zip(fields, rest.split(",", len(fields) - 1), strict=False))
            text = given.get("text", "").strip()
            start, stop = (_seconds(given.get(edge, "")) for edge in ("start", "end"))
            if not DRAWING.search(text):
                said = BRACED.sub("", text).replace("\\h", " ")
                found.setdefault((start, stop, said), Cue(start, stop, [said]))
    return sorted(found.values(), key=lambda cue: cue.start)


def _times(times: re.Pattern[str], line: str) -> tuple[float, float]:
    match = times.fullmatch(line)
    assert match is not None
    return _clock(*match.groups()[:4]), _clock(*match.groups()[4:8])


def _seconds(said: str) -> float:
    match = re.fullmatch(CLOCK, said.strip())
    return _clock(*match.groups()) if match else 0.0


def _clock(hours: str | None, minutes: str, seconds: str, part: str | None) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + (int(part) / 10 ** len(part) if part else 0.0)


def _words(lines: Iterable[str]) -> Iterator[str]:
    """Lines without tags, in the order in which they stand on the screen, none of them empty."""
    whole = BREAK.sub("\n", "\n".join(lines))
    whole = VOICE.sub(lambda voice: f"\n\0{voice[1].strip()}\0", whole)
    whole = REFERENCE.sub(lambda found: html.unescape(found[0]), TAG.sub("", OVERRIDE.sub("", whole)))
    speaker = ""
    for line in MARKS.sub("", whole).split("\n"):
        if line.startswith("\0"):
            _, speaker, line = line.split("\0", 2)
        plain = " ".join(line.split())
        if plain:
            yield f"{speaker}\0{plain}"


def _unrolled(cues: list[Cue]) -> list[Cue]:
    """Captions that roll, without the lines that the cue before them has shown."""
    cues = [cue for cue in cues if cue.lines]
    shown = [_repeated(before.lines, cue.lines) for before, cue in pairwise(cues)]
    if sum(map(bool, shown)) < max(ROLLING_CUES, ROLLING_SHARE * len(shown)):
        return cues
    return [Cue(cue.start, cue.stop, cue.lines[count:]) for cue, count in zip(cues, [0, *shown], strict=True)]


def _repeated(before: list[str], lines: list[str]) -> int:
    """How many lines at the beginning are those at the end of the cue before."""
    for count in range(min(len(before), len(lines), MOST_ROLLED), 0, -1):
        if before[-count:] == lines[:count]:
            return count
    return 0


def _turns(cues: Iterable[Cue]) -> Iterator[str]:
    """One line for each sentence or turn, the speaker before it where there is one and it is another."""
    turn: list[str] = []
    speaker, stopped = "", 0.0
    for cue in cues:
        for number, line in enumerate(cue.lines):
            named, said = line.split("\0", 1)
            pause = cue.start - stopped if number == 0 else 0.0
            goes_on = turn and named == speaker and not DASHED.match(said)
            if goes_on and (number > 0 or (pause < PAUSE and _continues(turn[-1], said))):
                turn.append(said)
                continue
            if turn:
                yield _joined(turn)
            turn = [f"{named}: {said}" if named and named != speaker else said]
            speaker = named
        stopped = max(stopped, cue.stop)
    if turn:
        yield _joined(turn)


def _continues(before: str, said: str) -> bool:
    """Whether a cue goes on where the one before it stopped: in small letters, or behind a comma."""
    first = said.lstrip("….\"'“‘«([ ")[:1]
    return first.islower() or before.endswith((",", "，", "、", ";", "；"))


def _joined(pieces: list[str]) -> str:
    text = pieces[0]
    for piece in pieces[1:]:
        close = HAN.match(text[-1:]) and HAN.match(piece[:1])
        text += piece if close else f" {piece}"
    return text
