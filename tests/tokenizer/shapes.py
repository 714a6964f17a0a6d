"""Tokenizer files in the shapes that models come with, made small by the library itself.

What makes each shape is its normalizer, pre-tokenizer, model, decoder, post-processor and added tokens; pieces and merges are trained on
a few texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

GPT_4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LEARNED = (
    "The quick brown fox jumps over the lazy dog. def f(x):\n        return x + 1\n",
    "数据管道把原始语料变成可以直接训练的序列,每一步都能重复。",
    "It's 1234 miles; naïve cafés <b>bold</b> </s> <s> [CLS] </s></s> <s>x [SEP]\n\n\tтекст и слова",
)


def special(*names: str, **flags: bool) -> list[AddedToken]:
    return [AddedToken(name, special=True, normalized=False, **flags) for name in names]


def plain(*names: str, **flags: bool) -> list[AddedToken]:
    return [AddedToken(name, special=False, **{"normalized": False, **flags}) for name in names]


def _trained(tokenizer: Tokenizer, trainer: Any) -> Tokenizer:
    tokenizer.train_from_iterator([text for text in LEARNED for _ in range(20)], trainer)
    return tokenizer


def _byte_level(split: str | None = None, size: int = 420) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    if split is None:
        tokenizer.pre_tokenizer = level
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"), level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return _trained(tokenizer, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False))


def gpt_2() -> Tokenizer:
    tokenizer = _byte_level()
    tokenizer.add_special_tokens(special("<|endoftext|>"))
    return tokenizer


def gpt_neox() -> Tokenizer:
    """Runs of spaces as added tokens behind the special ones; text in NFC."""
    tokenizer = _byte_level()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(special("<|endoftext|>", "<|padding|>"))
    tokenizer.add_tokens(plain(*(" " * count for count in range(24, 1, -1)), normalized=True))
    return tokenizer


def llama_3() -> Tokenizer:
    """Whole words looked up before merges; a beginning put before the text."""
    tokenizer = _byte_level(GPT_4)
    fields = json.loads(tokenizer.to_str())
    fields["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(fields))
    tokenizer.add_special_tokens(special("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"))
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    template = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", begin)]
    )
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return tokenizer


def qwen() -> Tokenizer:
    """Special tokens beside plain ones that a chat template writes."""
    tokenizer = _byte_level(GPT_4)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    tokenizer.add_tokens(plain("<tool_call>", "</tool_call>", "<think>", "</think>"))
    return tokenizer


def glm() -> Tokenizer:
    tokenizer = _byte_level(GPT_4)
    roles = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
    tokenizer.add_special_tokens(special("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", *roles))
    tokenizer.add_tokens(plain("<think>", "</think>", "<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>"))
    return tokenizer


def deepseek() -> Tokenizer:
    """Digits in threes, Chinese apart, names of special tokens in other scripts; some added words are plain."""
    tokenizer = _byte_level(r"\p{N}{1,3}|[一-龥]+|[!-~]?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+")
    tokenizer.add_special_tokens(special("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"))
    tokenizer.add_tokens(plain("<｜fim▁hole｜>", "<｜User｜>", "naïve"))
    return tokenizer


def _sentencepiece_bpe(prefix: bool, names: Sequence[str], size: int = 700) -> Tokenizer:
    """Pieces of a model with byte fallback, trained over signs for spaces and given the 256 bytes."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split(Regex("▁*[^▁]+"), "isolated")
    _trained(trained, trainers.BpeTrainer(vocab_size=size - 256, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    pieces = [*names, *(f"<0x{byte:02X}>" for byte in range(256)), *model["vocab"]]
    known = set(pieces)
    # As conversions do: every pair of pieces that makes a piece is a merge, special ones not excepted.
    made = [(p[:cut], p[cut:]) for p in names for cut in range(1, len(p)) if {p[:cut], p[cut:]} <= known]
    merges = [*(tuple(merge) for merge in model["merges"]), *made]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={piece: number for number, piece in enumerate(dict.fromkeys(pieces))},
            merges=merges,
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    replace = normalizers.Replace(" ", "▁")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace]) if prefix else replace
    fallback = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*fallback, *([decoders.Strip(" ", 1, 0)] if prefix else [])])
    return tokenizer


