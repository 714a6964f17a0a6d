"""What a full run can have: caps by source and bucket, languages that only some sources hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from winnow.experiments.corpus import Corpus
from winnow.experiments.feasibility import mixture_with, most_shares, unmet
from winnow.stages.mixing.mixture import Mixture
from winnow.stages.run.unit import Place
from winnow.stages.run.workspace import Workspace

SOURCES = ("books", "web")
CELLS = [("books", "en", 0, 30_000), ("books", "en", 1, 10_000), ("web", "en", 0, 50_000), ("web", "zh", 0, 10_000)]
MIXTURE = Mixture(sources={"books": 0.4, "web": 0.6}, epochs=2, bucket_epochs={1: 4}, source_epochs={"web": 1})


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    cells = [
        {"source": source, "language": language, "bucket": bucket, "length": 512, "available": tokens}
        for source, language, bucket, tokens in CELLS
    ]
    Workspace(str(tmp_path)).write_bytes("mix/plan.json", json.dumps({"cells": cells}).encode())
    found = Corpus(name="run", run=Place(tmp_path), lock="0", parts=())
    vars(found)["mixture"] = MIXTURE
    return found


def test_the_largest_share_is_what_caps_allow(corpus: Corpus) -> None:
    # books: 30,000 twice and 10,000 four times; web: 60,000 once
    assert most_shares(corpus, SOURCES, 200_000).tolist() == [0.5, 0.3]
    assert most_shares(corpus, SOURCES, 50_000).tolist() == [1.0, 1.0]


def test_a_mixture_beyond_its_caps_is_told(corpus: Corpus) -> None:
    assert not unmet(corpus, mixture_with(MIXTURE, SOURCES, np.array([0.5, 0.5]), 100_000))
    assert any("web" in line for line in unmet(corpus, mixture_with(MIXTURE, SOURCES, np.array([0.2, 0.8]), 100_000)))


def test_a_language_that_only_a_small_share_of_a_source_holds_is_told(corpus: Corpus) -> None:
    spoken = Mixture(sources=MIXTURE.sources, languages={"zh": 10.0, "en": 90.0}, epochs=3)
    assert not unmet(corpus, mixture_with(spoken, SOURCES, np.array([0.5, 0.5]), 100_000))
    assert any("zh" in line for line in unmet(corpus, mixture_with(spoken, SOURCES, np.array([0.97, 0.03]), 100_000)))


def test_a_source_without_a_token_is_told(corpus: Corpus) -> None:
    asked = mixture_with(MIXTURE, ("books", "papers"), np.array([0.5, 0.5]), 1000)
    assert any("papers" in line for line in unmet(corpus, asked))
