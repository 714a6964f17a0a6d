"""What the files of a tokenizer say: ends, beginnings, paddings and names, in the shapes that models come with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from tests.tokenizer import shapes
from winnow.tokenizer.conventions import prefix_of, with_tokens
from winnow.tokenizer.encoder import Encoder, EncoderError
from winnow.tokenizer.files import CONFIGURATION, GENERATION, SPECIAL_MAP, read
from winnow.tokenizer.load import encoder_of, load
from winnow.tokenizer.special import BEGINNING_OF_TEXT, CONVERSATION, END_OF_TEXT, INFILL, PADDING, SpecialTokenError


def saved(folder: Path, shape: Callable[[], Tokenizer], **beside: Any) -> Path:
    shape().save(str(folder / "tokenizer.json"))
    for name, content in beside.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def name_of(encoder: Encoder, role: str) -> str:
    return {number: name for name, number in encoder.added.items()}[encoder.conventions.roles[role]]


@pytest.mark.parametrize(
    ("shape", "configuration", "end"),
    [
        (shapes.gpt_neox, {}, "<|endoftext|>"),
        (shapes.llama_2, {}, "</s>"),
        (shapes.llama_3, {"eos_token": "<|eot_id|>"}, "<|end_of_text|>"),
        (shapes.qwen, {"eos_token": "<|im_end|>"}, "<|endoftext|>"),
        (shapes.gemma, {"eos_token": {"content": "<eos>"}}, "<eos>"),
        (shapes.deepseek, {}, "<｜end▁of▁sentence｜>"),
        (shapes.bert, {"eos_token": "[SEP]"}, "[SEP]"),
        (shapes.t5, {}, "</s>"),
    ],
)
def test_the_end_of_text_is_found(
    tmp_path: Path, shape: Callable[[], Tokenizer], configuration: dict[str, Any], end: str
) -> None:
    encoder = load(str(saved(tmp_path, shape, tokenizer_config=configuration)))
    assert name_of(encoder, END_OF_TEXT) == end
    assert encoder.require([END_OF_TEXT], "texts") == (encoder.special[end],)


def test_the_end_may_stand_in_other_files(tmp_path: Path) -> None:
    saved(tmp_path, shapes.bert, special_tokens_map={"eos_token": "[SEP]", "pad_token": {"content": "[PAD]"}})
    encoder = load(str(tmp_path))
    assert (name_of(encoder, END_OF_TEXT), name_of(encoder, PADDING)) == ("[SEP]", "[PAD]")
    (tmp_path / SPECIAL_MAP).unlink()
    (tmp_path / GENERATION).write_text(json.dumps({"eos_token_id": [encoder.special["[CLS]"]]}))
    assert name_of(load(str(tmp_path)), END_OF_TEXT) == "[CLS]"


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: shape.__name__)
def test_the_beginning_is_what_the_post_processor_puts_first(shape: Callable[[], Tokenizer]) -> None:
    tokenizer = shape()
    whole, alone = (tokenizer.encode("fox", add_special_tokens=add).ids for add in (True, False))
    prefix = prefix_of(json.loads(tokenizer.to_str())["post_processor"])
    assert list(prefix) == whole[: len(prefix)] and whole[len(prefix) :][: len(alone)] == alone


def test_the_configuration_may_add_or_leave_out_the_beginning(tmp_path: Path) -> None:
    config = {"bos_token": "<｜begin▁of▁sentence｜>", "add_bos_token": True}
    encoder = load(str(saved(tmp_path, shapes.deepseek, tokenizer_config=config)))
    assert encoder.conventions.beginning == (encoder.conventions.roles[BEGINNING_OF_TEXT],)
    saved(tmp_path, shapes.llama_2, tokenizer_config={"bos_token": "<s>"})
    assert load(str(tmp_path)).conventions.beginning == (load(str(tmp_path)).special["<s>"],)
    saved(tmp_path, shapes.llama_2, tokenizer_config={"bos_token": "<s>", "add_bos_token": False})
    assert load(str(tmp_path)).conventions.beginning == ()


def test_the_manifest_has_the_last_word(tmp_path: Path) -> None:
    saved(tmp_path, shapes.qwen)
    names = {"end_of_text": "<|im_end|>", "code_prefix": "<think>", "code_middle": "</think>"}
    encoder = encoder_of(with_tokens(read(str(tmp_path)), names))
    assert name_of(encoder, END_OF_TEXT) == "<|im_end|>"
    assert name_of(encoder, INFILL[0]) == "<think>"
    with pytest.raises(EncoderError, match=r"no special or added token '<\|im_start>'; did you mean '<\|im_start\|>'"):
        encoder_of(with_tokens(read(str(tmp_path)), {"end_of_text": "<|im_start>"}))
    with pytest.raises(EncoderError, match=r"'end_of_txt' is no role of a token; did you mean 'end_of_text'"):
        encoder_of(with_tokens(read(str(tmp_path)), {"end_of_txt": "<|im_end|>"}))


def test_what_is_lacking_is_asked_for_in_one_message(tmp_path: Path) -> None:
    encoder = load(str(saved(tmp_path, shapes.bert)))
    with pytest.raises(SpecialTokenError) as caught:
        encoder.require([END_OF_TEXT, *INFILL, *CONVERSATION], "this run")
    assert "tokenizer: {tokens: {end_of_text: …, code_prefix: …, code_suffix: …, code_middle: …" in str(caught.value)
    assert "<|user|>" in str(caught.value) and "this run" in str(caught.value)


def test_a_file_beside_that_is_broken_is_named(tmp_path: Path) -> None:
    saved(tmp_path, shapes.gpt_2)
    (tmp_path / CONFIGURATION).write_text("{")
    with pytest.raises(EncoderError, match=r"tokenizer_config\.json beside .* is not JSON"):
        load(str(tmp_path))
