"""A finished run of which files went missing or changed: the same command makes them again, and says so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import SmallRun


def test_missing_and_truncated_files_are_made_again_and_leftovers_go(
    small_run: SmallRun, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    document = sorted((run / "documents").glob("*.parquet"))[0]
    document.unlink()
    shard = sorted((run / "shards").rglob("*.parquet"))[0]
    shard.write_bytes(shard.read_bytes()[:-9])
    receipt = sorted((run / "receipts" / "decide").glob("*.json"))
    receipt[0].write_bytes(receipt[1].read_bytes())  # another unit's
    receipt[2].write_bytes(b"\xff\x00 no JSON")
    leftover = run / "tokens" / "web-00000.parquet.0a1b2c3d.tmp"
    leftover.write_bytes(b"half")
    again = small_run.run(run, "--workers", "1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "worked again: their files were missing or not as they had been written" in " ".join(again.stdout.split())
    assert not leftover.exists()
    before, after = ({p.relative_to(root): p.read_bytes() for p in root.rglob("*.parquet")} for root in (finished, run))
    assert before == after
    assert (run / "lock.json").read_bytes() == (finished / "lock.json").read_bytes()


def test_a_lost_table_of_the_environment_is_written_again(small_run: SmallRun, finished: Path, tmp_path: Path) -> None:
    """Its folder may be what a power failure takes, when every unit is done and the lock isn't written."""
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    shutil.rmtree(run / "environments")
    for name in ("lock.json", "seal.json"):
        (run / name).unlink()
    again = small_run.run(run, "--workers", "1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert (run / "lock.json").read_bytes() == (finished / "lock.json").read_bytes()


def test_a_flipped_bit_is_found_by_a_paranoid_run(small_run: SmallRun, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    tokens = sorted((run / "tokens").glob("*.parquet"))[0]
    content = bytearray(tokens.read_bytes())
    content[len(content) // 2] ^= 4
    tokens.write_bytes(content)
    assert small_run.run(run, "--workers", "1").returncode == 0
    assert tokens.read_bytes() == bytes(content), "sizes alone don't tell"
    again = small_run.run(run, "--workers", "1", "--paranoid")
    assert again.returncode == 0, again.stdout + again.stderr
    assert tokens.read_bytes() == (finished / "tokens" / tokens.name).read_bytes()
