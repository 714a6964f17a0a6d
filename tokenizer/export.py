"""Export: a `tokenizer.json` with the same ids, and what `transformers` needs beside it."""

from __future__ import annotations

import json
from typing import Any

from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.files import CONFIGURATION, GENERATION, JSON, MODEL, ROLES_FILE, TEMPLATE
from winnow.tokenizer.special import CONVERSATION, END_OF_TEXT
from winnow.tokenizer.template import ours
from winnow.tokenizer.vocabulary import SPACE, Kind, Vocabulary


class ExportError(ValueError):
    """A tokenizer that has no equal as a `tokenizer.json`, and why."""


def export(encoder: Encoder) -> dict[str, bytes]:
    """Files by name: `tokenizer.json`, `tokenizer.model`, `tokenizer_config.json`, `chat_template.jinja` (given its tokens).

    What lay beside a tokenizer that came from elsewhere stays as it was. A tokenizer that came as a `tokenizer.json` keeps
    it. A sentencepiece model goes along as it is; one that isn't a lossless BPE has no `tokenizer.json` of equal ids.
    """
    vocabulary: Vocabulary | None = getattr(encoder, "vocabulary", None)
    files = {name: content for name, content in encoder.files.beside if name not in (ROLES_FILE, GENERATION)}
    files.setdefault(CONFIGURATION, _json(_configuration(encoder)))
    if vocabulary is None:
        files[JSON] = encoder.files.content
    else:
        files[MODEL] = encoder.files.content
        if vocabulary.is_lossless:
            files[JSON] = _json(tokenizer_json(vocabulary, encoder.path))
    if encoder.conventions.template is None and set(CONVERSATION) <= set(encoder.conventions.roles):
        files[TEMPLATE] = ours().encode()
    return files


def tokenizer_json(vocabulary: Vocabulary, name: str = "the model") -> dict[str, Any]:
    """The content of a `tokenizer.json` for the `tokenizers` library.

    Pieces spell a space as a space, so that a real U+2581 falls back to its bytes as it does here. Text is split before
    spaces that follow something else, where no piece spans such a border: exact, and many times faster. Raises
    `ExportError` for a model whose ids it couldn't give.
    """
    if not vocabulary.is_lossless:
        raise ExportError(f"{name} can't be exported: only a BPE with byte fallback and no normalisation has equal ids")
    pieces = vocabulary.plain
    special = vocabulary.ids_of(Kind.CONTROL)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(number, pieces[number]) for number in special],
        "normalizer": None,
        "pre_tokenizer": _split() if _splits_before_spaces(vocabulary) else None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": pieces[vocabulary.ids_of(Kind.UNKNOWN)[0]],
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {piece: number for number, piece in enumerate(pieces)},
            "merges": merges(vocabulary, pieces),
        },
    }


def merges(vocabulary: Vocabulary, pieces: list[str]) -> list[tuple[str, str]]:
    """Every pair of pieces that makes a piece, the best-scored result first: the order in which BPE joins them."""
    normal = vocabulary.ids_of(Kind.NORMAL)
    known = {pieces[number] for number in normal}
    ordered = sorted(normal, key=lambda number: (-vocabulary.scores[number], number))
    return [
        (piece[:cut], piece[cut:])
        for piece in (pieces[number] for number in ordered)
        for cut in range(1, len(piece))
        if piece[:cut] in known and piece[cut:] in known
    ]


def _splits_before_spaces(vocabulary: Vocabulary) -> bool:
    """Whether no piece holds a space after something else."""
    return not any(piece.lstrip(SPACE).count(SPACE) for piece in vocabulary.pieces)


def _split() -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": " *[^ ]+| +"}, "behavior": "Isolated", "invert": False}


def _added_token(number: int, content: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": content, **flags}


def _configuration(encoder: Encoder) -> dict[str, Any]:
    """`tokenizer_config.json`: a plain fast tokenizer that leaves decoded text as it is."""
    names = {number: name for name, number in encoder.added.items()}
    end = names.get(encoder.conventions.roles.get(END_OF_TEXT, -1))
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "eos_token": end,
        "pad_token": end,
        "additional_special_tokens": [name for name in encoder.special if name != end],
    }


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
