"""N-grams found by the index against a plain search, for several lengths at once and across the windows of a text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.decontaminate.index import build_postings, open_index
from winnow.stages.decontaminate.items import ENTRY
from winnow.stages.decontaminate.matching import _find, buffers_of
from winnow.stages.decontaminate.settings import DecontaminationSettings

SETTINGS = DecontaminationSettings(benchmarks=(), words=6, shortest_words=3, shared_items=1000)


def sentence(generator: np.random.Generator, words: int) -> list[str]:
    return [f"{'kpt'[at % 3]}{'aou'[at // 3]}" for at in generator.integers(0, 9, words)]


@pytest.mark.parametrize("seed", range(4))
def test_every_gram_is_found_where_it_stands_and_no_other(seed):
    generator = np.random.Generator(np.random.PCG64(seed))
    items = [sentence(generator, int(words)) for words in generator.integers(2, 12, 40)]
    texts = [sentence(generator, words) for words in (0, 1, 5, 300, 30_000)]
    texts[3][40:52] = items[0]
    named = {"benchmark": "b", "field": "question", "kind": "prose"}
    rows = [{**named, "item": str(at), "text": " ".join(words)} for at, words in enumerate(items)]
    measured, postings = build_postings(pa.Table.from_pylist(rows, schema=ENTRY), SETTINGS)
    lengths = [0 if len(words) < 3 else min(6, len(words)) for words in items]
    assert measured["length"].to_pylist() == lengths and len(set(lengths)) > 3

    places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for entry, (words, length) in enumerate(zip(items, lengths, strict=True)):
        for at in range(len(words) - length + 1 if length else 0):
            places.setdefault(tuple(words[at : at + length]), []).append((entry, at))
    expected = {
        (document, entry, position, at)
        for document, words in enumerate(texts)
        for length in set(lengths) - {0}
        for at in range(len(words) - length + 1)
        for entry, position in places.get(tuple(words[at : at + length]), ())
    }
    data, offsets = buffers_of(pa.array([" ".join(words) for words in texts], pa.large_string()), "prose")
    found = _find(data, offsets, open_index(postings["prose"], measured, "prose"), 0)
    columns = (found.documents, found.entries, found.positions, found.places)
    met = list(zip(*(column.tolist() for column in columns), strict=True))
    assert len(met) == len(set(met)) and set(met) == expected
    assert len(expected) > 80 and max(found.places) > 20_000  # far behind the first window
    for document, place, start, end in zip(found.documents[:500], found.places, found.starts, found.ends, strict=False):
        text = " ".join(texts[document])
        assert text[:start].count(" ") == place and text[start:end].split(" ")[0] == texts[document][place]
