"""Credentials in addresses and keys: how they are known, struck out of what is printed, refused in what is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_CREDENTIALS = re.compile(
    r"(?<=://)(?:[^\s/?#@'\"<>]{1,512}+@|[^\s/?#@:'\"<>]{1,256}+:(?!\d{1,5}(?![^/?#\s]))[^\s@'\"<>]{1,512}+@)"
)
"""The part of an address before its host: a name, a password, a key and its secret, which often holds a `/`."""


_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def names_variable(text: str) -> bool:
    """Whether a text is the name of an environment variable, as `OPENAI_API_KEY`, and so no key itself."""
    return len(text) <= 64 and _VARIABLE.fullmatch(text) is not None


def redacted(text: str) -> str:
    """The text with the credentials in its addresses struck out: `s3://***@bucket/key`."""
    return _CREDENTIALS.sub("***@", text)


def addresses_with_credentials(value: object) -> Iterator[str]:
    """The strings in nested mappings and lists that hold credentials, redacted."""
    if isinstance(value, str):
        if _CREDENTIALS.search(value):
            yield redacted(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from addresses_with_credentials(each)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for each in value:
            yield from addresses_with_credentials(each)
