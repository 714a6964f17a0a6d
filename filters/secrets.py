"""Secrets: private keys, tokens of well-known services, passwords in addresses, and assigned values that look random.

The forms of tokens are those that their services publish (prefix, alphabet, length). What has no form of its own counts
only where it is assigned to a name such as `api_key` or `password` and its characters are as mixed as random ones: at
least `FEWEST_BITS` bits of Shannon entropy per character, and neither a placeholder nor a plain word.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.recipes import Recipe, Rule
from winnow.filters.spans import Span, edit_spans, place_spans, span_measures

FEWEST_BITS = 3.2
"""Bits per character: 20 random hexadecimal digits have about 3.5, base64 4.1; English words of that length 2.8."""

TOKEN_FORMS: Mapping[str, str] = {
    "aws": r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
    "github": r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_[A-Za-z0-9_]{60,90}\b",
    "gitlab": r"\bgl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,64}",
    "slack": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}|https://hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{20,}",
    "stripe": r"\b(?:sk|rk)_live_[A-Za-z0-9]{16,255}\b|\bwhsec_[A-Za-z0-9]{24,64}\b",
    "google": r"\bAIza[A-Za-z0-9_-]{35}|\bGOCSPX-[A-Za-z0-9_-]{28}|\bya29\.[A-Za-z0-9_-]{20,500}",
    "openai": r"\bsk-(?:proj-|svcacct-|ant-[a-z0-9]{2,8}-)?[A-Za-z0-9_-]{20,200}",
    "huggingface": r"\bhf_[A-Za-z0-9]{30,64}\b",
    "npm": r"\bnpm_[A-Za-z0-9]{36}\b",
    "pypi": r"\bpypi-AgE[A-Za-z0-9_-]{50,300}",
    "sendgrid": r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",
    "twilio": r"\b(?:SK|AC)[0-9a-f]{32}\b",
    "telegram": r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}",
    "aliyun": r"\bLTAI[A-Za-z0-9]{12,24}\b",
    "tencent": r"\bAKID[A-Za-z0-9]{32}\b",
    "jwt": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
}
PRIVATE_KEY = r"-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
URL_PASSWORD = r"\b[a-z][a-z0-9+.-]{1,15}://[^\s:/@'\"<>]{1,64}:([^\s/@'\"<>]{3,128})@"
ASSIGNMENT = (
    r"(?:api|access|auth|secret|private|encryption|client|session)[_.-]?(?:key|token|secret|id)(?:[_.-]?(?:id|key))?"
    r"|passw(?:or)?d|passwd|credentials?|bearer|secret|token"
)
"""Names to which secrets are assigned."""

_TOKENS = {kind: re.compile(form.encode()) for kind, form in TOKEN_FORMS.items()}
_PRIVATE_KEY = re.compile(PRIVATE_KEY.encode() + rb"[\s\S]{0,16000}?-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_URL_PASSWORD = re.compile(URL_PASSWORD.encode())
_ASSIGNED = re.compile(
    rb"(?i)(?:"
    + ASSIGNMENT.encode()
    + rb")[\"']?\]?\s{0,3}(?:=>|:=|[:=])\s{0,3}(?:Bearer\s)?[\"']?([A-Za-z0-9+/=_.~!@#$%^&*-]{16,256})"
)
_PLACEHOLDER = re.compile(
    rb"(?i)example|sample|dummy|your|xxx|\*\*\*|\.\.\.|test|placeholder|changeme|<|\$\{|^\[|0{6}|123456|abcdef|foobar"
)
_CODE = re.compile(rb"^[a-z_]+(?:\.[A-Za-z_]+)+$|^[A-Za-z]+$|^[a-z]+(?:[_-][a-z]+)+$|^[A-Z]+(?:_[A-Z]+)+$|^/|^https?:")
# One expression for RE2: which texts are worth a closer look at all.
SUSPICION = "|".join(
    [
        "PRIVATE KEY",
        "AKIA|ASIA|ABIA|ACCA|gh[pousr]_|github_pat_|gl(?:pat|ptt|dt|rt)-|xox[abeoprs]-|hooks.slack|[sr]k_live_|whsec_",
        "AIza|GOCSPX|ya29|sk-|hf_|npm_|pypi-|SG\\.|\\bSK|\\bAC|:AA|LTAI|AKID|eyJ",
        r"://[^\s:/@]{1,64}:[^\s/@]{3,128}@",
        r"(?i:key|token|secret|passw|credential|bearer)[\w.\"'\]-]{0,16}\s{0,3}(?:=|:)",
    ]
)
KINDS = ("private_key", "token", "password")
PLACEHOLDERS: Mapping[str, str] = {"private_key": "<PRIVATE_KEY>", "token": "<KEY>", "password": "<PASSWORD>"}


def find_secrets(texts: pa.Array | pa.ChunkedArray, kinds: Collection[str] = KINDS) -> dict[int, list[Span]]:
    """Where secrets stand: bytes of each text's UTF-8, by row. Raises `ValueError` for a kind that isn't one."""
    if unknown := set(kinds) - set(KINDS):
        raise ValueError(f"no kind of secret is called {sorted(unknown)[0]!r}; there are {', '.join(KINDS)}")
    suspects = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(texts, SUSPICION), False))
    closer = texts.take(suspects).cast(pa.large_string())
    closer = closer.combine_chunks() if isinstance(closer, pa.ChunkedArray) else closer
    spans: list[list[Span]] = [[] for _ in suspects]
    for place in pc.indices_nonzero(pc.match_substring(closer, "PRIVATE KEY")).to_pylist():
        matches = _PRIVATE_KEY.finditer(closer[place].as_py().encode())
        spans[place] += [Span("private_key", *match.span()) for match in matches]
    # The lines of all suspects in one array: to compile the expression for each text took two thirds of the time.
    lines = pc.split_pattern(closer, "\n")
    bounds, content = lines.offsets.to_numpy(), lines.flatten()
    starts = np.cumsum(np.concatenate([[0], pc.binary_length(content).to_numpy().astype(np.int64) + 1]))
    for number in pc.indices_nonzero(pc.match_substring_regex(content, SUSPICION)).to_pylist():
        place = int(np.searchsorted(bounds, number, "right")) - 1
        start = int(starts[number] - starts[bounds[place]])
        for kind, first, last in _secrets_in(content[number].as_py().encode()):
            spans[place].append(Span(kind, start + first, start + last))
    found: dict[int, list[Span]] = {}
    for row, of_text in zip(suspects.to_pylist(), spans, strict=True):
        if wanted := [span for span in of_text if span.kind in kinds]:
            place_spans(found, row, wanted)
    return found


def _secrets_in(content: bytes) -> Iterator[Span]:
    """Every token and password of a line, the surest kind first; they may overlap."""
    for pattern in _TOKENS.values():
        for match in pattern.finditer(content):
            if not _PLACEHOLDER.search(match.group()) and entropy(match.group()) >= FEWEST_BITS:
                yield Span("token", *match.span())
    for match in _URL_PASSWORD.finditer(content):
        if not _PLACEHOLDER.search(match.group(1)) and not match.group(1).startswith((b"$", b"{", b"%")):
            yield Span("password", *match.span(1))
    for match in _ASSIGNED.finditer(content):
        value = match.group(1)
        if entropy(value) >= FEWEST_BITS and _looks_random(value) and not _PLACEHOLDER.search(value):
            yield Span("token", *match.span(1))


def entropy(value: bytes) -> float:
    """Shannon entropy of the bytes, bits per byte; 0 for none."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values()) if size else 0.0


