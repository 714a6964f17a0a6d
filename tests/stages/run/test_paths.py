"""Sizes and digests by path are as a dictionary of them is, whatever the paths are called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.stages.run.paths import Digests, Sizes

NAMES = st.sampled_from(["a", "b.parquet", "文", "", "a b", "\udc80"]) | st.integers(0, 300).map("web-{:05d}".format)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
SIZES = st.integers(0, (1 << 63) - 2)


@given(st.lists(st.tuples(PATHS, SIZES | st.none())))
def test_sizes_are_a_dictionary(changes: list[tuple[str, int | None]]) -> None:
    sizes, plain = Sizes(), dict[str, int]()
    for path, size in changes:
        if size is None:
            assert sizes.pop(path, None) == plain.pop(path, None)
        else:
            sizes[path] = plain[path] = size
    assert dict(sizes) == plain and len(sizes) == len(plain) and sizes.total() == sum(plain.values())
    for folder in ("a/", "文/", "a b/a/"):
        assert sorted(sizes.below(folder)) == sorted(path for path in plain if path.startswith(folder))
    for path, _ in changes:
        assert sizes.get(path) == plain.get(path) and (path in sizes) == (path in plain)


@given(st.dictionaries(PATHS, st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)))
def test_digests_are_a_dictionary(plain: dict[str, str]) -> None:
    digests = Digests()
    digests.update(plain)
    assert dict(digests) == plain and len(digests) == len(plain)


@pytest.mark.parametrize("wrong", ["", "00" * 16, "ab" * 15, "ab" * 17, "no digest"])
def test_what_is_no_digest_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        Digests()["a"] = wrong


def test_what_was_never_there_is_a_key_error_by_its_whole_path() -> None:
    sizes = Sizes()
    sizes["a/b"] = 0
    for path in ("a/c", "b", "c/b"):
        with pytest.raises(KeyError, match=path):
            sizes[path]
