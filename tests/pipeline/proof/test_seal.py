"""A seal and a receipt prove themselves: no bit of them can change unnoticed."""

from __future__ import annotations

import pytest

from winnow.pipeline.proof.seal import Seal
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.run.workspace import Written

SEAL = Seal({"lock.json": "0" * 32, "文档.json": "1" * 32}, {"ingest": {"web-00000": "2" * 32}}, ["documents"])
RECEIPT = Receipt(
    step="ingest",
    unit="web-00000",
    fingerprint="f" * 32,
    outputs=(Written("documents/web-00000.parquet", 9, "3" * 32),),
    counts={"文档": 3, "rejected": {"short": 1}, "lengths": {9: 1, 10: 2}},
    seconds=0.125,
    environment="e" * 16,
)


def flipped(content: bytes) -> list[bytes]:
    """Every content that differs in one bit."""
    return [
        bytes([*content[:place], content[place] ^ 1 << bit, *content[place + 1 :]])
        for place in range(len(content))
        for bit in range(8)
    ]


@pytest.mark.parametrize("one", [SEAL, RECEIPT], ids=["seal", "receipt"])
def test_a_changed_bit_anywhere_is_refused(one: Seal | Receipt) -> None:
    content = one.to_json()
    assert type(one).from_json(content).to_json() == content
    for changed in flipped(content):
        with pytest.raises(ValueError):
            type(one).from_json(changed)


@pytest.mark.parametrize("kind", [Seal, Receipt])
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"{}", b"[" * 100_000, b'{"outputs": 3, "digest": ""}', b"\xff"]
)
def test_what_is_no_such_file_is_refused_in_one_way(kind: type[Seal] | type[Receipt], content: bytes) -> None:
    with pytest.raises(ValueError):
        kind.from_json(content)
