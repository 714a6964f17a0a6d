"""Arrow files whose buffers lie: their reader trusts the offsets in them, and reading past the end would end the process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest

from tests.stages.ingest.test_databases import read


def texts(offsets: Sequence[int], content: bytes, kind: Any = np.int32) -> pa.Array:
    """A column of texts by its buffers, whatever they say."""
    of = pa.string() if kind is np.int32 else pa.large_string()
    return pa.Array.from_buffers(
        of, len(offsets) - 1, [None, pa.py_buffer(np.array(offsets, kind).tobytes()), pa.py_buffer(content)]
    )


def written(path: Path, *columns: pa.Array) -> Path:
    batches = [pa.record_batch([column], names=["text"]) for column in columns]
    with pyarrow.ipc.new_file(path, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return path


SOUND = texts([0, 3, 6], b"onetwo")


@pytest.mark.parametrize("offsets", [[0, 1 << 30, 6], [0, -5, 6], [5, 2, 6], [0, 6, 2]])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_a_batch_that_points_out_of_itself_is_a_rejection_and_the_next_is_read(tmp_path, offsets, kind):
    sound = texts([0, 3, 6], b"onetwo", kind)
    path = written(tmp_path / "a.arrow", sound, texts(offsets, b"onetwo", kind), sound)
    found, told = read(path)
    assert [record["text"] for record in found.values()] == ["one", "two"] * 2
    assert [(where.partition("!")[2] or where, rule) for where, rule, _ in told] == [("batch 1", "corrupt")]
    assert told[0][2].startswith("text: ")


def test_keys_of_a_dictionary_and_lengths_of_lists_are_looked_at(tmp_path):
    keys = pa.array([0, 9], pa.int8())
    beyond = pa.DictionaryArray.from_arrays(keys, pa.array(["one"]), safe=False)
    lists = pa.Array.from_buffers(
        pa.list_(pa.int64()),
        2,
        [None, pa.py_buffer(np.array([0, 99, 1], np.int32).tobytes())],
        children=[pa.array([1])],
    )
    for number, column in enumerate((beyond, lists)):
        found, told = read(written(tmp_path / f"{number}.arrow", column))
        assert (found, [rule for _, rule, _ in told]) == ({}, ["corrupt"])


def test_text_that_is_no_unicode_costs_its_cell_alone(tmp_path):
    found, told = read(written(tmp_path / "a.arrow", texts([0, 3, 6], b"one\xff\xfe\xfd")))
    assert [str(record["text"])[:9] for record in found.values()] == ["one", "UnicodeDe"]
    assert told == []
