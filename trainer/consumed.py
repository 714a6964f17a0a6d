"""`winnow-train consumed`: which documents a model has read, so that shards of another mixture don't give them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.compute as pc

from winnow.stages.consumed import CONSUMED, read_consumed
from winnow.stages.run.unit import Unworkable
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import Sequences
from winnow.trainer import checkpoint
from winnow.trainer.config import TrainingError
from winnow.trainer.held_out import split_of
from winnow.trainer.loop import inputs_of
from winnow.trainer.printing import say

MOST_WAITING = 1 << 20  # segments that are summed at a time at the least


def consumed(run: str, out: Path) -> pa.Table:
    """The documents that the last checkpoint in `out` has read of a run's shards: a table of schema `CONSUMED` by id.

    Raises `TrainingError` where there is no checkpoint, or the shards aren't those that it read.
    """
    split = split_of(run, out)
    last = checkpoint.complete(out / "checkpoints")[-1]
    checkpoint.check_inputs(last, checkpoint.progress_of(last), inputs_of(run))
    return documents_in(split.sequences())


def documents_in(sequences: Iterable[Sequences]) -> pa.Table:
    """The documents of some sequences with their tokens there."""
    summed, waiting, rows = CONSUMED.empty_table(), list[pa.Table](), 0
    for batch in sequences:
        segments = batch.segments
        columns = [segments.field("document"), segments.field("source"), segments.field("length")]
        waiting.append(pa.table(columns, schema=CONSUMED))
        rows += len(segments)
        if rows > max(MOST_WAITING, summed.num_rows):
            summed, waiting, rows = joined([summed, *waiting]), [], 0
    return joined([summed, *waiting])


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of schema `CONSUMED` as one, by id, the tokens of equal documents summed."""
    grouped = pa.concat_tables(tables).group_by(["document", "source"], use_threads=False)
    summed = grouped.aggregate([("tokens", "sum")]).rename_columns({"tokens_sum": "tokens"})
    return summed.cast(CONSUMED).sort_by([("document", "ascending"), ("source", "ascending")])


@click.command()
@click.option("--run", required=True, help="The run, or any folder with shards, that the model was trained on.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder of the training.")
@click.option("--write", required=True, type=click.Path(path_type=Path), help="The Parquet table to write.")
@click.option(
    "--add", multiple=True, help="A table of what was read before, whose documents are to stand in this one too."
)
def main(run: str, out: Path, write: Path, add: tuple[str, ...]) -> None:
    """Writes a table of the documents that a training has read so far.

    Name it in the profile's `resources` and in the manifest's `mixture.consumed`: the run then mixes what is left. Ask before
    the shards are built anew, since what was read is found in them.
    """
    try:
        table = joined([consumed(run, out), *map(read_consumed, add)])
    except (TrainingError, Unworkable, OSError) as error:
        raise click.ClickException(str(error)) from error
    Workspace(str(write.parent)).write_table(write.name, table)
    by_source = table.group_by("source").aggregate([("tokens", "sum"), ("document", "count")]).sort_by("source")
    for row in by_source.to_pylist():
        say(f"{row['source']}: {row['document_count']:,} documents, {row['tokens_sum']:,} tokens")
    say(f"{write}: {table.num_rows:,} documents, {pc.sum(table['tokens']).as_py() or 0:,} tokens")


if __name__ == "__main__":
    main()
