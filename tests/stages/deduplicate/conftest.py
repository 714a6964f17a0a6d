"""Small runs for the levels of de-duplication: documents laid out in parts, and a plan worked unit by unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pytest

from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.run.unit import Planned
from winnow.stages.run.workspace import Workspace


@pytest.fixture
def lay_out(workspace: Workspace) -> Callable[..., list[str]]:
    """`lay_out({"a-00000": ["text", …]})` writes parts of documents and returns their names."""

    def write(parts: Mapping[str, Sequence[str]], **columns: Mapping[str, Sequence[object]]) -> list[str]:
        for part, texts in parts.items():
            rows = [
                {
                    "id": document_id("test", f"{index}", text + part),
                    "text": text,
                    "source": "test",
                    "kind": "tables",
                    "locator": f"{part}@{index}",
                    **{name: values[part][index] for name, values in columns.items()},
                }
                for index, text in enumerate(texts)
            ]
            workspace.write_table(f"documents/{part}.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
        return list(parts)

    return write


@pytest.fixture
def work(workspace: Workspace) -> Callable[[Sequence[Planned]], dict[str, int]]:
    """Works a plan step by step and returns the summed counts, `<step>.<count>`."""

    def run(plan: Sequence[Planned]) -> dict[str, int]:
        totals: dict[str, int] = {}
        for step, units in plan:
            for unit in units:
                for name in unit.inputs:
                    assert workspace.exists(name), f"{step.name} names an input that isn't there: {name}"
                for key, value in step.work(workspace, unit).items():
                    totals[f"{step.name}.{key}"] = totals.get(f"{step.name}.{key}", 0) + value
        return totals

    return run
