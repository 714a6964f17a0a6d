"""The compiled encoder against sentencepiece: equal ids for everything, and nothing lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.filters.kernels.bytes import text_buffers
from winnow.tokenizer.bpe import BytePairEncoder, _scratch, is_supported
from winnow.tokenizer.pieces import SentencePieceEncoder
from winnow.tokenizer.special import SPECIAL_TOKENS
from winnow.tokenizer.vocabulary import read_vocabulary
from winnow.tokenizer.windows import cuts_of

any_text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
words = st.lists(
    st.sampled_from(
        [
            "def ",
            "return",
            " the",
            "数据",
            "来源,",
            "\n\n",
            "    ",
            "▁",
            "e\u0301",
            "x" * 70,
            "1234",
            "\0",
            "𝕏",
            "<|user|>",
        ]
    )
).map("".join)
runs = st.tuples(st.sampled_from("a =-\n中▁é"), st.integers(1, 400)).map(lambda run: run[0] * run[1])
PATHOLOGICAL = [
    "",
    " ",
    "▁",
    "\0\0",
    "=" * 5000,
    "ab" * 3000,
    "你好" * 2000,
    " " * 4097 + "x",
    "\n" * 999,
    "a" * 70_000,
    "the " + "a" * 200_001 + "e" * 70_000 + " end",
    " " * 150_000 + "return" + "\n" * 66_000,
    "".join(np.random.default_rng(0).choice(["er", "on", "t", "a"], 150_000)),
]


def assert_equal_ids(ours: BytePairEncoder, reference: SentencePieceEncoder, texts: list[str]) -> None:
    array = pa.array(texts, pa.large_string())
    found, expected = ours.encode(array), reference.encode(array)
    np.testing.assert_array_equal(found.offsets, expected.offsets)
    np.testing.assert_array_equal(found.ids, expected.ids)
    assert found.ids.dtype == ours.dtype == np.uint16


@settings(max_examples=300)
@given(st.lists(any_text | words | runs, max_size=6))
def test_ids_are_sentencepieces(encoder: BytePairEncoder, reference: SentencePieceEncoder, texts: list[str]) -> None:
    assert_equal_ids(encoder, reference, texts)


@settings(max_examples=300)
@given(any_text | words | runs)
def test_decoding_gives_the_text_back(encoder: BytePairEncoder, text: str) -> None:
    assert encoder.decode(encoder.encode(pa.array([text])).ids) == text


def test_ids_are_sentencepieces_on_whole_files_and_long_runs(
    encoder: BytePairEncoder, reference: SentencePieceEncoder, texts: list[str]
) -> None:
    assert_equal_ids(encoder, reference, texts + PATHOLOGICAL)


def test_ids_are_sentencepieces_on_the_gold_sets(
    encoder: BytePairEncoder, reference: SentencePieceEncoder, corpora: Path
) -> None:
    import json

    import zstandard

    for name in ("zh_en/vue_docs", "math/hott_book_tex", "langid/udhr_firsthalf"):
        with zstandard.open(corpora / f"{name}.jsonl.zst", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        texts = [value for row in rows for value in row.values() if isinstance(value, str)]
        assert_equal_ids(encoder, reference, texts)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(["a", "er", "on", "tion", "the", "st"]), st.integers(1, 800)), min_size=1))
def test_a_unit_cut_into_windows_keeps_its_ids(encoder: BytePairEncoder, runs: list[tuple[str, int]]) -> None:
    text = "".join(letters * count for letters, count in runs)
    data, _ = text_buffers(pa.array([text]))
    scratch = _scratch(0, 4096)
    cuts = cuts_of(data, 0, len(text), encoder._tables, scratch, _scratch(0), size=1024)
    edges = [0, *cuts.tolist(), len(text)]
    assert edges == sorted(set(edges))
    pieces = pa.array([text[start:end] for start, end in pairwise(edges)])
    np.testing.assert_array_equal(encoder.encode(pieces).ids, encoder.encode(pa.array([text])).ids)


def test_a_long_run_is_cut(encoder: BytePairEncoder) -> None:
    data, _ = text_buffers(pa.array(["a" * 10_000]))
    cuts = cuts_of(data, 0, 10_000, encoder._tables, _scratch(0, 4096), _scratch(0), size=1024)
    assert np.diff(cuts, prepend=0, append=10_000).max() <= 1024


def test_slices_nulls_and_chunks_are_texts_like_any(encoder: BytePairEncoder) -> None:
    array = pa.chunked_array([pa.array(["left out", "one two", None]), pa.array(["", "three"])]).slice(1)
    encoded = encoder.encode(array)
    parts = np.split(encoded.ids, encoded.offsets[1:-1])
    assert [encoder.decode(part) for part in parts] == ["one two", "", "", "three"]


def test_one_encoder_serves_many_threads(encoder: BytePairEncoder, texts: list[str]) -> None:
    arrays = [pa.array([text] * 3) for text in texts]
    alone = [encoder.encode(array).ids for array in arrays]
    with ThreadPoolExecutor(4) as pool:
        for found, expected in zip(pool.map(lambda array: encoder.encode(array).ids, arrays), alone, strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", SPECIAL_TOKENS)
def test_text_never_yields_a_special_token(encoder: BytePairEncoder, name: str) -> None:
    ids = encoder.encode(pa.array([f"a{name}b", name, f" {name}\n"])).ids
    assert not set(ids.tolist()) & set(encoder.special.values())


def test_models_that_change_text_are_left_to_sentencepiece(texts: list[str]) -> None:
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts[0].splitlines()),
        model_writer=model,
        vocab_size=400,
        model_type="bpe",
        minloglevel=2,
    )
    vocabulary = read_vocabulary(model.getvalue())
    assert vocabulary.dummy_prefix and not vocabulary.is_lossless and not is_supported(vocabulary)
