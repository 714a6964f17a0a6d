"""The charset that the bytes of a text tell by their statistics, with a margin; else the candidates.

The engine is chardet 7, whose models know letters in pairs by language and charset. What it leaves open is settled here:
it is asked only about charsets that texts are kept in, readings that hold what no text holds (controls of the upper
half, private or unassigned characters) are out, readings that give the same text are one, charsets that few write
give way to those that many do, and what then lies too close together isn't decided.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from winnow.formats.charset.alphabets import oddities, usual_signs
from winnow.formats.charset.labels import known
from winnow.formats.charset.marks import wide

SAMPLE_BYTES = 1 << 14
READ_BYTES = 1 << 20
CANDIDATES = (
    "gb18030", "big5hkscs", "cp932", "euc-jp", "cp949",
    "cp1252", "iso8859-15", "cp1250", "iso8859-2", "cp1254", "cp1257", "iso8859-13", "cp1258",
    "cp1251", "koi8-r", "koi8-u", "iso8859-5", "cp1253", "iso8859-7", "cp1255", "cp1256", "cp874",
)  # fmt: skip
WEIGHTS = {"iso8859-13": 0.55, "cp1257": 0.65, "iso8859-5": 0.8, "cp1258": 0.9, "iso8859-15": 0.97}
"""How much less a reading counts by a charset that few texts are written in. Without a weight of its own Albanian,
which the engine doesn't know, reads as Lithuanian."""
LEAST = 0.03  # of confidence; bytes that aren't text have less
MARGIN, MARGIN_LONG = 0.9, 0.985  # of the best reading's confidence that the next may have, and that of long texts
LONG = 20  # bytes that aren't ASCII, from which a text is long
NAMED = 0.4  # of the best reading's confidence that a named candidate has
ODD_SHARE = 0.2  # of its letters that may be out of place in a reading that is believed
RARE_SHARE, FAMILIAR = 0.01, 1.3
"""In texts that are nearly ASCII, English with a name or a sign, the charset of the West counts so much more."""
COLOURS = re.compile(rb"\x1b\[[0-9;?]{0,40}[ -/]{0,4}[@-~]")  # what a terminal obeys (ECMA-48, 5.4)
NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ue000-\uf8ff\ufffd\ufffe\uffff]")


class Undecided(NamedTuple):
    """The charsets, likeliest first, that the bytes may be written in; none where they are no text."""

    charsets: tuple[str, ...]


class _Reading(NamedTuple):
    confidence: float
    charset: str
    oddities: int
    letters: int


def detect(content: bytes) -> str | Undecided:
    """The charset of bytes that are neither UTF-8 nor marked, by their first 16 KiB of lines that aren't ASCII."""
    from chardet import detect_all

    if found := wide(content):
        return found
    if b"\0" in content[:READ_BYTES]:
        return Undecided(())
    plain = COLOURS.sub(b"", content[:READ_BYTES])  # in escapes the engine sees no text
    sample = b"\n".join(line for line in plain.split(b"\n") if not line.isascii())[:SAMPLE_BYTES]
    if not sample:
        return Undecided(())
    told = detect_all(sample, include_encodings=CANDIDATES, ignore_threshold=True, max_bytes=SAMPLE_BYTES)
    readings: dict[str, _Reading] = {}
    high = len(sample) - len(sample.translate(None, _HIGH))
    weights = {**WEIGHTS, "cp1252": FAMILIAR} if high < RARE_SHARE * len(content) else WEIGHTS
    named: list[str] = []
    least = NAMED * max(guess["confidence"] for guess in told)
    for guess in told:
        name = known(guess["encoding"])
        if name is None or (text := _text(sample, name)) is None:
            continue
        named.append(name)
        if guess["confidence"] < least:
            continue
        odd, letters = oddities(text)
        likely = max(letters - odd, 0) / letters if letters else usual_signs(text)
        confidence = guess["confidence"] * weights.get(name, 1.0) * likely**2
        if text not in readings or confidence > readings[text].confidence:
            readings[text] = _Reading(confidence, name, odd, letters)
    ranked = sorted(readings.values(), reverse=True)
    if not ranked or ranked[0].confidence < LEAST:
        return Undecided(tuple(dict.fromkeys(named)))
    near = (MARGIN_LONG if high >= LONG else MARGIN) * ranked[0].confidence
    close = sorted((reading for reading in ranked if reading.confidence >= near), key=lambda near: near.oddities)
    undecided = len(close) > 1 and close[0].oddities == close[1].oddities
    if undecided or close[0].oddities > max(ODD_SHARE * close[0].letters, 1):
        return Undecided(tuple(dict.fromkeys([*(reading.charset for reading in ranked), *named])))
    return close[0].charset


_HIGH = bytes(range(128, 256))


def _text(sample: bytes, name: str) -> str | None:
    """The sample in a charset, its last bytes perhaps cut; None where that is no text."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4 or error.start == 0:
            return None
        text = sample[: error.start].decode(name)
    return None if NO_TEXT.search(text) else text
