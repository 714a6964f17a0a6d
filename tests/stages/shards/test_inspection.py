"""Inspection: statistics agree with a plain count, rows show where documents begin and which text carries a loss."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.inspection import holds, rows, show, statistics
from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError
from winnow.stages.shards.shard import write_shard


def letters(ids: Sequence[int]) -> str:
    return "".join(chr(token) for token in ids)


@pytest.fixture
def shard(workspace: Workspace) -> str:
    """Two rows of ten letters: aaaabbbb and two of padding; bbccccccc and one of padding."""
    texts = [
        [("a", "web", 4, 0, False), ("b", "code", 4, 0, True)],
        [("b", "code", 2, 4, False), ("c", "web", 7, 0, False)],
    ]
    segments, ids = [], []
    for row in texts:
        line = ""
        for letter, source, length, offset, continued in row:
            segments.append(
                {
                    "document": letter * 32,
                    "source": source,
                    "language": "en" if source == "web" else None,
                    "position": len(line),
                    "length": length,
                    "offset": offset,
                    "continued": continued,
                }
            )
            line += letter * length
        ids.append([ord(letter) for letter in line.ljust(10, "_")])
    mask = np.ones((2, 10), bool)
    mask[0, 2:4] = False
    sequences = Sequences(
        input_ids=np.array(ids, np.uint16),
        segments=pa.array(segments, type=SEGMENT),
        bounds=np.array([0, 2, 4]),
        loss_mask=mask,
    )
    write_shard(workspace, "shards/base/a.parquet", sequences)
    return workspace.path("shards/base/a.parquet")


def test_statistics_count_tokens_by_source_and_language(shard: str) -> None:
    found = statistics(shard)
    assert (found.sequences, found.length, found.tokens, found.padding) == (2, 10, 17, 3)
    assert (found.documents, found.segments, found.continued, found.masked) == (3, 4, 1, 2)
    assert found.sources == {"code": 6, "web": 11}
    assert found.languages == {"en": 11, "unknown": 6}


def test_rows_are_shown_with_boundaries_colours_and_padding(shard: str) -> None:
    stream = io.StringIO()
    show(Console(file=stream, force_terminal=True, width=200), shard, letters)
    printed = stream.getvalue()
    for wanted in ("aa", "bbbb", "ccccccc", "padding: 2 tokens", "[0:4] of the row", "continued", "64.71%"):
        assert wanted in printed
    assert "\x1b[2;" in printed  # dimmed: text without a loss


def test_a_document_is_found_in_all_its_rows_and_the_others_are_not_spelled(shard: str) -> None:
    assert [number for number, _ in rows(shard, document="b" * 32)] == [0, 1]
    stream = io.StringIO()
    show(Console(file=stream, width=200), shard, letters, document="c" * 32)
    assert "ccccccc\n" in stream.getvalue() and "bb\n" not in stream.getvalue()


def test_a_shard_knows_the_documents_it_holds(shard: str) -> None:
    assert [holds(shard, letter * 32) for letter in "abcd"] == [True, True, True, False]


def test_what_is_not_there_is_named(shard: str, workspace: Workspace) -> None:
    with pytest.raises(ShardError, match="holds no document zz"):
        list(rows(shard, document="zz"))
    with pytest.raises(ShardError, match="has no row 9"):
        list(rows(shard, first=9))
    with pytest.raises(ShardError, match="no such shard"):
        statistics(shard + "x")
    workspace.write_table("other.parquet", pa.table({"x": [1]}))
    with pytest.raises(ShardError, match="is no shard"):
        statistics(workspace.path("other.parquet"))
    workspace.write_bytes("text.parquet", b"no parquet at all")
    with pytest.raises(ShardError, match="can't be read as Parquet"):
        statistics(workspace.path("text.parquet"))
