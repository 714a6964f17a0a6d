"""Training: what a trained tokenizer promises, and what can't be trained."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.tokenizer.bpe import BytePairEncoder
from winnow.tokenizer.load import load
from winnow.tokenizer.special import SPECIAL_TOKENS
from winnow.tokenizer.train import SMALLEST, TrainingError, chunks_of, sample, train
from winnow.tokenizer.vocabulary import SPACE, Kind


def test_ids_begin_with_unknown_special_tokens_and_bytes(encoder: BytePairEncoder) -> None:
    pieces = encoder.vocabulary.pieces
    assert pieces[: len(SPECIAL_TOKENS) + 1] == ("<unk>", *SPECIAL_TOKENS)
    assert encoder.spellings[len(SPECIAL_TOKENS) + 1 :][:256] == tuple(bytes([byte]) for byte in range(256))
    assert encoder.vocabulary_size == 3000


def test_no_piece_joins_digits(encoder: BytePairEncoder) -> None:
    normal = [encoder.vocabulary.pieces[number] for number in encoder.vocabulary.ids_of(Kind.NORMAL)]
    assert not [piece for piece in normal if len(piece) > 1 and any(sign.isdigit() for sign in piece)]


def test_runs_of_spaces_and_newlines_are_pieces(encoder: BytePairEncoder) -> None:
    assert {SPACE * 4, SPACE * 8, "\n\n"} <= set(encoder.vocabulary.pieces)


def test_training_twice_gives_the_same_bytes(texts: list[str], tokenizer_folder: Path, tmp_path: Path) -> None:
    again = train(reversed(texts), 3000, 7, str(tmp_path))
    assert Path(again).read_bytes() == (tokenizer_folder / "tokenizer.model").read_bytes()


def test_the_sample_is_bounded_seeded_and_grows_by_extension() -> None:
    texts = [f"document {number} " * 50 for number in range(300)]
    small, large = sample(texts, 1, 20_000), sample(texts, 1, 60_000)
    assert sum(map(len, small)) <= 20_000 < sum(map(len, small)) + 1000
    assert large[: len(small)] == small
    assert sample(texts[::-1], 1, 20_000) == small != sample(texts, 2, 20_000)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300), st.integers(8, 40))
def test_chunks_are_the_text_and_never_too_long(text: str, size: int) -> None:
    chunks = list(chunks_of(text, size))
    assert "".join(chunks) == text
    assert all(0 < len(chunk.encode()) <= size for chunk in chunks)


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no text"):
        train([], 1000, 1, str(tmp_path))


def test_a_vocabulary_that_special_tokens_fill_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="too small"):
        train(["text"], 200, 1, str(tmp_path))


def test_a_vocabulary_that_the_text_cannot_fill_is_as_large_as_the_text_allows(tmp_path: Path) -> None:
    encoder = load(train(["a few words, no more"], 50_000, 1, str(tmp_path)))
    assert SMALLEST < encoder.vocabulary_size < SMALLEST + 50
    assert encoder.decode(encoder.encode(pa.array(["a few more 字"])).ids) == "a few more 字"
