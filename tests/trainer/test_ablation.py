"""The ablation's arms share no text with what they are scored on, and hold what they should."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.reader import ShardReader
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import INDEX, Phase, build_index, write_shard
from winnow.tokenizer.load import load
from winnow.tokenizer.train import train_model
from winnow.trainer.ablation import Document, build_arms, chosen, cut
from winnow.trainer.overlap import WINDOW, overlap, windows_of

LENGTH = 64
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


def sentence(random: np.random.Generator, words: int) -> str:
    return " ".join(WORDS[i] for i in random.integers(0, len(WORDS), words))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A run of 300 documents of two sources: every third one is curated, every fourth copies another's text."""
    workspace = Workspace(str(tmp_path_factory.mktemp("run")))
    random = np.random.default_rng(0)
    texts = [sentence(random, int(random.integers(20, 60))) for _ in range(300)]
    for number in range(10, 300, 4):
        texts[number] = texts[number - 7] + " " + sentence(random, 3)
    ids = [f"{number:032x}" for number in range(300)]
    sources = [("web", "code")[number % 2] for number in range(300)]
    workspace.write_bytes("tokenizer/tokenizer.model", train_model(iter(texts), 700))
    workspace.write_table("documents/all.parquet", pa.table({"id": ids, "source": sources, "text": texts}))
    encoder = load(workspace.path("tokenizer/tokenizer.model"))
    encoded = encoder.encode(pa.chunked_array([texts]))
    documents = [
        Document(ids[i], sources[i], encoded.ids[encoded.offsets[i] : encoded.offsets[i + 1]]) for i in range(0, 300, 3)
    ]
    rows = Sequences.concatenate(list(cut(documents, LENGTH, np.dtype(np.uint16))))
    write_shard(workspace, "shards/short/part-00000.parquet", rows)
    tokenizer = {"path": "tokenizer/tokenizer.model", "digest": encoder.digest, "vocabulary_size": 700}
    phase = Phase(name="short", length=LENGTH, rotary_base=10_000.0)
    build_index(workspace, stage="mid", dtype=np.uint16, tokenizer=tokenizer, phases=[phase])
    return workspace


def grams(tokens: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(tokens[start : start + WINDOW].tolist()) for start in range(len(tokens) - WINDOW + 1)]


def pieces(rows: list[Sequences]) -> list[tuple[str, str, np.ndarray]]:
    return [
        (s["document"], s["source"], row.input_ids[0, s["position"] : s["position"] + s["length"]])
        for row in rows
        for s in row.segments.to_pylist()
    ]


def test_neither_arm_holds_a_document_or_the_text_of_a_held_out_one(run: Workspace, tmp_path: Path) -> None:
    _, held_out = build_arms(run.path(""), tmp_path, None, 20 * LENGTH)
    kept_apart = [row for rows in held_out.values() for row in rows]
    seen = {gram for row in kept_apart for gram in grams(row.input_ids[0])}
    names = {document for document, _, _ in pieces(kept_apart)}
    for arm in ("curated", "unfiltered"):
        rows = list(ShardReader(Workspace(str(tmp_path / arm)).path(INDEX), "short", batch=1))
        assert len(rows) == 20
        for document, _, tokens in pieces(rows):
            assert document not in names
            own = grams(tokens)
            assert sum(gram in seen for gram in own) < 0.25 * max(1, len(own)) or not own
    curated = {document for document, _, _ in pieces(held_out["curated"])}
    assert all(int(document, 16) % 3 == 0 for document in curated)
    raw = {document for document, _, _ in pieces(held_out["unfiltered"])}
    assert any(int(document, 16) % 3 for document in raw)


def test_the_arms_have_the_same_sources_in_the_same_shares(run: Workspace, tmp_path: Path) -> None:
    build_arms(run.path(""), tmp_path, None, 30 * LENGTH)
    shares = []
    for arm in ("curated", "unfiltered"):
        rows = list(ShardReader(Workspace(str(tmp_path / arm)).path(INDEX), "short", batch=1))
        found = pieces(rows)
        shares.append(sum(len(t) for _, source, t in found if source == "web") / sum(len(t) for _, _, t in found))
    assert shares[1] == pytest.approx(shares[0], abs=0.06)  # a row of 64 tokens is 3 % of the arm


def test_overlap_is_the_share_of_windows_that_occur() -> None:
    random = np.random.default_rng(1)
    text = random.integers(0, 3, 400)
    known = np.concatenate([text[50:120], text[300:380]])
    seen = set(grams(known))
    own = grams(text)
    assert overlap(text, windows_of(known)) == pytest.approx(sum(gram in seen for gram in own) / len(own))
    assert overlap(text[: WINDOW - 1], windows_of(known)) == 0.0


def test_documents_are_cut_into_full_rows_and_nothing_is_lost_but_the_end() -> None:
    random = np.random.default_rng(2)
    lengths = [5, 100, 64, 1, 30, 70]
    documents = [
        Document(hashlib.md5(bytes([i])).hexdigest(), "web", random.integers(0, 9, n)) for i, n in enumerate(lengths)
    ]
    rows = list(cut(documents, LENGTH, np.dtype(np.uint16)))
    whole = np.concatenate([document.tokens for document in documents])
    assert np.concatenate([row.input_ids[0] for row in rows]).tolist() == whole[: 4 * LENGTH].tolist()
    for row in rows:
        assert row.segments.type == SEGMENT and row.lengths.sum() == LENGTH
        for segment in row.segments.to_pylist():
            (document,) = (one for one in documents if one.id == segment["document"])
            part = document.tokens[segment["offset"] : segment["offset"] + segment["length"]]
            start = segment["position"]
            assert row.input_ids[0, start : start + segment["length"]].tolist() == part.tolist()
            assert segment["continued"] == (segment["offset"] + segment["length"] < len(document.tokens))


def test_documents_are_taken_in_order_until_each_source_is_full() -> None:
    pool = [Document(str(i), ("web", "code")[i % 2], np.full(10, i)) for i in range(8)]
    taken = chosen(pool, {"web": 25, "code": 10})
    assert [(one.id, len(one.tokens)) for one in taken] == [("0", 10), ("1", 10), ("2", 10), ("4", 5)]