def _looks_random(value: bytes) -> bool:
    """Neither a name, a path nor an address, and with digits among letters, or letters of both cases."""
    digits = sum(0x30 <= byte <= 0x39 for byte in value)
    both_cases = value.lower() != value and value.upper() != value
    return not _CODE.search(value) and digits >= 2 and (both_cases or digits < len(value))


def measure(documents: pa.Table, *, kinds: Collection[str] = KINDS) -> pa.Table:
    """How many secrets each document holds, n rows:

    - `secrets.private_key`, `secrets.token`, `secrets.password` int64, and `secrets.count`, their sum
    - `secrets.spans` string: `[["token", 12, 52], …]` as JSON, bytes of the text's UTF-8; null when there are none
    """
    return span_measures("secrets", find_secrets(documents["text"], kinds), documents.num_rows, KINDS)


def edit(
    documents: pa.Table, *, kinds: Collection[str] = KINDS, placeholders: Mapping[str, str] = PLACEHOLDERS
) -> tuple[pa.Table, pa.Table]:
    """The documents with a placeholder for each secret of `kinds`, in text and messages, and the columns of
    `measure`.
    """
    return edit_spans(documents, "secrets", partial(find_secrets, kinds=kinds), KINDS, placeholders)


_SOURCE = (
    "forms as published by each service; entropy rule of this project; placeholders after StarCoder (arXiv 2305.06161)"
)

RECIPES = (
    Recipe(
        name="secrets",
        summary="Replaces private keys, access tokens and passwords by typed placeholders",
        source=_SOURCE,
        edit=edit,
        columns=("messages",),
        cost=3,
    ),
    Recipe(
        name="secrets_free",
        summary="Drops documents that hold a private key, an access token or a password",
        source=_SOURCE,
        measure=measure,
        rules=(Rule(name="count", measure="secrets.count", maximum=0),),
        cost=3,
    ),
)
