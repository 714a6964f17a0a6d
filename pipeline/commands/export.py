"""`winnow export`: shards in another trainer's format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands.options import here, open_run, parse_value
from winnow.stages.run.workspace import Workspace


class Export(click.Command):
    """Its help ends with the formats that are found, each with the first line that it says of itself."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        from winnow.stages.handoff.forms import ABOUT
        from winnow.stages.shards.exporters.found import exporters

        with formatter.section("Formats"):
            formatter.write_dl([(name, str(module.__doc__).partition("\n")[0]) for name, module in exporters().items()])
        with formatter.section("Formats of conversations, for runs of mid, sft and rl, without --phase"):
            formatter.write_dl(list(ABOUT.items()))


@click.command(name="export", cls=Export)
@click.argument("run", metavar="RUN")
@click.option(
    "--format", "target_format", required=True, metavar="NAME", help="one of those below, or package.module of your own"
)
@click.option(
    "--phase",
    "phases",
    multiple=True,
    metavar="NAME",
    help="of shards, such as length-4096; several follow in order",
)
@click.option("--out", callback=here, required=True, metavar="PATH", help="file or folder, as the format has it")
@click.option(
    "--pieces",
    type=click.Choice(("join", "end", "keep")),
    help="formats of documents: pieces of cut documents are joined again (default), ended each, or kept as they lie",
)
@click.option(
    "--columns", metavar="NAME,…", help="parquet: of input_ids, position_ids, labels (these by default), seq_lengths"
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="another option of the format: whole_rows=yes"
)
@click.option(
    "--part", type=click.Choice(("prompts", "pairs")), help="of rl: prompts (slime's default) or pairs (the others')"
)
def command(
    run: str,
    target_format: str,
    phases: tuple[str, ...],
    out: str,
    pieces: str | None,
    columns: str | None,
    options: tuple[str, ...],
    part: str | None,
) -> None:
    """Write phases of a run, or its conversations, in another trainer's format. Nothing is overwritten.

    Formats of documents write OUT.documents.parquet too, which says what each is; a loss mask that a format has no place
    for lies beside.
    """
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.pipeline.record.funnel import read_index
    from winnow.stages.handoff.forms import FORMS
    from winnow.stages.shards.exporters.found import exporter, exporters, options_of
    from winnow.stages.shards.sequences import ShardError

    workspace = open_run(run)
    if target_format in FORMS:
        _hand_off(workspace, target_format, out, part, phases)
        return
    index = read_index(workspace)
    if index is None:
        if workspace.list("rl", ".parquet"):
            raise ConfigurationError(
                f"{run} made prompts and pairs, not shards: rl/ holds them as Parquet and JSON lines"
            )
        raise ConfigurationError(f"{run} has no shards; `winnow status {run}` tells how far it is")
    try:
        module = exporter(target_format)
    except LookupError as error:
        raise ConfigurationError(f"--format: {error}") from None
    if not phases:
        raise ConfigurationError(f"--phase: {target_format} holds shards, so say of which phases")
    known = options_of(module)
    asked: dict[str, Any] = dict(map(parse_value, options))
    if pieces is not None:
        asked["pieces"] = pieces
    if columns is not None:
        asked["columns"] = [name.strip() for name in columns.split(",")]
    for name in asked:
        if name not in known:
            having = [other for other, found in exporters().items() if name in options_of(found)]
            hint = f"{name} is for {' and '.join(having)}" if having else f"it has {', '.join(known) or 'none'}"
            raise ConfigurationError(f"{target_format} has no option {name}: {hint}")
    if "pieces" in known:
        asked.setdefault("pieces", "join")
    try:
        counts = module.export(f"{run.rstrip('/')}/shards/index.json", phases, out, **asked)
    except (ShardError, OSError) as error:
        raise ConfigurationError(str(error)) from None
    if not isinstance(counts, Mapping):
        raise ConfigurationError(
            f"{target_format} has written {out}, but not said how much: `export` returns counts by what they count, "
            f"such as {{'sequences': …, 'tokens': …}}, not {counts!r}"
        )
    terminal.say(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    if os.path.exists(f"{out}.loss.bin"):
        terminal.say(
            f"the stage has a loss mask, which Megatron's GPTDataset doesn't know: it lies in {out}.loss.bin and .idx, a "
            "byte a token; multiply the losses by it, or the model learns to say the questions too"
        )


def _hand_off(workspace: Workspace, form: str, out: str, part: str | None, phases: tuple[str, ...]) -> None:
    """Writes conversations, prompts or pairs, and says what was left out and why."""
    from winnow.pipeline.configuration.reading import ConfigurationError
    from winnow.stages.handoff.writing import HandoffError, hand_off

    if phases:
        raise ConfigurationError(f"--phase is for shards; {form} gets every conversation of the run once")
    try:
        count, left_out = hand_off(workspace, form, out, part=part)
    except (HandoffError, OSError) as error:
        raise ConfigurationError(str(error)) from None
    terminal.say(f"{count:,} rows")
    for reason, number in sorted(left_out.items()):
        terminal.say(f"left out: {number:,}, {reason}")
