"""Evaluation: figures counted by hand."""

from __future__ import annotations

from tokenizer.bpe import BytePairEncoder
from tokenizer.evaluate import evaluate
from tokenizer.pieces import SentencePieceEncoder


def test_figures_are_those_counted_by_hand(encoder: BytePairEncoder) -> None:
    (found,) = evaluate({"ours": encoder}, {"mixed": ["12", "𝕏"]})
    # Digits are one token each; the sign isn't in the vocabulary and costs its four bytes.
    assert (found.texts, found.bytes, found.characters, found.tokens) == (2, 6, 3, 6)
    assert (found.fallback, found.lost, found.used) == (4, 0, 6)
    assert found.bytes_per_token == 1.0 and found.fallback_share == 4 / 6


def test_peers_stand_beside_each_other_in_every_group(
    encoder: BytePairEncoder, reference: SentencePieceEncoder, texts: list[str]
) -> None:
    groups = {"python": texts[:3], "chinese": texts[-3:]}
    found = evaluate({"ours": encoder, "peer": reference}, groups)
    assert [(row.group, row.tokenizer) for row in found] == [
        ("python", "ours"),
        ("python", "peer"),
        ("chinese", "ours"),
        ("chinese", "peer"),
    ]
    for ours, peer in zip(found[::2], found[1::2], strict=True):
        assert ours.row() | {"tokenizer": ""} == peer.row() | {"tokenizer": ""}
        assert ours.lost == 0
