"""What a model has read isn't mixed again: neither counted nor drawn; what is no such table is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.stages.consumed import CONSUMED, Consumed, left, read_consumed
from winnow.stages.mixing import mix
from winnow.stages.mixing.mixture import Phase
from winnow.stages.run.unit import Place, Unit, Unworkable, canonical
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards import emit
from winnow.stages.tokens.schema import tokens_path, tokens_schema

PHASE = Phase(name="short", length=64, share=1.0, splits=True)


def tokens(count: int) -> pa.Table:
    rows = [
        {"id": f"{row:032x}", "source": "web", "kind": "made-up", "bucket": -1, "tokens": [row] * (row + 1), "cuts": []}
        for row in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=tokens_schema(np.uint16))


@pytest.fixture
def read(tmp_path: Path) -> Consumed:
    """Every third document of nine, and one of another run."""
    rows = [{"document": f"{row:032x}", "source": "web", "tokens": 1} for row in (0, 3, 6, 999)]
    pq.write_table(pa.Table.from_pylist(rows, schema=CONSUMED), tmp_path / "read.parquet")
    return Consumed(table=Place(tmp_path / "read.parquet"), inventory=mix.File("inventory/read.json"))


def test_what_was_read_is_neither_counted_nor_drawn(workspace: Workspace, read: Consumed) -> None:
    whole = tokens(9)
    workspace.write_table(tokens_path("p"), whole)
    asked = mix.HistogramPart(tokens=tokens_path("p"), phases=(PHASE,), seed=1, languages=(), consumed=read)
    counts = mix.histogram_part(workspace, Unit(name="p", asked=asked))
    assert counts == {"documents": 6, "tokens": 45 - 12, "consumed_documents": 3, "consumed_tokens": 1 + 4 + 7}
    units = mix.solve_units((mix.histogram_path("p"),), mix.Mixture(sources={"web": 1}, epochs=2), [PHASE])
    mix.solve(workspace, units[0])
    (scattering,) = emit.scatter_units(["p"], [PHASE], [1], seed=1, consumed=read)
    emit.scatter_part(workspace, scattering)
    drawn = emit.gather(workspace, (emit.exchange_path("short", "p"),), 0, emit.EMITTED_KEY)
    fresh = {f"{row:032x}" for row in range(9) if row % 3}
    assert set(drawn["id"].to_pylist()) == fresh
    assert drawn.num_rows == 2 * len(fresh)


def test_another_table_in_its_place_is_read_anew(read: Consumed) -> None:
    whole = tokens(9)
    assert left(whole, read).num_rows == 6
    pq.write_table(read_consumed(read.table).slice(0, 1), read.table)
    assert left(whole, read).num_rows == 8
    assert left(whole, None) is whole


def test_where_the_table_lies_counts_for_nothing_and_its_content_does(read: Consumed) -> None:
    asked = mix.HistogramPart(tokens=tokens_path("p"), phases=(PHASE,), seed=1, languages=(), consumed=read)
    assert read.inventory in Unit(name="p", asked=asked).inputs
    assert str(read.table) not in str(canonical(asked))


@pytest.mark.parametrize("content", [b"no table", b""])
def test_what_is_no_table_of_consumed_documents_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(Unworkable, match="winnow-train consumed"):
        read_consumed(str(tmp_path / "a.parquet"))
    pq.write_table(pa.table({"id": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(Unworkable, match="winnow-train consumed"):
        read_consumed(str(tmp_path / "b.parquet"))
