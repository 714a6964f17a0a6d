"""Credentials in addresses are known, struck out, and refused where they would be kept."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from winnow.pipeline.configuration.profile import Profile
from winnow.pipeline.credentials import redacted


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("s3://KEY:se/cr+et@bucket/x", "s3://***@bucket/x"),  # RFC 3986 asks for %2F, nobody writes it
        ("http://127.0.0.1:9000/@user", "http://127.0.0.1:9000/@user"),
        ("s3://KEY:secret@bucket/x", "s3://***@bucket/x"),
        ("https://user:p%40ss@example.com:8080/a?b=c@d", "https://***@example.com:8080/a?b=c@d"),
        ("https://token@example.com", "https://***@example.com"),
        ("https://example.com/@user", "https://example.com/@user"),
        ("mail a@example.com, see https://example.com.", "mail a@example.com, see https://example.com."),
    ],
)
def test_credentials_in_addresses_are_struck_out(address: str, shown: str) -> None:
    assert redacted(address) == shown
    assert redacted(f"no such file: '{address}'") == f"no such file: '{shown}'"


@pytest.mark.parametrize(
    "given",
    [
        {"root": "s3://KEY:sec/ret@bucket", "sources": {}},
        {"sources": {"web": [{"kind": "web", "paths": ["a.warc", "https://u:sec/ret@example.com/b.warc"]}]}},
        {"sources": {}, "resources": {"model": "https://sec/ret:x@example.com/m".replace("sec/ret", "secret")}},
    ],
)
def test_a_profile_keeps_no_credentials(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="holds credentials") as refused:
        Profile.model_validate(given)
    messages = [error["msg"] for error in refused.value.errors()]
    assert messages and not any("ret" in message.partition(" holds")[0] for message in messages)
