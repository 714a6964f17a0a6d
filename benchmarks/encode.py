"""Encoding and training beside sentencepiece, Hugging Face tokenizers and tiktoken, on one vocabulary.

    python -m benchmarks.encode encode [VOCABULARY] [FOLDER]    MB/s and tokens/s of one core
    python -m benchmarks.encode compare [VOCABULARY] [FOLDER]   our ids against sentencepiece's, on every document
    python -m benchmarks.encode train [VOCABULARY] [MEGABYTES]  seconds to train, beside Hugging Face's trainer

The model is trained on every tenth chunk of the texts, or taken from FOLDER if one lies there. Times are of the
processor, interleaved, medians; ids of the sample that the peers get are compared before a speed is printed. tiktoken
is given our pieces as ranks of bytes: the same vocabulary, but it merges bytes and so has other ids.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks.gold import pages
from winnow.tokenizer.bpe import BytePairEncoder
from winnow.tokenizer.export import tokenizer_json
from winnow.tokenizer.files import MODEL, Files
from winnow.tokenizer.load import load
from winnow.tokenizer.pieces import SentencePieceEncoder
from winnow.tokenizer.train import chunks_of, train_model

ROUNDS = 3
SAMPLE_BYTES = 1_500_000  # for the slow peers
TRAINED_ON = 10  # one chunk in ten
SPLIT = r" *[^ ]+| +"


def code() -> list[str]:
    """The Python sources of the standard library and of the installed packages."""
    found = []
    for folder in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}:
        for path in sorted(Path(folder).rglob("*.py")):
            try:
                found.append(path.read_text("utf-8"))
            except UnicodeDecodeError:
                continue
    return sorted(set(found), key=len)[-20_000:]


def texts() -> dict[str, list[str]]:
    return {"en": pages("en"), "zh": pages("zh"), "code": code()}


def model_for(groups: dict[str, list[str]], vocabulary: int, folder: str) -> str:
    """The path of a model of so many pieces, trained where there is none yet."""
    path = os.path.join(folder, f"{vocabulary}-{MODEL}")
    if not os.path.exists(path):
        chunks = [chunk for group in groups.values() for text in group for chunk in chunks_of(text)][::TRAINED_ON]
        size = sum(len(chunk.encode()) for chunk in chunks)
        start = time.process_time()
        model = train_model(chunks, vocabulary)
        print(f"trained {vocabulary:,} pieces on {size / 1e6:.1f} MB in {time.process_time() - start:.1f} s")
        Path(path).write_bytes(model)
    return path


def compare_ids(ours: BytePairEncoder, reference: SentencePieceEncoder, group: list[str]) -> tuple[int, int]:
    """Documents, and how many of them have equal ids."""
    equal = 0
    for start in range(0, len(group), 500):
        array = pa.array(group[start : start + 500], pa.large_string())
        found, expected = ours.encode(array), reference.encode(array)
        pairs = zip(
            np.split(found.ids, found.offsets[1:-1]), np.split(expected.ids, expected.offsets[1:-1]), strict=True
        )
        equal += sum(np.array_equal(one, other) for one, other in pairs)
    return len(group), equal


def peers(ours: BytePairEncoder, reference: SentencePieceEncoder) -> dict[str, Callable[[list[str]], int]]:
    """How each peer encodes a list of texts; the answer is how many tokens it made."""
    import json

    import tiktoken
    import tokenizers

    exported = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(ours.vocabulary)))
    ranks = {spelling: number for number, spelling in enumerate(ours.spellings[-ours.vocabulary_size + 26 :])}
    by_bytes = tiktoken.Encoding("same", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens={})

    return {
        "sentencepiece": lambda group: sum(map(len, reference.encode_strings(group))),
        "tokenizers": lambda group: sum(
            len(e.ids) for e in exported.encode_batch_fast(group, add_special_tokens=False)
        ),
        "tiktoken": lambda group: sum(map(len, by_bytes.encode_ordinary_batch(group, num_threads=1))),
    }


def processor_seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def prepare(vocabulary: int, folder: str) -> tuple[dict[str, list[str]], BytePairEncoder, SentencePieceEncoder]:
    groups = texts()
    path = model_for(groups, vocabulary, folder)
    start = time.process_time()
    ours = load(path)
    assert isinstance(ours, BytePairEncoder)
    ours.encode(pa.array(["compile"]))
    print(f"loaded in {time.process_time() - start:.2f} s, first call included", flush=True)
    return groups, ours, SentencePieceEncoder(Files(path, Path(path).read_bytes()))


def compare(vocabulary: int, folder: str) -> None:
    groups, ours, reference = prepare(vocabulary, folder)
    for name, group in groups.items():
        documents, equal = compare_ids(ours, reference, group)
        size = sum(len(text.encode()) for text in group)
        print(f"{name}: ids equal on {equal} of {documents} documents, {size / 1e6:.1f} MB", flush=True)


def encode(vocabulary: int, folder: str) -> None:
    os.environ["RAYON_NUM_THREADS"] = "1"
    groups, ours, reference = prepare(vocabulary, folder)
    others = peers(ours, reference)
    for name, group in groups.items():
        size = sum(len(text.encode()) for text in group)
        sample = group[:: max(1, size // SAMPLE_BYTES)]
        sample_size = sum(len(text.encode()) for text in sample)
        documents, equal = compare_ids(ours, reference, sample)
        if equal < documents:
            sys.exit(f"{name}: ids differ from sentencepiece's on {documents - equal} documents")
        array = pa.array(group, pa.large_string())
        tokens = len(ours.encode(array).ids)
        work: dict[str, tuple[Callable[[], object], int]] = {"winnow": (partial(ours.encode, array), size)}
        work |= {peer: (partial(function, sample), sample_size) for peer, function in others.items()}
        times: dict[str, list[float]] = {peer: [] for peer in work}
        for _ in range(ROUNDS):
            for peer, (function, held) in work.items():
                times[peer].append(processor_seconds(function) / held)
        rates = {peer: 1e-6 / median(seconds) for peer, seconds in times.items()}
        print(f"{name}: {size / 1e6:.1f} MB, {size / tokens:.2f} bytes per token", flush=True)
        for peer, rate in rates.items():
            note = f"{rate * tokens / size:6.1f} M tokens/s" if peer == "winnow" else f"{rates['winnow'] / rate:6.1f}×"
            print(f"  {peer:14} {rate:8.2f} MB/s {note}", flush=True)


def train(vocabulary: int, megabytes: int) -> None:
    """Trains both on the same chunks; prints bytes per token on chunks that neither saw."""
    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    chunks = [chunk for group in texts().values() for text in group for chunk in chunks_of(text)]
    step = max(1, sum(len(chunk.encode()) for chunk in chunks) // (megabytes * 1_000_000))
    seen, unseen = chunks[::step], chunks[step // 2 :: step * 20]
    size = sum(len(chunk.encode()) for chunk in seen)

    start = time.process_time()
    model = train_model(seen, vocabulary)
    seconds = time.process_time() - start
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MODEL
        path.write_bytes(model)
        ids = len(load(str(path)).encode(pa.array(unseen, pa.large_string())).ids)
    other = tokenizers.Tokenizer(models.BPE())
    other.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    start = time.process_time()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    other.train_from_iterator(seen, trainer)
    other_seconds = time.process_time() - start
    other_ids = sum(len(encoding.ids) for encoding in other.encode_batch(unseen))
    held = sum(len(chunk.encode()) for chunk in unseen)
    print(f"{vocabulary:,} pieces from {size / 1e6:.1f} MB; bytes per token on {held / 1e6:.1f} MB unseen")
    for name, took, count in (("winnow", seconds, ids), ("tokenizers", other_seconds, other_ids)):
        print(f"  {name:12} {took:7.1f} s {size / took / 1e6:6.2f} MB/s {held / count:6.3f} bytes per token")


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or ["encode"]
    count = int(rest[0]) if rest else 65_536
    if what in ("encode", "compare"):
        with tempfile.TemporaryDirectory() as scratch:
            (encode if what == "encode" else compare)(count, rest[1] if len(rest) > 1 else scratch)
    elif what == "train":
        train(count, int(rest[1]) if len(rest) > 1 else 20)
    else:
        sys.exit(f"no benchmark {what!r}; there are encode, compare, train")
