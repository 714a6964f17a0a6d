"""Small files share parts, larger ones don't; a folder and the pattern of its files are the same inputs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.planning import parts as bundling
from winnow.pipeline.planning.parts import Part, find_parts

PAGE = "<html><body><article><p>{}</p></article></body></html>"
SENTENCE = "A mill grinds grain between two stones that the water turns, and number {} is slower than the others. "


def parts_of(folder: Path, *paths: str, **options: Any) -> list[Part]:
    entry = {"kind": "web", "paths": list(paths), **options}
    (folder / "profile.yaml").write_text(yaml.safe_dump({"root": ".", "sources": {"web": [entry]}}))
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"extends": "pretrain", "mixture": {"sources": {"web": 100}}}))
    return find_parts(load_settings(str(folder / "manifest.yaml"), str(folder / "profile.yaml")))


def documents(parts: list[Part], ingest: Any) -> list[tuple[str, str]]:
    from winnow.stages.ingest.source import Builder, kind_module

    tables: list[Any] = []
    builder = Builder(source="web", kind=parts[0].input.kind, emit=tables.append)
    for part in parts:
        for piece in part.pieces:
            kind_module(part.input.kind).read(piece, part.input.settings(), builder)
    builder.flush()
    assert not builder.rejections
    return [(row["id"], row["locator"]) for table in tables for row in table.select(["id", "locator"]).to_pylist()]


@pytest.mark.parametrize("kind", ["web", "tables"])
def test_a_folder_and_the_pattern_of_its_files_give_the_same_parts_and_documents(
    tmp_path: Path, ingest: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundling, "BUNDLE_BYTES", 40_000)
    suffix = "html" if kind == "web" else "jsonl"
    for number in range(60):
        text = SENTENCE.format(number) * 20
        content = PAGE.format(text) if kind == "web" else json.dumps({"text": text}) + "\n"
        path = tmp_path / "pages" / f"part{number % 3}" / f"{number:02d}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    how = {"kind": kind, "content": "web"}
    folder, pattern = parts_of(tmp_path, "pages", **how), parts_of(tmp_path, f"pages/**/*.{suffix}", **how)
    assert [(part.name, part.pieces) for part in folder] == [(part.name, part.pieces) for part in pattern]
    assert 2 < len(folder) < 10 and sum(len(part.pieces) for part in folder) == 60
    found = documents(folder, ingest)
    assert found == documents(pattern, ingest) and len({name for name, _ in found}) == 60


def test_a_bundle_is_bounded_and_what_is_large_stays_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "BUNDLE_FILES", 3)
    for number in range(8):
        (tmp_path / f"{number}.html").write_text(PAGE.format(number))
    (tmp_path / "4.html").write_text(PAGE.format("mill " * 300_000))
    sizes = [len(part.pieces) for part in parts_of(tmp_path, "*.html")]
    assert sizes == [3, 1, 1, 3]  # 0 1 2, then 3 before the large one, then it, then the rest
    named = parts_of(tmp_path, "0.html", "1.html", "2.html")
    assert [len(part.pieces) for part in named] == [1, 1, 1]  # named one by one: a part each


def test_links_and_pipes_of_a_folder_are_rejected_and_never_followed(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "secret.html").write_text(PAGE.format("not below the folder"))
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.html").write_text(PAGE.format(SENTENCE.format(1) * 5))
    (folder / "b.html").symlink_to(tmp_path / "secret.html")
    os.mkfifo(folder / "c.html")
    (folder / "d.html").write_text(PAGE.format(SENTENCE.format(2) * 5))
    found = ingest("web", folder)
    assert [row["locator"].rpartition("/")[2] for row in found.documents] == ["a.html", "d.html"]
    assert sorted(row["rule"] for row in found.rejections) == ["web.device", "web.link"]


def test_a_file_of_a_folder_of_tables_that_is_none_is_a_rejection(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "A mill."}) + "\n")
    (tmp_path / "README.md").write_text("Mills")
    found = ingest("tables", tmp_path)
    assert [row["text"] for row in found.documents] == ["A mill."]
    (rejection,) = found.rejections
    assert rejection["rule"] == "tables.format" and rejection["locator"].endswith("README.md#end")
