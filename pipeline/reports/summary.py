"""The table that a run ends with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from winnow.pipeline.proof.seal import sealed_funnel
from winnow.pipeline.record.funnel import Funnel, contradictory_questions, read_funnel, read_index
from winnow.pipeline.reports.shares import shares
from winnow.pipeline.running.conductor import Finished
from winnow.stages.deduplicate.equal import CONTRADICTIONS
from winnow.stages.generate.judging import FOLDER as GENERATED
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens.sample import TOKENIZER

RULES_SHOWN = 3
NAMES_SHOWN = 8  # sources or languages that the terminal shows; the report shows all


def print_summary(console: Console, folder: str, finished: Finished, seconds: float, notes: Sequence[str]) -> None:
    """Documents in, dropped by reason, tokens out, mixture asked and built, seconds, where to look next.

    `notes`: what the filters don't reach.
    """
    workspace = Workspace(folder)
    kept = sealed_funnel(workspace) if finished.lock_digest else None
    console.print(_funnel_table(kept or read_funnel(workspace)))
    if asked := contradictory_questions(workspace):
        console.print(f"{asked:,} questions have contradictory labels: see {folder}/{CONTRADICTIONS}", highlight=False)
    index = read_index(workspace)
    if index is not None:
        console.print(_mixture_table(index.mixture))
        for sentence in index.mixture.get("unmet", ()):
            console.print(f"not met: {sentence}", highlight=False)
        if scarce := index.mixture.get("scarce"):
            console.print(f"no larger for want of {', '.join(scarce)}", highlight=False)
        shards = Table("phase", "length", "sequences", "tokens", "padding %", box=None, title_justify="left")
        for phase in index.phases:
            slots = phase.sequences * phase.length
            padding = 100 * phase.padding / slots if slots else 0.0
            shards.add_row(
                phase.name, f"{phase.length:,}", f"{phase.sequences:,}", f"{phase.tokens:,}", f"{padding:.2f}"
            )
        console.print(shards)
        tokenizer = json.loads(workspace.read_bytes(TOKENIZER)) if workspace.exists(TOKENIZER) else {}
        size, asked_size = (tokenizer.get(key, 0) for key in ("vocabulary_size", "vocabulary_asked"))
        if size < asked_size:
            console.print(f"the text has pieces for a vocabulary of {size:,}, not for the {asked_size:,} asked")
    for note in notes:
        console.print(f"note: {note}", markup=False)
    console.print(f"[bold]{seconds:.1f} s[/bold]" + ("" if finished.lock_digest else " (stopped early, as asked)"))
    if finished.lock_digest:
        console.print(f"lock {finished.lock_digest}   {folder}/lock.json", soft_wrap=True)
        made = f"{folder}/{GENERATED}/" if workspace.list(GENERATED) else f"winnow inspect {folder}"
        console.print(
            f"look next: {made}   ·   open {folder}/report.html   ·   winnow explain {folder} ID", soft_wrap=True
        )


def _funnel_table(funnel: Funnel) -> Table:
    table = Table("", "documents", "most frequent reasons", box=None)
    table.add_row("records read", f"{funnel.records:,}", "")
    for stage, rules in funnel.dropped.items():
        if rules:
            most = ", ".join(f"{rule} {count:,}" for rule, count in rules.most_common(RULES_SHOWN))
            table.add_row(f"− {stage}", f"{rules.total():,}", most)
    table.add_row("[bold]kept[/bold]", f"[bold]{funnel.kept:,}[/bold]", "")
    return table


def _mixture_table(mixture: Any) -> Table:
    table = Table("mixture", "asked %", "built %", "tokens", box=None)
    for rows in shares(mixture).values():
        shown = max(sum(row.asked is not None for row in rows), NAMES_SHOWN)
        for row in rows[:shown]:
            asked = "–" if row.asked is None else f"{row.asked:.1f}"
            table.add_row(row.name, asked, f"{row.built:.1f}", f"{row.tokens:,}")
        if left := rows[shown:]:
            built, tokens = sum(row.built for row in left), sum(row.tokens for row in left)
            table.add_row(f"{len(left)} others", "–", f"{built:.1f}", f"{tokens:,}")
    return table
