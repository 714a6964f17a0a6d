"""Harm: addresses and words from lists, a model's score, and the labels of categories."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.classifier import all_scores
from winnow.filters.harm import count_words, is_listed, measure, read_list
from winnow.filters.training import Training, train
from winnow.pipeline.configuration.manifest import Bounds, Filter
from winnow.stages.decide import decide
from winnow.stages.passes import recipe_of


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://bad.org", True),
        ("https://sub.www.bad.org/page?x=1", True),
        ("https://notbad.org/", False),
        ("https://mixed.com/evil/page", True),
        ("https://www.mixed.com/evil", True),
        ("https://mixed.com/evilness", False),
        ("https://mixed.com/good", False),
        ("BAD.ORG/x", True),
        (None, False),
        ("", False),
    ],
)
def test_a_domain_stands_for_its_subdomains_and_a_path_for_what_lies_below(url: str | None, listed: bool) -> None:
    assert is_listed(url, frozenset({"bad.org", "mixed.com/evil"})) is listed


def test_words_are_whole_where_written_with_spaces_and_anywhere_in_chinese() -> None:
    texts = pa.array(["skill Kill kill.", "他用了暴力手段", "", None])
    assert count_words(texts, {"kill", "暴力"}).tolist() == [2, 1, 0, 0]


LETTER = r"[^\W\u2e80-\u9fff\uf900-\ufaff]"


@given(
    st.lists(st.sampled_from(["kill", "café", "über", "暴力", "мат", "x", "力", "s", " ", ",", "É", "\n"]), max_size=12)
)
def test_words_are_counted_as_by_a_regular_expression_that_looks_around(pieces: list[str]) -> None:
    text = "".join(pieces)
    whole = rf"(?<!{LETTER})(?:kill|café|über|мат)(?!{LETTER})"
    expected = len(re.findall(whole, text, re.IGNORECASE)) + text.count("暴力")
    assert count_words(pa.array([text]), {"kill", "café", "über", "мат", "暴力"}).tolist() == [expected]


def test_long_lists_are_matched_in_pieces_as_a_loop_over_words_would() -> None:
    words = {f"word{number}" for number in range(1500)}
    texts = pa.array(["word3 and word1499 and word15000 and WORD7"])
    assert count_words(texts, words).tolist() == [3]


def test_documents_get_labels_of_the_categories_that_lists_are_about(tmp_path: Path) -> None:
    (tmp_path / "sites").write_text("# comment\n\nbad.org\n")
    (tmp_path / "words").write_text("Kill\n暴力\n", encoding="utf-8")
    assert read_list(str(tmp_path / "words")) == {"kill", "暴力"}
    texts = ["kill kill kill", "a long text about gardens " * 20 + "kill", "roses"]
    table = pa.table({"text": pa.array(texts, pa.large_string()), "url": ["https://a.org", None, "https://bad.org"]})
    found = measure(table, addresses={"illegal": str(tmp_path / "sites")}, words={"violence": str(tmp_path / "words")})
    assert found["harm.labels"].to_pylist() == ['["violence"]', "[]", '["illegal"]']
    assert found["harm.address"].to_pylist() == [0, 0, 1] and found["harm.words"].to_pylist() == [3, 1, 0]
    with pytest.raises(ValueError, match="boredom"):
        measure(table, words={"boredom": str(tmp_path / "words")})
    with pytest.raises(FileNotFoundError):
        measure(table, words={"violence": str(tmp_path / "absent")})


@pytest.fixture(scope="module")
def safety(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of two categories and of what is harmless, each with words of its own and some in common."""
    generator = np.random.default_rng(3)
    own = {
        "violence": "stab blood gun attack wound",
        "privacy": "address passport born phone salary",
        "none": "tea hill",
    }
    texts, labels = [], []
    for number in range(600):
        label = list(own)[number % 3]
        words = [*own[label].split(), *(f"w{word}" for word in generator.integers(0, 40, 6))]
        texts.append(f"{number} {' '.join(generator.permutation(words))}")
        labels.append(label)
    path = str(tmp_path_factory.mktemp("safety") / "safety.bin")
    labelled = pa.table({"text": pa.array(texts, pa.large_string()), "label": labels})
    evaluation = train(labelled, path, validation=0.2, settings=Training(dimension=16, epochs=5))
    assert evaluation.accuracy > 0.95
    return path


def test_a_trained_model_labels_by_category_and_a_manifest_decides_by_it(safety: str) -> None:
    texts = ["gun attack blood", "born phone passport salary", "tea hill", ""]
    table = pa.table({"text": pa.array(texts, pa.large_string()), "id": list("abcd"), "source": ["s"] * 4})
    entry = Filter(
        recipe="harm",
        options={"models": {"violence": safety, "privacy": safety}},
        thresholds={"violence": Bounds(maximum=0.5)},
    )
    recipe = recipe_of(entry.measuring(), {})
    assert recipe.measure is not None
    found = recipe.measure(table, **recipe.options)
    assert found["harm.labels"].to_pylist() == ['["violence"]', '["privacy"]', "[]", "[]"]
    assert found["harm.privacy"].to_pylist() == all_scores(table["text"], safety)["privacy"].tolist()
    assert found["harm.bias"].null_count == 4
    for name in ("id", "source"):
        found = found.append_column(name, table[name])
    drops = decide(found, [entry.application()]).to_pylist()
    assert [(drop["id"], drop["rule"], drop["threshold"]) for drop in drops] == [("a", "harm.violence", "≤ 0.5")]
    assert decide(found, [Filter(recipe="harm").application()]).num_rows == 0  # labels alone drop nothing


def test_a_model_that_knows_neither_the_category_nor_the_label_is_named(safety: str) -> None:
    table = pa.table({"text": pa.array(["a"], pa.large_string())})
    with pytest.raises(ValueError, match=r"safety\.bin has no label 'bias' or 'harm'; there are"):
        measure(table, models={"bias": safety})
    assert measure(table, models={"bias": safety}, label="none")["harm.bias"].to_pylist() == pytest.approx(
        all_scores(table["text"], safety)["none"]
    )
