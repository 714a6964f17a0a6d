"""Labels within strata: balance that leaves the stratum without news, and a curve's area that is counted by hand."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from winnow.filters.strata import area_within, balanced, unseen_sources


def documents(counts: dict[tuple[str, str], int]) -> pa.Table:
    rows = [
        {"text": f"{source} {label} {at}", "label": label, "source": source, "language": "en"}
        for (source, label), count in counts.items()
        for at in range(count)
    ]
    return pa.Table.from_pylist(rows)


def test_every_stratum_gives_as_many_documents_of_each_label_and_one_without_a_label_none() -> None:
    given = documents({("a", "good"): 9, ("a", "poor"): 4, ("b", "good"): 2, ("b", "poor"): 40, ("c", "good"): 5})
    kept = balanced(given, ["source", "language"])
    assert Counter(zip(kept["source"].to_pylist(), kept["label"].to_pylist(), strict=True)) == {
        ("a", "good"): 9,
        ("a", "poor"): 9,
        ("b", "good"): 16,
        ("b", "poor"): 16,
    }
    times = Counter(kept["text"].to_pylist())
    assert sorted(times[f"a poor {at}"] for at in range(4)) == [2, 2, 2, 3]
    assert {times[f"b good {at}"] for at in range(2)} == {8} and max(times[f"b poor {at}"] for at in range(40)) == 1
    again = balanced(given.take(pa.array(range(given.num_rows - 1, -1, -1))), ["source", "language"])
    assert sorted(again["text"].to_pylist()) == sorted(kept["text"].to_pylist())


def test_sources_of_one_label_each_teach_nothing_and_say_so() -> None:
    with pytest.raises(ValueError, match="no stratum of source has documents of every label: good, poor"):
        balanced(documents({("a", "good"): 3, ("b", "poor"): 3}), ["source"])


def test_the_area_counts_pairs_of_one_stratum_alone() -> None:
    generator = np.random.default_rng(1)
    true, scores = generator.random(60) < 0.5, generator.integers(0, 9, 60).astype(float)
    places = generator.integers(0, 3, 60)
    points = [
        1.0 if scores[one] > scores[other] else 0.5 if scores[one] == scores[other] else 0.0
        for one, other in product(range(60), range(60))
        if true[one] and not true[other] and places[one] == places[other]
    ]
    assert area_within(true, scores, places) == pytest.approx(np.mean(points))
    assert np.isnan(area_within(true, scores, np.arange(60)))


def test_a_model_of_the_domain_is_worth_nothing_on_sources_that_it_has_not_seen() -> None:
    """What is learnt is the share of good documents in the source, which tells much across sources and nothing within."""
    given = documents({(source, label): 40 for source in "abcdef" for label in ("good", "poor")})

    def of_domain(shown: pa.Table, hidden: pa.Table) -> dict[str, np.ndarray]:
        assert not set(shown["source"].to_pylist()) & set(hidden["source"].to_pylist())
        values = np.array([ord(source) / 200 for source in hidden["source"].to_pylist()])
        return {"good": values, "poor": 1 - values}

    def of_label(shown: pa.Table, hidden: pa.Table) -> dict[str, np.ndarray]:
        noise = np.random.default_rng(0).normal(0, 1, hidden.num_rows)
        values = noise + np.array([label == "poor" for label in hidden["label"].to_pylist()])
        return {"good": -values, "poor": values}

    (domain,) = unseen_sources(given, ["source"], of_domain)
    assert (domain.label, domain.area, domain.beats_chance) == ("poor", 0.5, False)
    (honest,) = unseen_sources(given, ["source"], of_label)
    assert honest.low < honest.area < honest.high and honest.beats_chance
    assert 0.70 < honest.area < 0.82  # Φ(1/√2) = 0.76
    assert honest.documents == given.num_rows
    assert (
        unseen_sources(given.filter(pa.array(np.array(given["source"].to_pylist()) == "a")), ["source"], of_label) == []
    )


def test_passages_of_one_document_are_drawn_together() -> None:
    given = documents({(source, label): 30 for source in "ab" for label in ("good", "poor")})
    given = pa.concat_tables([given.append_column("page", pa.array([f"p{at}" for at in range(120)]))] * 4)

    def scores(shown: pa.Table, hidden: pa.Table) -> dict[str, np.ndarray]:
        values = np.array([hash(text) % 97 for text in map(len, hidden["text"].to_pylist())], float)
        values += np.array([int(page[1:]) * 7919 % 101 for page in hidden["page"].to_pylist()])
        return {"good": -values, "poor": values}

    (alone,) = unseen_sources(given, ["source"], scores)
    (together,) = unseen_sources(given, ["source"], scores, document="page")
    assert together.area == alone.area and together.documents == 120
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
