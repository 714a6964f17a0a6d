"""Names of files are taken as they stand, whatever signs they have; patterns match beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import fsspec
import pytest

from winnow.formats.addresses import expand, filesystem_of, opened
from winnow.formats.containers.archives import members

NAMES = [
    "dbl::colon.jsonl",
    "data[1].jsonl",
    "new\nline.jsonl",
    "sp ace.jsonl",
    "水.jsonl",
    "q?.jsonl",
    "a*b.jsonl",
    "~x.jsonl",
]


@pytest.mark.parametrize("folder", [".", "dir[2]", "a::b", "star*"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_under_its_own_name_and_by_a_pattern(
    tmp_path: Path, ingest: Any, folder: str, name: str
) -> None:
    path = tmp_path / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"text": "Somebody wrote this."}\n')
    assert expand(str(path)) == expand(str(path.parent / "*.jsonl")) == [str(path)]
    documents, rejections = ingest("tables", expand(str(path))[0])
    assert [row["text"] for row in documents] == ["Somebody wrote this."] and not rejections
    found = [member.name for member in members(str(path.parent))]
    assert found == ([] if "\n" in name else [name])  # a member's name has no control signs


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.jsonl")).write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"caf\\udce9\.jsonl isn't UTF-8"):
        expand(str(tmp_path / "*.jsonl"))


def test_what_has_a_protocol_is_an_address(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/addresses/a.txt", b"far")
    assert expand("memory://addresses/*.txt") == ["memory:///addresses/a.txt"]
    with opened("memory://addresses/a.txt") as stream:
        assert stream.read() == b"far"
    assert filesystem_of(f"file://{tmp_path}/x")[1] == f"{tmp_path}/x"
