"""What `winnow explain` answers where no single document is meant: records left out, rules, several documents."""

from __future__ import annotations

import pyarrow as pa
import pytest

from winnow.pipeline.reports.explanation import explain
from winnow.stages.document import DOCUMENT, REJECTION
from winnow.stages.run.workspace import Workspace

IDS = ["0a" * 16, "0b" * 16]


@pytest.fixture
def run(workspace: Workspace) -> Workspace:
    """Two documents, the second dropped by a rule; beside them a file that became none and one that gave up two records."""
    rows = [
        {"id": name, "text": "the mill grinds", "source": "mo", "kind": "catalogues", "locator": f"mo#{name[:2]}.mo"}
        for name in IDS
    ]
    workspace.write_table("documents/mo-00000.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
    lost = [
        {"locator": f"mo#{place}", "source": "mo", "stage": "ingest", "rule": f"catalogues.{rule}", "value": value}
        for place, rule, value in [("de.mo", "damaged", "cut short"), ("zh.mo@7", "empty", None)]
    ]
    workspace.write_table("rejections/ingest/mo-00000.parquet", pa.Table.from_pylist(lost, schema=REJECTION))
    drop = {"id": IDS[1], "locator": "mo#0b.mo", "source": "mo", "stage": "decide", "rule": "rulers.lines"}
    bounds = {"value": "0.4", "threshold": "≤ 0.1", "row": 1}
    schema = REJECTION.append(pa.field("row", pa.int32()))
    workspace.write_table("drops/decide/mo-00000.parquet", pa.Table.from_pylist([drop | bounds], schema=schema))
    return workspace


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("de.mo", "records that became no document: 1\n  ingest  mo#de.mo  catalogues.damaged: cut short"),
        ("mo#zh.mo@7", "records that became no document: 1\n  ingest  mo#zh.mo@7  catalogues.empty"),
        ("catalogues.empty", "records that catalogues.empty took: 1\n  ingest  mo#zh.mo@7  catalogues.empty"),
        (
            "rulers.lines",
            f"records that rulers.lines took: 1\n  {IDS[1]}  mo#0b.mo  rulers.lines: 0.4, asked ≤ 0.1",
        ),
        ("the mill", f"2 documents are meant by 'the mill'; choose one by its id:\n  {IDS[0]}  mo#0a.mo\n"),
        ("fr.mo", "no document of this run has an id that starts with 'fr.mo'"),
    ],
)
def test_what_is_no_single_document_is_told_by_what_is_known(run: Workspace, wanted: str, said: str) -> None:
    with pytest.raises(LookupError) as caught:
        explain(run, wanted)
    assert str(caught.value).startswith(said)


def test_of_many_records_the_first_are_shown_and_all_counted(run: Workspace) -> None:
    lost = [{"locator": f"{n}", "source": "mo", "stage": "ingest", "rule": "catalogues.few"} for n in range(25)]
    for part in range(2):
        run.write_table(f"rejections/ingest/mo-{part + 1:05d}.parquet", pa.Table.from_pylist(lost, schema=REJECTION))
    with pytest.raises(LookupError) as caught:
        explain(run, "catalogues.few")
    first, *shown = str(caught.value).splitlines()
    assert first == "records that catalogues.few took: 50, the first of them" and len(shown) == 10