def llama_2() -> Tokenizer:
    """A sign for a space before every text; `<s>` could be merged from pieces."""
    tokenizer = _sentencepiece_bpe(True, ("<unk>", "<s>", "</s>"))
    tokenizer.add_special_tokens(special("<unk>", "<s>", "</s>"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return tokenizer


def mistral() -> Tokenizer:
    """Metaspace before the first word alone, and special tokens that eat the spaces after them."""
    tokenizer = _sentencepiece_bpe(False, ("<unk>", "<s>", "</s>", "[INST]", "[/INST]"))
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.add_special_tokens(special("<unk>", "<s>", "</s>"))
    tokenizer.add_special_tokens(special("[INST]", "[/INST]", rstrip=True))
    return tokenizer


def gemma() -> Tokenizer:
    """No prefix; runs of signs for spaces, newlines and tags of HTML are plain added tokens that are pieces too."""
    runs = ("\n\n", "▁▁", "▁▁▁▁", "<h1>", "<b>", "</b>")
    tokenizer = _sentencepiece_bpe(False, ("<pad>", "<eos>", "<bos>", "<unk>", *runs))
    tokenizer.add_special_tokens(special("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"))
    tokenizer.add_tokens(plain(*runs))
    return tokenizer


def _unigram(names: Sequence[str], **options: Any) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=230, special_tokens=list(names), unk_token="<unk>", show_progress=False, **options
    )
    return _trained(tokenizer, trainer)


def t5() -> Tokenizer:
    tokenizer = _unigram(("<pad>", "</s>", "<unk>"))
    tokenizer.add_special_tokens(special("<pad>", "</s>", "<unk>", *(f"<extra_id_{n}>" for n in range(5))))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    return tokenizer


def xlm_r() -> Tokenizer:
    tokenizer = _unigram(("<s>", "<pad>", "</s>", "<unk>"))
    tokenizer.add_special_tokens(special("<s>", "<pad>", "</s>", "<unk>"))
    tokenizer.add_special_tokens(special("<mask>", lstrip=True))
    return tokenizer


def bert() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return _trained(tokenizer, trainers.WordPieceTrainer(vocab_size=300, special_tokens=names, show_progress=False))


def clip() -> Tokenizer:
    """Words that end with a mark, lower case, spaces folded."""
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=500, end_of_word_suffix="</w>", special_tokens=["<|endoftext|>"], show_progress=False
    )
    return _trained(tokenizer, trainer)


def words() -> Tokenizer:
    """A word is a piece, special tokens among them."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _trained(tokenizer, trainers.WordLevelTrainer(special_tokens=["<unk>", "</s>"], show_progress=False))


def flagged() -> Tokenizer:
    """Every flag of an added token: eats spaces on either side, whole words alone, after normalisation."""
    tokenizer = _byte_level()
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.add_special_tokens([*special("<|endoftext|>"), *special("<mask>", lstrip=True, rstrip=True)])
    tokenizer.add_special_tokens([AddedToken("<Odd>", special=True, normalized=True)])
    tokenizer.add_tokens(plain("<left>", lstrip=True) + plain("<right>", rstrip=True) + plain("fox", single_word=True))
    tokenizer.add_tokens(plain("DOG", "café", normalized=True))
    return tokenizer


SHAPES: tuple[Callable[[], Tokenizer], ...] = (
    *(gpt_2, gpt_neox, llama_3, qwen, glm, deepseek),
    *(llama_2, mistral, gemma, t5, xlm_r, bert, clip, words, flagged),
)
