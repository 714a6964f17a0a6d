"""The funnel counts what belongs to the run, whatever else lies in its folders."""

from __future__ import annotations

import json

import pyarrow as pa

from winnow.pipeline.record.funnel import PLAN, document_rows, read_funnel
from winnow.pipeline.record.receipt import Receipt, write_receipt
from winnow.stages.document import REJECTION
from winnow.stages.run.workspace import Workspace


def rejected(count: int) -> pa.Table:
    row = {name: None for name in REJECTION.names} | {"stage": "decide", "rule": "words", "locator": "x", "source": "s"}
    return pa.Table.from_pylist([row] * count, schema=REJECTION)


def test_tables_of_somebody_else_are_not_counted(workspace: Workspace) -> None:
    workspace.write_bytes(PLAN, json.dumps({"steps": ["ingest", "decide"]}).encode())
    write_receipt(workspace, Receipt(step="ingest", unit="web-00000", fingerprint="", seconds=1.0))
    for name, count in (("web-00000", 3), ("web-00000 (copy)", 5)):
        workspace.write_table(f"documents/{name}.parquet", pa.table({"id": ["d"] * count}))
        workspace.write_table(f"drops/decide/{name}.parquet", rejected(count - 2))
    workspace.write_bytes("documents/broken.parquet", b"no table")
    workspace.write_bytes("drops/decide/broken.parquet", b"no table")
    assert document_rows(workspace) == {"documents/web-00000.parquet": 3}
    funnel = read_funnel(workspace)
    assert (funnel.records, funnel.kept, funnel.dropped["decide"]) == (3, 2, {"words": 1})
