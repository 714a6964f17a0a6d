"""One value from its text: no key twice and no number changed, in short texts and in long ones."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.containers.json_text import LONG, read_json

BLANK = st.sampled_from(["", " ", "\n", "\t"])


@given(
    pairs=st.lists(
        st.tuples(st.sampled_from(['a"', "b:", "c", "d\\", "ü"]), st.text('x": \\\té', max_size=9)), max_size=5
    ),
    blanks=st.lists(st.tuples(BLANK, BLANK), min_size=6, max_size=6),
    size=st.sampled_from([0, LONG]),
)
def test_a_key_that_stands_twice_is_refused_however_it_is_written(
    pairs: list[tuple[str, str]], blanks: list[tuple[str, str]], size: int
) -> None:
    pairs = [*pairs, ("filling", "so: " + "x" * size)]
    written = (
        f"{json.dumps(key)}{before}:{after}{json.dumps(value, ensure_ascii=False)}"
        for (key, value), (before, after) in zip(pairs, blanks, strict=False)
    )
    text = "{" + ",".join(written) + "}"
    if len(dict(pairs)) == len(pairs):
        assert read_json(text) == read_json(text.encode()) == dict(pairs)
    else:
        with pytest.raises(ValueError, match="stands twice"):
            read_json(text)


@pytest.mark.parametrize("size", [0, LONG])
def test_integers_are_what_is_written(size: int) -> None:
    assert read_json(json.dumps({"n": 2**70 + 1, "t": "x" * size}))["n"] == 2**70 + 1
