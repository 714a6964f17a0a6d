"""One JSON value from its text, as it stands there: integers of any size, NaN where it is written, no key twice.

orjson reads in a third of the time, but takes the last of two equal keys, makes floats of integers beyond 64 bits and
refuses NaN and halves of surrogate pairs. So what it read is counted against the text, and where the two may differ the
standard library reads again.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from winnow.filters.kernels.json_keys import count_keys
from winnow.formats.containers.bounds import check_json

EXACT = 2.0**63  # from here on a float may stand for an integer that orjson couldn't hold


def read_json(text: bytes | str) -> Any:
    """The value. Raises `ValueError` for what is no JSON, and for an object that names one key twice: which is meant?

    And `TooLarge` for one of more values than `bounds.MOST_VALUES`, before they take memory.
    """
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    check_json(content)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _again(text, error)
    return value if count_keys(content) == _keys(value) else _again(text, None)


def _again(text: bytes | str, refused: ValueError | None) -> Any:
    """By the standard library's reader, which is asked about keys; what `refused` says better is raised instead."""
    try:
        return UNAMBIGUOUS.decode(text if isinstance(text, str) else text.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise refused or error from None
    except UnicodeDecodeError as error:
        raise refused or error from None
    except RecursionError:
        raise refused or ValueError("nested too deep") from None


def _keys(value: Any) -> int:
    """How many keys the objects of a value have; -2 where a number may not be what is written."""
    count = 0
    pending = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is dict:
            count += len(item)
            pending.extend(item.values())
        elif kind is list:
            pending.extend(item)
        elif kind is float and abs(item) >= EXACT:
            return -2
    return count


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return found


UNAMBIGUOUS = json.JSONDecoder(object_pairs_hook=_object)
