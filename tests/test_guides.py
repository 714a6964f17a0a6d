"""What the guides show works as it stands there."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.filters.recipes import find_recipe
from winnow.pipeline.cli import cli
from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.reading import read_model
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import SEGMENT, Sequences
from winnow.stages.shards.shard import Phase, build_index, write_shard

DOCS = Path(__file__).parents[1] / "docs"
LINK = re.compile(r"\]\(([^)#:]*[./][^)#:]*)(?:#[^)]*)?\)")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the guides' modules in a package of the user's own."""
    package = tmp_path / "mypackage"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "shouting.py").write_text(blocks("guides/filter.md", "python")[0])
    (package / "webdataset.py").write_text(blocks("guides/exporter.md", "python")[0])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("mypackage", "mypackage.shouting", "mypackage.webdataset"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def worked(command: str) -> None:
    cli.main(command.removeprefix("$ winnow ").split(), standalone_mode=False)


def test_the_filter_of_the_guide_measures(shown: Path) -> None:
    found = find_recipe("mypackage.shouting:SHOUTING")
    assert found in import_module("mypackage.shouting").RECIPES and found.measure is not None
    measured = found.measure(pa.table({"text": ["BUY NOW, Bob", "a plain sentence", "ÄÖ ab", "12 !?"]}))
    assert measured["shouting.capitals"].to_pylist() == [7 / 9, 0.0, 0.5, None]


def test_the_filter_of_the_guide_decides_alone_and_has_the_rule_of_the_manifest(shown: Path) -> None:
    (shown / "texts.jsonl").write_text('{"text": "BUY NOW, Bob"}\n{"text": "a plain sentence"}\n')
    own = "mypackage.shouting:SHOUTING"
    worked(blocks("guides/filter.md", "console")[0].replace("--recipe shouting", f"--recipe {own}"))
    (left_out,) = pq.read_table("filtered/rejected.parquet").to_pylist()
    assert (left_out["rule"], left_out["text"]) == ("shouting.capitals", "BUY NOW, Bob")
    assert pq.read_table("filtered/kept.parquet")["text"].to_pylist() == ["a plain sentence"]
    asked = blocks("guides/filter.md", "yaml")[0].replace("recipe: shouting", f'recipe: "{own}"')
    (shown / "own.yaml").write_text(f"extends: pretrain\n{asked}")
    (entry,) = read_model(shown / "own.yaml", Manifest).filters
    assert [rule.maximum for rule in entry.application().recipe.rules] == [0.4]


def test_the_exporter_of_the_guide_writes_what_the_shards_hold(shown: Path, workspace: Workspace) -> None:
    ids = np.arange(24, dtype=np.uint16).reshape(2, 12)
    empty = {"source": "web", "language": None, "offset": 0, "continued": False}
    places = [("a", 0, 12), ("b", 0, 4), ("c", 4, 5)]
    rows = [{"document": name, "position": at, "length": size, **empty} for name, at, size in places]
    mask = ids % 2 == 0
    held = Sequences(input_ids=ids, segments=pa.array(rows, type=SEGMENT), bounds=np.array([0, 1, 3]), loss_mask=mask)
    write_shard(workspace, "shards/length-4096/0.parquet", held)
    phases = [Phase(name="length-4096", length=12, rotary_base=1e4)]
    build_index(workspace, stage="sft", dtype=np.uint16, tokenizer={"path": "tokenizer"}, phases=phases)
    workspace.write_bytes("plan.json", b"{}")
    worked(blocks("guides/exporter.md", "console")[0].replace("runs/mid", workspace.path("").rstrip("/")))
    with tarfile.open("shards.tar") as archive:
        read = {entry.name: archive.extractfile(entry).read() for entry in archive}
    for row in range(2):
        name = f"length-4096-{row:08d}"
        assert np.load(io.BytesIO(read[f"{name}.input_ids.npy"])).tolist() == ids[row].tolist()
        assert np.load(io.BytesIO(read[f"{name}.loss_mask.npy"])).tolist() == mask[row].tolist()
        segments = json.loads(read[f"{name}.segments.json"])
        assert [segment["document"] for segment in segments] == [["a"], ["b", "c"]][row]


def test_the_mixture_of_the_guide_is_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(blocks("guides/mixture.md", "yaml")[0])
    assert sum(read_model(tmp_path / "mine.yaml", Manifest).weights().values()) == pytest.approx(100)


def test_links_of_the_documentation_lead_somewhere() -> None:
    pages = [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    links = [(page, target) for page in pages for target in LINK.findall(page.read_text("utf-8"))]
    assert len(links) > 30
    assert not [(page.name, target) for page, target in links if not (page.parent / target).exists()]
