"""Semantic duplicates: the survivors of SemDeDup's rule, by brute force, and embeddings from a named function."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.deduplicate import semantic
from winnow.stages.deduplicate.semantic import SemanticSettings, choose_within
from winnow.stages.layout import carry_out


def brute_force(vectors: np.ndarray, threshold: float) -> list[int]:
    stays: list[int] = []
    survivor = []
    for at, vector in enumerate(vectors):
        near = next((other for other in stays if vectors[other] @ vector >= threshold), at)
        survivor.append(near)
        if near == at:
            stays.append(at)
    return survivor


@pytest.mark.parametrize("count", [0, 1, 50, 2500])
def test_choice_within_a_cluster_equals_brute_force(count):
    generator = np.random.Generator(np.random.PCG64(count))
    vectors = generator.normal(size=(count, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    survivor, similarity = choose_within(vectors, 0.9)
    assert survivor.tolist() == brute_force(vectors, 0.9)
    for at in np.flatnonzero(survivor != np.arange(count)):
        assert similarity[at] == pytest.approx(float(vectors[at] @ vectors[survivor[at]]), abs=1e-6)


def letters(texts):
    """A crude embedding: how often each letter occurs."""
    return np.array([[text.lower().count(chr(97 + at)) for at in range(26)] for text in texts], np.float32)


def test_documents_of_one_meaning_keep_the_longest(workspace, lay_out, work, monkeypatch):
    module = ModuleType("letter_counts")
    module.embed = letters
    monkeypatch.setitem(sys.modules, "letter_counts", module)
    parts = lay_out(
        {
            "a-00000": ["the cat sat on the mat", "zebras quiz jazz", "entirely other words here"],
            "b-00000": ["on the mat the cat sat!", "jazz quiz zebras!!", "kiwi fruit pulp"],
        }
    )
    settings = SemanticSettings(model="letter_counts:embed", clusters=3, threshold=0.99, buckets=2)
    counts = work(semantic.plan(parts, settings))
    drops = [workspace.read_table(f"drops/{semantic.STAGE}/{part}.parquet").to_pylist() for part in parts]
    assert [[row["row"] for row in part] for part in drops] == [[0, 1], []]
    assert counts["deduplicate.semantic.drop.dropped"] == 2
    sizes = workspace.read_table(f"clusters/{semantic.STAGE}/b-00000.parquet")["cluster_size"].to_pylist()
    assert sizes == [2, 2, 1]


def test_embeddings_brought_along_must_fit_the_documents(workspace, lay_out, work):
    parts = lay_out({"a-00000": ["one", "two"]})
    table = pa.table({"id": ["x"], "embedding": [[1.0, 0.0]]})
    workspace.write_table("embeddings/a-00000.parquet", table)
    with pytest.raises(ValueError, match="expected 2 embeddings of one length, found 1"):
        work(semantic.plan(parts, SemanticSettings()))


def test_a_model_that_is_not_installed_is_named(workspace, lay_out, work):
    parts = lay_out({"a-00000": ["one", "two"]})
    with pytest.raises(ValueError, match=r"embeddings/a-00000.parquet is not in .*: name a `model`"):
        carry_out(workspace, semantic.plan(parts, SemanticSettings()))
    with pytest.raises(LookupError, match="no embedding function 'no_such_package:embed'"):
        work(semantic.plan(parts, SemanticSettings(model="no_such_package:embed")))
