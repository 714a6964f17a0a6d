"""The document: one record of text, and the Arrow schemas of documents and of rejections."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pyarrow as pa


class Content(StrEnum):
    """What a text is, whatever file it came from: filters are bound to it."""

    WEB = "web"  # pages, as extracted from HTML: boilerplate and spam are to be expected
    BOOKS = "books"  # long texts that somebody edited: novels, manuals, reports
    PROSE = "prose"  # any other edited text: articles, encyclopaedias, notes
    MATHEMATICS = "mathematics"  # papers, proofs, problems with their solutions
    CODE = "code"
    CONVERSATIONS = "conversations"
    TEMPLATED = "templated"  # conversations made from templates, whose likeness is meant
    TRANSLATIONS = "translations"


DOCUMENT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # 32 hexadecimal digits: hash of source, locator and text
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # the manifest's name for it: web, github, papers …
        pa.field("kind", pa.string(), nullable=False),  # the ingest module that made it: web, repositories …
        pa.field("locator", pa.string(), nullable=False),  # where it lies: file!member, file@offset, url
        pa.field("url", pa.string()),
        pa.field("title", pa.string()),
        pa.field("date", pa.string()),  # ISO 8601 where known
        pa.field("license", pa.string()),  # SPDX expression where known
        pa.field(
            "language", pa.string()
        ),  # as declared by the source (ISO 639-1 or a programming language), unmeasured
        pa.field("repository", pa.string()),  # name of the repository that a file belongs to
        pa.field("path", pa.string()),  # path inside the repository
        pa.field("messages", pa.large_string()),  # a conversation as JSON, see stages/ingest/conversations.py
        pa.field("metadata", pa.string()),  # anything else, a JSON object with sorted keys
    ]
)

REJECTION = pa.schema(
    [
        pa.field("id", pa.string()),  # null where the record never became a document
        pa.field("locator", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),  # ingest, decide, deduplicate.minhash …
        pa.field("rule", pa.string(), nullable=False),  # gopher_quality.words, web.truncated …
        pa.field("value", pa.string()),  # what was measured, as text
        pa.field("threshold", pa.string()),  # what was asked, as text: "≥ 50"
    ]
)


def document_id(source: str, locator: str, text: str | bytes) -> str:
    """The 128-bit identity of a document: equal source, place and text give the equal id, anywhere, at any time.

    `text` may come as its UTF-8.
    """
    parts: list[bytes] = []
    for field in (source, locator):
        encoded = field.encode("utf-8", "surrogatepass")
        parts += (len(encoded).to_bytes(8, "little"), encoded)
    summary = hashlib.blake2b(b"".join(parts), digest_size=16)
    summary.update(text.encode("utf-8") if isinstance(text, str) else text)
    return summary.hexdigest()


def metadata_json(fields: Mapping[str, Any]) -> str:
    """Sorted, compact and without ASCII escapes, so that equal metadata are equal bytes."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
