"""Training a tokenizer: a byte-fallback BPE that loses nothing, from a seeded sample of texts.

Sentencepiece trains it: no dummy prefix, identity normalisation, every digit a piece of its own, runs of spaces and
newlines kept as pieces, what the vocabulary lacks as bytes. The same texts, size and seed give the same bytes.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from winnow.tokenizer.files import MODEL
from winnow.tokenizer.special import SPECIAL_TOKENS

CHUNK_BYTES = 4096  # sentencepiece's own limit for a sentence; longer ones it would leave out
SAMPLE_BYTES = 512 << 20
CHARACTER_COVERAGE = 0.9995  # rarer characters are spelled in bytes; sentencepiece's advice for Chinese
TOO_LARGE = "Vocabulary size too high"  # what sentencepiece says of a text with fewer pieces
SMALLEST = 1 + len(SPECIAL_TOKENS) + 256  # unknown, special tokens, bytes


class TrainingError(ValueError):
    """What can't be trained, and why: no text, or a vocabulary too small or too large for it."""


def train(
    texts: Iterable[str],
    vocabulary_size: int,
    seed: int,
    out: str,
    *,
    sample_bytes: int = SAMPLE_BYTES,
) -> str:
    """Trains on about `sample_bytes` of the texts and writes `out`/tokenizer.model; returns its path.

    Texts are cut into chunks of at most 4 KiB; of these, the ones with the smallest hash of (seed, chunk) are used, in
    that order, so memory is bounded by the sample, not by the texts. Ids: `<unk>`, the special tokens, 256 bytes,
    then pieces. Raises `TrainingError`.
    """
    if vocabulary_size <= SMALLEST:
        raise TrainingError(
            f"a vocabulary of {vocabulary_size} is too small: special tokens and bytes alone take {SMALLEST}"
        )
    chunks = sample(texts, seed, sample_bytes)
    if not chunks:
        raise TrainingError("there is no text to train a tokenizer on: every source is empty or dropped")
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, MODEL)
    with open(path, "wb") as stream:
        stream.write(train_model(chunks, vocabulary_size))
    return path


def train_model(chunks: Sequence[str], vocabulary_size: int) -> bytes:
    """The sentencepiece model of these chunks, each at most 4 KiB long.

    Where the text has fewer pieces to give than were asked for, the model has as many as there are. Raises
    `TrainingError`.
    """
    try:
        return _train_model(chunks, vocabulary_size)
    except TrainingError as error:
        if TOO_LARGE not in str(error):
            raise
        return _train_model(chunks, vocabulary_size, exact=False)


def _train_model(chunks: Sequence[str], vocabulary_size: int, *, exact: bool = True) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    fewer: dict[str, Any] = {} if exact else {"hard_vocab_limit": False}
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(chunks),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocabulary_size,
            byte_fallback=True,
            character_coverage=CHARACTER_COVERAGE,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            split_digits=True,
            control_symbols=list(SPECIAL_TOKENS),
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            max_sentence_length=2 * CHUNK_BYTES,
            num_threads=1,  # written into the model, so it must never follow the machine; more wouldn't be faster
            minloglevel=2,
            **fewer,
        )
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].rpartition("] ")[2]  # without the place in the library's source
        raise TrainingError(
            f"no tokenizer of {vocabulary_size} pieces can be trained on this text: {reason}"
        ) from error
    return model.getvalue()


def sample(texts: Iterable[str], seed: int, sample_bytes: int) -> list[str]:
    """The chunks with the smallest hashes of (seed, chunk), together at most `sample_bytes`, in the order of hashes."""
    kept: list[tuple[int, str]] = []  # a heap with the largest hash first
    size = 0
    for chunk, key in _keyed(texts, seed):
        heapq.heappush(kept, (-key, chunk))
        size += len(chunk.encode())
        while size > sample_bytes:
            size -= len(heapq.heappop(kept)[1].encode())
    return [chunk for _, chunk in sorted(kept, key=lambda entry: (-entry[0], entry[1]))]


def _keyed(texts: Iterable[str], seed: int) -> Iterator[tuple[str, int]]:
    key = seed.to_bytes(8, "little")
    for text in texts:
        for chunk in chunks_of(text):
            digest = hashlib.blake2b(chunk.encode(), digest_size=8, key=key).digest()
            yield chunk, int.from_bytes(digest, "little")


def chunks_of(text: str, chunk_bytes: int = CHUNK_BYTES) -> Iterator[str]:
    """Pieces of at most `chunk_bytes` of UTF-8, cut before a space or after a newline where there is one."""
    data = text.encode()
    start = 0
    while len(data) - start > chunk_bytes:
        end = start + chunk_bytes
        while data[end] & 0xC0 == 0x80:
            end -= 1
        earliest = start + chunk_bytes // 2
        cut = max(data.rfind(b"\n", earliest, end) + 1, data.rfind(b" ", earliest, end))
        end = cut if cut > earliest else end
        yield data[start:end].decode()
        start = end
    if start < len(data):
        yield data[start:].decode()
