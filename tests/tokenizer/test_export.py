"""The exported `tokenizer.json` beside our encoder: equal ids, equal text, and as an encoder of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.tokenizer.bpe import BytePairEncoder
from winnow.tokenizer.encoder import EncoderError
from winnow.tokenizer.export import ExportError, export, tokenizer_json
from winnow.tokenizer.hugging_face import HuggingFaceEncoder
from winnow.tokenizer.load import load
from winnow.tokenizer.special import END_OF_TEXT, SPECIAL_TOKENS
from winnow.tokenizer.vocabulary import read_vocabulary

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from([" the", "def ", "数据", "\n\n", "    ", "▁", "aaa", "= =", "1234", "\0", "𝕏"])
).map("".join)


@pytest.fixture(scope="module")
def folder(encoder: BytePairEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("export")
    for name, content in export(encoder).items():
        (made / name).write_bytes(content)
    return made


@pytest.fixture(scope="module")
def exported(folder: Path) -> HuggingFaceEncoder:
    loaded = load(str(folder / "tokenizer.json"))
    assert isinstance(loaded, HuggingFaceEncoder)
    return loaded


@settings(max_examples=300)
@given(TEXTS)
def test_ids_are_equal(encoder: BytePairEncoder, exported: HuggingFaceEncoder, text: str) -> None:
    array = pa.array([text])
    np.testing.assert_array_equal(exported.encode(array).ids, encoder.encode(array).ids)


def test_ids_are_equal_on_whole_files(encoder: BytePairEncoder, exported: HuggingFaceEncoder, texts: list[str]) -> None:
    array = pa.array([*texts, "=" * 3000, "a" * 3001, " " * 4099, "▁" * 50, "你好" * 500])
    expected, found = encoder.encode(array), exported.encode(array)
    np.testing.assert_array_equal(found.offsets, expected.offsets)
    np.testing.assert_array_equal(found.ids, expected.ids)


def test_the_library_alone_decodes_to_the_text(folder: Path, texts: list[str]) -> None:
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in [*texts[:3], "\0 ▁ 𝕏 \n\n  x  ", "a\u0301"]:
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_both_have_the_same_vocabulary(encoder: BytePairEncoder, exported: HuggingFaceEncoder) -> None:
    assert exported.special == encoder.special
    assert exported.spellings == encoder.spellings
    assert exported.dtype == encoder.dtype


@pytest.mark.parametrize("name", SPECIAL_TOKENS)
def test_text_never_yields_a_special_token(exported: HuggingFaceEncoder, name: str) -> None:
    ids = exported.encode(pa.array([f"a{name}b"])).ids
    assert not set(ids.tolist()) & set(exported.special.values())


def test_transformers_knows_the_end_and_the_template(folder: Path, encoder: BytePairEncoder) -> None:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder)
    assert loaded.eos_token_id == loaded.pad_token_id == encoder.special[END_OF_TEXT]
    assert "<|observation|>" in loaded.chat_template
    assert json.loads((folder / "tokenizer_config.json").read_text())["tokenizer_class"] == "PreTrainedTokenizerFast"


def test_byte_level_tokenizers_are_encoders_too(tmp_path: Path, texts: list[str]) -> None:
    """The byte-level kind of GPT-2, trained and saved by the library, keeps text and the names of special tokens."""
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(texts, vocab_size=1000, special_tokens=["<|endoftext|>"], show_progress=False)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder = load(str(tmp_path))
    assert dict(encoder.special) == {"<|endoftext|>": 0}
    for text in ["<|endoftext|>", *texts[:4], "\0 ▁ 数据 𝕏"]:
        encoded = encoder.encode(pa.array([text]))
        assert encoder.decode(encoded.ids) == text
        assert 0 not in encoded.ids
        assert int(encoder.lengths[encoded.ids].sum()) == len(text.encode())


def test_what_is_no_tokenizer_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": 1}')
    (tmp_path / "other.model").write_bytes(b"not a model")
    with pytest.raises(EncoderError, match=r"tokenizer\.json is not a tokenizer\.json"):
        load(str(tmp_path / "tokenizer.json"))
    with pytest.raises(EncoderError, match=r"other\.model is not a sentencepiece model"):
        load(str(tmp_path / "other.model"))
    piece = b"\x0a\x08\x0a\x01a\x15\0\0\0\0"  # one piece, and the file was cut behind it
    (tmp_path / "cut.model").write_bytes(piece)
    with pytest.raises(EncoderError, match=r"cut\.model is cut off"):
        load(str(tmp_path / "cut.model"))
    with pytest.raises(FileNotFoundError, match=r"expected tokenizer\.model, tokenizer\.json"):
        load(str(tmp_path / "nowhere"))


def test_a_model_that_changes_text_has_no_export(texts: list[str]) -> None:
    import io

    import sentencepiece

    model = io.BytesIO()
    lines = iter(texts[0].splitlines())
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=lines, model_writer=model, vocab_size=300, minloglevel=2)
    with pytest.raises(ExportError, match="can't be exported"):
        tokenizer_json(read_vocabulary(model.getvalue()))
