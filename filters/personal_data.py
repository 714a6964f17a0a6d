"""Personal data: e-mail and public IP addresses, telephone numbers, bank cards and accounts (IBAN), numbers of persons
(identity cards, passports, tax and insurance numbers), names on WeChat and QQ.

A kernel points out where such a thing could stand (`kernels/candidates.py`); only those places are matched and
checked (`identifiers.py`), so that a clean text costs little more than reading it. What is found is replaced by a
typed placeholder (`personal_data`), or counted for rules that drop the document (`personal_data_free`). Spans are
kept as kind and place, never as the value, and no value is ever logged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import pyarrow as pa

from winnow.filters.identifiers import Kind, spans_near
from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.candidates import find_candidates
from winnow.filters.recipes import Recipe, Rule
from winnow.filters.spans import Span, edit_spans, place_spans, span_measures

PLACEHOLDERS: Mapping[str, str] = {
    Kind.EMAIL: "<EMAIL>",
    Kind.IP_ADDRESS: "<IP_ADDRESS>",
    Kind.PHONE: "<PHONE_NUMBER>",
    Kind.IDENTITY_CARD: "<ID_NUMBER>",
    Kind.BANK_CARD: "<CARD_NUMBER>",
    Kind.IBAN: "<IBAN>",
    Kind.SOCIAL_SECURITY: "<ID_NUMBER>",
    Kind.NATIONAL_NUMBER: "<ID_NUMBER>",
    Kind.PASSPORT: "<ID_NUMBER>",
    Kind.ACCOUNT: "<ACCOUNT>",
}
CONTEXT_BYTES = 48
"""How far before and behind a candidate its surroundings are read."""


def find_personal_data(
    texts: pa.Array | pa.ChunkedArray, kinds: Collection[str] = tuple(Kind)
) -> dict[int, list[Span]]:
    """Where personal data stand: bytes of each text's UTF-8, by row; of what overlaps, the likelier kind.

    Raises `ValueError` for a kind that isn't one.
    """
    wanted = {Kind(kind) for kind in kinds}
    data, offsets = text_buffers(texts)
    found: dict[int, list[Span]] = {}
    for row, first, last, candidate in find_candidates(data, offsets).tolist():
        begin, end = max(int(offsets[row]), first - CONTEXT_BYTES), min(int(offsets[row + 1]), last + CONTEXT_BYTES)
        window = data[begin:end].tobytes()
        place = begin - int(offsets[row])
        for span in spans_near(window, first - begin, last - begin, candidate):
            moved = Span(span.kind, span.start + place, span.end + place)
            if span.kind in wanted:
                place_spans(found, row, [moved])
    return found


def measure(documents: pa.Table, *, kinds: Collection[str] = tuple(Kind)) -> pa.Table:
    """How much personal data each document holds, n rows:

    - `personal_data.email`, `.ip_address`, `.phone`, `.identity_card`, `.bank_card`, `.iban`, `.social_security`,
      `.national_number`, `.passport`, `.account` int64, and `.count`, their sum
    - `personal_data.spans` string: `[["email", 12, 31], …]` as JSON, bytes of the text's UTF-8; null when there are
      none
    """
    return span_measures("personal_data", find_personal_data(documents["text"], kinds), documents.num_rows, tuple(Kind))


def edit(
    documents: pa.Table,
    *,
    kinds: Collection[str] = tuple(Kind),
    placeholders: Mapping[str, str] = PLACEHOLDERS,
) -> tuple[pa.Table, pa.Table]:
    """The documents with a placeholder for each datum of `kinds`, and the columns of `measure`; spans in the old text.

    A conversation's `messages` are treated like its text. Raises `ValueError` for a kind that isn't one.
    """
    find = partial(find_personal_data, kinds=kinds)
    return edit_spans(documents, "personal_data", find, tuple(Kind), placeholders)


_SOURCE = (
    "GB 11643-1999, ISO/IEC 7812-1 (Luhn), ISO 13616, RFC 6890, ITU-T E.164; "
    "placeholders after StarCoder (arXiv 2305.06161)"
)

RECIPES = (
    Recipe(
        name="personal_data",
        summary="Replaces e-mail and IP addresses, telephone, identity and bank card numbers by typed placeholders",
        source=_SOURCE,
        edit=edit,
        columns=("messages",),
        cost=2,
    ),
    Recipe(
        name="personal_data_free",
        summary="Keeps documents without identity cards or bank cards and with few other personal data",
        source=_SOURCE + "; bounds of this project",
        measure=measure,
        rules=(
            Rule(name="identity_card", measure="personal_data.identity_card", maximum=0),
            Rule(name="bank_card", measure="personal_data.bank_card", maximum=0),
            Rule(name="iban", measure="personal_data.iban", maximum=0),
            Rule(name="social_security", measure="personal_data.social_security", maximum=0),
            Rule(name="national_number", measure="personal_data.national_number", maximum=0),
            Rule(name="passport", measure="personal_data.passport", maximum=0),
            Rule(name="account", measure="personal_data.account", maximum=10),
            Rule(name="email", measure="personal_data.email", maximum=10),
            Rule(name="phone", measure="personal_data.phone", maximum=10),
            Rule(name="ip_address", measure="personal_data.ip_address", maximum=10),
        ),
        cost=2,
    ),
)
