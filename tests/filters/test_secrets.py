"""Secrets: tokens by their forms, random values where they are assigned, and what only looks like one."""

from __future__ import annotations

import json
import math
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.secrets import edit, entropy, find_secrets

# Put together here, so that no scanner of this repository takes them for real.
AWS = "AKIA" + "Q3J7PZ5LXN2MWV6T"
GITHUB = "ghp_" + "x7Kq2Lm9Rt4Vw1Zb8Nc5Df3Gh6Jk0PsAaQeU"
RANDOM = "9f8Kq2xLm7Rt4Vw1Zb8Nc5Df"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\nabc\n-----END RSA PRIVATE KEY-----"


def found(text: str) -> list[tuple[str, str]]:
    spans = find_secrets(pa.array([text], pa.large_string())).get(0, [])
    return [(kind, text.encode()[start:end].decode()) for kind, start, end in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"id 密钥 {AWS} end", [("token", AWS)]),
        (f"export GITHUB={GITHUB}", [("token", GITHUB)]),
        (f"before\n{KEY}\nafter", [("private_key", KEY)]),
        (f'api_key = "{RANDOM}"', [("token", RANDOM)]),
        (f"password: {RANDOM}", [("token", RANDOM)]),
        ("postgres://admin:s3cr3tPazz@db.host/x", [("password", "s3cr3tPazz")]),
        (f"first {AWS}\nthen {GITHUB}", [("token", AWS), ("token", GITHUB)]),
    ],
)
def test_secrets_are_found_with_their_place(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "your_api_key_goes_here"',
        "password = os.environ.get_password_value",
        "token: ${{ secrets.GITHUB_TOKEN_FOR_RELEASES }}",
        "mysql://[username]:[password]@host and http://user:$PASSWORD@host",
        "secret: aaaaaaaaaaaaaaaaaaaaaaaa",
        "AKIAIOSFODNN7EXAMPLE is the one in the documentation",
        "sk-learn is not a key, nor is the ACcord",
        "the token stream of the parser: identifiers, operators",
        "",
    ],
)
def test_names_placeholders_and_prose_are_left_alone(text: str) -> None:
    assert found(text) == []


def test_edits_leave_a_placeholder_and_no_value_in_the_measures() -> None:
    documents = pa.table({"text": pa.array([f"k {AWS} e", KEY, "plain", None], pa.large_string())})
    edited, measures = edit(documents)
    assert edited["text"].to_pylist() == ["k <KEY> e", "<PRIVATE_KEY>", "plain", None]
    assert measures["secrets.count"].to_pylist() == [1, 1, 0, 0]
    assert AWS not in json.dumps(measures.to_pylist())
    with pytest.raises(ValueError, match="no kind of secret"):
        edit(documents, kinds=["rumour"])


@given(st.binary(max_size=64))
def test_entropy_is_shannons(value: bytes) -> None:
    shares = [count / len(value) for count in Counter(value).values()]
    assert entropy(value) == pytest.approx(-sum(share * math.log2(share) for share in shares))
