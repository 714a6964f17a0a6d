"""How large an input is: of a folder, what lies below it."""

from __future__ import annotations

from pathlib import Path

from winnow.formats.splits import bytes_in


def test_a_folder_is_as_large_as_the_files_below_it_here_and_at_an_address(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name, size in (("a/one.txt", 70_000), ("a/b/two.txt", 30_000)):
        (tmp_path / name).write_bytes(b"x" * size)
    for root in (str(tmp_path), f"file://{tmp_path}"):
        assert bytes_in(f"{root}/a") == 100_000
        assert bytes_in(f"{root}/a/one.txt") == 70_000
        assert bytes_in(f"{root}/a/b") == 30_000
        assert bytes_in(f"{root}/a/b/") == 30_000
