"""Evaluation: figures counted by hand."""

from __future__ import annotations

from pathlib import Path

import sentencepiece
import tokenizers
from tokenizers import models, pre_tokenizers

from winnow.tokenizer.bpe import BytePairEncoder
from winnow.tokenizer.evaluate import evaluate
from winnow.tokenizer.load import load
from winnow.tokenizer.pieces import SentencePieceEncoder


def test_figures_are_those_counted_by_hand(encoder: BytePairEncoder) -> None:
    (found,) = evaluate({"ours": encoder}, [(["mixed"], ["12"]), (["mixed"], ["𝕏"])])
    # Digits are one token each; the sign isn't in the vocabulary and costs its four bytes.
    assert (found.texts, found.bytes, found.characters, found.tokens) == (2, 6, 3, 6)
    assert (found.fallback, found.lost, found.used) == (4, 0, 6)
    assert found.bytes_per_token == 1.0 and found.fallback_share == 4 / 6


def test_peers_stand_beside_each_other_in_every_group(
    encoder: BytePairEncoder, reference: SentencePieceEncoder, texts: list[str]
) -> None:
    samples = [(["python"], texts[:3]), (["chinese"], texts[-3:])]
    found = evaluate({"ours": encoder, "peer": reference}, samples)
    assert [(row.group, row.tokenizer) for row in found] == [
        ("python", "ours"),
        ("python", "peer"),
        ("chinese", "ours"),
        ("chinese", "peer"),
    ]
    for ours, peer in zip(found[::2], found[1::2], strict=True):
        assert ours.row() | {"tokenizer": ""} == peer.row() | {"tokenizer": ""}
        assert ours.lost == 0


def test_texts_count_in_each_of_their_groups_up_to_the_sample(encoder: BytePairEncoder) -> None:
    samples = [(["web", "en"], ["abc"] * 5), (["web", "zh"], ["数据"] * 3), (["web", "en"], ["abc"])]
    whole = {row.group: row for row in evaluate({"ours": encoder}, samples)}
    assert {name: (row.texts, row.bytes) for name, row in whole.items()} == {
        "web": (9, 36),
        "en": (6, 18),
        "zh": (3, 18),
    }
    assert whole["web"].tokens == whole["en"].tokens + whole["zh"].tokens
    part = {row.group: row.texts for row in evaluate({"ours": encoder}, samples, sample_bytes=16)}
    assert part == {"web": 8, "en": 6, "zh": 3}  # 33 bytes of `web` were enough before the last text came


def test_what_a_peer_does_not_know_is_neither_spelled_nor_brought_back(tmp_path: Path, texts: list[str]) -> None:
    words = tokenizers.Tokenizer(models.WordLevel({"[UNK]": 0, "known": 1}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.save(str(tmp_path / "words.json"))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts[0].splitlines()),
        model_prefix=str(tmp_path / "pieces"),
        vocab_size=300,
        minloglevel=2,
    )
    peers = {name: load(str(tmp_path / name)) for name in ("words.json", "pieces.model")}
    found = {row.tokenizer: row for row in evaluate(peers, [(["all"], ["known", "𝕏"])])}
    assert (found["words.json"].tokens, found["words.json"].fallback, found["words.json"].lost) == (2, 1, 1)
    assert (found["pieces.model"].fallback, found["pieces.model"].lost) == (1, 1)


def test_a_space_that_a_peer_puts_before_every_text_loses_none(tmp_path: Path, texts: list[str]) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts[0].splitlines()),
        model_prefix=str(tmp_path / "prefixed"),
        vocab_size=400,
        model_type="bpe",
        byte_fallback=True,
        add_dummy_prefix=True,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        minloglevel=2,
    )
    prefixed = load(str(tmp_path / "prefixed.model"))
    (row,) = evaluate({"peer": prefixed}, [(["all"], ["def", " def", "数据", ""])])
    assert row.lost == 0
