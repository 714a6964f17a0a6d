"""What a notebook has of Winnow: a run's tables as frames agree with the run, and the notebooks of examples/ run."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import winnow
from winnow.pipeline.record.funnel import read_funnel

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_frames_of_a_run_agree_with_its_funnel(finished: Path) -> None:
    run = winnow.open_run(str(finished))
    funnel = read_funnel(run.workspace)
    assert run.kept.select(pl.len()).collect().item() == funnel.kept
    counted: dict[str, Counter[str]] = {}
    for stage, rule, count in run.drops.group_by("stage", "rule").len().collect().iter_rows():
        counted.setdefault(stage, Counter())[rule] = count
    assert counted == {stage: rules for stage, rules in funnel.dropped.items() if rules and stage != "ingest"}
    beside = run.documents.select("part", "row", "id").join(
        run.attributes.select("part", "row", other="id"), on=["part", "row"]
    )
    assert beside.select((pl.col("id") == pl.col("other")).all()).collect().item()
    ids = winnow.encode(["plain words"], run.tokenizer)[0]
    assert run.tokenizer.decode(ids) == "plain words"


def test_a_frame_is_measured_as_a_run_measures(finished: Path) -> None:
    run = winnow.open_run(str(finished))
    prose = run.documents.filter(source="prose").select("id", "text").collect()
    measured = winnow.measure(prose, "gopher_quality")
    known = run.attributes.filter(source="prose").select(measured.drop("rule").columns).collect()
    assert measured.drop("rule").equals(known)
    short = winnow.measure(pl.DataFrame({"text": ["Far too short."]}), "gopher_quality")
    assert winnow.measure(prose.to_arrow(), "gopher_quality").equals(measured)
    assert winnow.measure(prose.lazy(), "gopher_quality").equals(measured)
    with pytest.raises(TypeError, match="a frame with a column `text`, not in a list"):
        winnow.measure(["Far too short."], "gopher_quality")
    assert short["rule"].to_list() == ["gopher_quality.words"]
    with pytest.raises(ValueError, match="no column `text`"):
        winnow.measure(pl.DataFrame({"body": ["a"]}), "gopher_quality")


def test_what_isnt_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run"):
        winnow.open_run(str(tmp_path))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = winnow.no_such_name


def test_winnow_is_imported_without_its_weight() -> None:
    code = "import sys, winnow; print(sorted({'polars', 'numba', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("notebook", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_notebooks_run(notebook: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN", str(finished))
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), str(notebook), "exec"), names)
    assert printed.getvalue().strip()
    if notebook.stem == "shards":
        assert names["first"]["input_ids"].tolist() == names["row"]["input_ids"]
        assert names["batch"]["labels"].shape[0] == 2
    if notebook.stem == "texts":
        assert names["judged"]["rule"].to_list() == ["gopher_quality.words", names["judged"]["rule"][1]]
        assert "# Mean" in names["text"] and "The mean of a sample" in names["text"]
