"""`winnow trace` on a finished run: a token's document is the one whose text holds it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from click.testing import CliRunner, Result

from winnow.pipeline.cli import cli
from winnow.pipeline.configuration.reading import ConfigurationError


def trace(shard: Path, row: int, token: int) -> Result:
    return CliRunner().invoke(cli, ["trace", str(shard), str(row), str(token)])


def test_a_token_of_a_page_leads_to_its_file(finished: Path) -> None:
    shard = sorted((finished / "shards").rglob("*.parquet"))[0]
    segments = pq.read_table(shard, columns=["segments"])["segments"].to_pylist()
    row, place, document = next(
        (row, sum(before["length"] for before in of_row[:number]), segment["document"])
        for row, of_row in enumerate(segments)
        for number, segment in enumerate(of_row)
        if segment["source"] == "web"
    )
    result = trace(shard, row, place)
    assert result.exit_code == 0, result.output
    told = dict(line.split(None, 1) for line in result.output.splitlines() if len(line.split(None, 1)) == 2)
    assert told["segment"].startswith(document)
    assert told["source"].strip() == "web" and ".html" in told["locator"]


def test_a_token_past_the_row_is_refused_in_a_sentence(finished: Path) -> None:
    shard = sorted((finished / "shards").rglob("*.parquet"))[0]
    assert isinstance(trace(shard, 0, 10_000_000).exception, ConfigurationError)
