"""Signatures against `datasketch`, number by number, and both ways through each other's indexes."""

from __future__ import annotations

import datasketch
import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.deduplicate.datasketch import BandIndex, from_minhashes, to_minhashes
from winnow.stages.deduplicate.signature import shingle_sets, sign

TEXTS = [
    "The quick brown fox jumps over the lazy dog, and then it runs away from 3 hounds.",
    "The quick brown fox jumps over the lazy dog, and then it walks away from 4 hounds.",
    "盘子里一共有15条鱼，小猫吃掉了几条后，盘子里还剩10条。小猫吃了几条鱼？",
    "An entirely different sentence about accounting standards in the European Union of 1998.",
    "two words",
]


def unmixed(value: int) -> int:
    """The inverse of the 32-bit finaliser that `datasketch` puts before its permutations (MurmurHash3)."""
    value ^= value >> 16
    value = value * pow(0xC2B2AE35, -1, 1 << 32) & 0xFFFFFFFF
    value ^= value >> 13 ^ value >> 26
    value = value * pow(0x85EBCA6B, -1, 1 << 32) & 0xFFFFFFFF
    return value ^ value >> 16


@pytest.fixture(scope="module")
def signed():
    minima, counts = sign(pa.array(TEXTS), permutations_=112, shingle=5, characters=False, seed=7)
    return minima, counts


def test_signatures_equal_those_of_datasketch_over_the_same_shingles(signed):
    minima, counts = signed
    values, bounds = shingle_sets(pa.array(TEXTS), counts, shingle=5, characters=False)
    for row in range(len(TEXTS)):
        reference = datasketch.MinHash(num_perm=112, seed=7, hashfunc=unmixed)
        reference.update_batch([int(value) for value in values[bounds[row] : bounds[row + 1]]])
        np.testing.assert_array_equal(reference.hashvalues, minima[row])


def test_our_signatures_are_found_in_their_index(signed):
    sketches = to_minhashes(signed[0], seed=7)
    index = datasketch.MinHashLSH(num_perm=112, params=(56, 2))
    for row, sketch in enumerate(sketches):
        index.insert(str(row), sketch)
    assert set(index.query(sketches[0])) >= {"0", "1"}
    assert "3" not in index.query(sketches[0])
    fresh = datasketch.MinHash(num_perm=112, seed=7)
    assert (np.asarray(sketches[0].permutations) == np.asarray(fresh.permutations)).all()
    assert sketches[0].jaccard(sketches[1]) == pytest.approx((signed[0][0] == signed[0][1]).mean())


def test_their_signatures_are_found_in_our_index_as_in_theirs():
    def sketch(text: str) -> datasketch.MinHash:
        made = datasketch.MinHash(num_perm=112)
        made.update_batch([word.encode() for word in text.split()])
        return made

    known = [sketch(text) for text in TEXTS]
    theirs = datasketch.MinHashLSH(num_perm=112, params=(28, 4))
    for row, made in enumerate(known):
        theirs.insert(str(row), made)
    ours = BandIndex([str(row) for row in range(len(known))], from_minhashes(known), bands=28, rows=4)
    asked = sketch(TEXTS[0] + " indeed")
    answer = ours.query(from_minhashes([asked]))
    assert set(answer["id"].to_pylist()) == set(theirs.query(asked))
    assert answer["id"][0].as_py() == "0"
    assert answer["estimate"][0].as_py() == pytest.approx(asked.jaccard(known[0]))


def test_minhashes_made_otherwise_are_refused():
    with pytest.raises(ValueError, match="made with"):
        from_minhashes([datasketch.MinHash(seed=1), datasketch.MinHash(seed=2)])
    with pytest.raises(ValueError, match="affine64"):
        from_minhashes([datasketch.MinHash(scheme="affine64")])
