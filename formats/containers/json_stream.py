"""JSON values one after the other: an array of any size, or objects written over many lines, each read by itself."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator

from winnow.formats.containers.bounds import RECORD_BYTES
from winnow.formats.containers.inflate import Inflated
from winnow.formats.containers.json_text import read_json

BLOCK = 1 << 20
SPACE = " \t\r\n"
BETWEEN = re.compile(rf"[{SPACE}]*(,?)[{SPACE}]*")
SCAN = json.JSONDecoder(strict=False).raw_decode  # tells where a value ends, whatever it says


def values(stream: Inflated) -> Iterator[object]:
    """The items of an array, or the values of a file without one. A value that `read_json` refuses is yielded as its error.

    Raises `ValueError` where no value can be told any more, and for one above `RECORD_BYTES`; what stands before is yielded.
    """
    buffered = io.BufferedReader(stream, BLOCK)
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    text = ""
    while not text and (block := buffered.read1(BLOCK)):
        text = decoder.decode(block).lstrip(SPACE)
    is_array = text.startswith("[")
    text = text.removeprefix("[").lstrip(SPACE)
    at = 0
    ended = False
    count = 0
    while True:
        if ended and at == len(text):
            if is_array:
                raise ValueError(f"the array has no end behind {count} items")
            return
        found = _value(text, at, is_array, ended)
        if found is not None:
            value, at = found
            count += 1
            yield value
            continue
        if is_array and text.startswith("]", at):
            if text[at + 1 :].strip() or buffered.read(BLOCK).strip():
                raise ValueError(f"something stands behind the array of {count} items")
            return
        if ended:
            raise ValueError(f"value {count}: neither JSON nor its beginning")
        if len(text) - at > RECORD_BYTES:
            raise ValueError(f"value {count}: > {RECORD_BYTES} characters, or no JSON")
        wanted = 2 * (len(text) - at)  # twice as much each time: a long value isn't scanned for every block of it
        pieces = [text[at:]]
        size, at = len(pieces[0]), 0
        while size <= wanted and not ended:
            block = buffered.read1(BLOCK)
            ended = not block
            pieces.append(decoder.decode(block, final=ended))
            size += len(pieces[-1])
        text = "".join(pieces).strip(SPACE) if ended else "".join(pieces).lstrip(SPACE)


def _value(text: str, at: int, is_array: bool, ended: bool) -> tuple[object, int] | None:
    """The value at a place and where the next one may begin; None where it may go on beyond the text."""
    try:
        _, end = SCAN(text, at)
    except (json.JSONDecodeError, RecursionError):
        return None
    match = BETWEEN.match(text, end)
    following = match.end() if match else end
    if following == len(text) and not ended:
        return None  # a comma may follow, or the rest of a number
    if is_array and not (match and match[1]) and not text.startswith("]", following):
        raise ValueError(f"no comma at {text[end : end + 20]!r}")
    try:
        return read_json(text[at:end]), following
    except ValueError as error:
        return error, following
