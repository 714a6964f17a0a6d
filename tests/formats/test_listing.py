"""What lies below a folder, whatever lies there and however much."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from winnow.formats import listing


@pytest.mark.parametrize("together", [1, 2, 1000])
def test_every_file_and_link_is_found_once_and_no_folder(
    tmp_path: Path, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "TOGETHER", together)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for name, size in (("a/one", 3), ("a/two", 0), ("a/b/three", 5), ("four", 7)):
        (tmp_path / name).write_bytes(b"x" * size)
    (tmp_path / "linked").symlink_to("four")
    (tmp_path / "a" / "folder").symlink_to(tmp_path / "empty")
    (tmp_path / "gone").symlink_to("nowhere")
    found = [
        entry for folder, some in listing.folders(str(tmp_path)) for entry in some if entry.path.startswith(folder)
    ]
    sizes = {os.path.relpath(entry.path, tmp_path): listing.size_of(entry) for entry in found}
    told = [(folder, one) for folder, *some in listing.sized(str(tmp_path)) for one in zip(*some, strict=True)]
    assert {os.path.relpath(f"{folder}/{name}", tmp_path): size for folder, (name, size) in told} == sizes
    assert len(told) == len(sizes)
    assert len(found) == len(sizes)
    assert sizes.pop("a/folder") == (tmp_path / "empty").stat().st_size
    assert sizes == {"a/one": 3, "a/two": 0, "a/b/three": 5, "four": 7, "linked": 7, "gone": 0}
    assert sorted(entry.path for entry in listing.entries(str(tmp_path))) == sorted(entry.path for entry in found)
    assert list(listing.folders(str(tmp_path / "absent"))) == list(listing.sized(str(tmp_path / "absent"))) == []
