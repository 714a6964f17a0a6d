"""What a run has lost so far, source by source, and the likely cause where a source has lost everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.drafting.glimpse import remedy
from winnow.pipeline.planning.parts import Part
from winnow.pipeline.record.funnel import DROPS, INGEST_REJECTIONS
from winnow.pipeline.record.ledger import counts_of
from winnow.pipeline.record.receipt import Receipt
from winnow.stages import decide
from winnow.stages.document import REJECTION
from winnow.stages.run.workspace import Workspace

REASONS_SHOWN = 3
TOLD = {
    "ingest": f"{INGEST_REJECTIONS}/",
    "decide": f"{DROPS}/{decide.STAGE}/",
}  # after which steps, and where they lie
CONSUMED = ("consumed_documents", "consumed_tokens")


class EverythingLost(ConfigurationError):
    """A source of which nothing is left. The message has the likely cause and what to do."""


@dataclass
class Loss:
    """Of one source: records that came in, those left out, and why."""

    came: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        return self.came - self.reasons.total()


def losses(parts: Iterable[Part], receipts: Sequence[Receipt]) -> dict[str, Loss]:
    """By source, from the receipts of one step that told `documents` and `rejected`."""
    source_of = {part.name: part.source for part in parts}
    found: dict[str, Loss] = {source: Loss() for source in source_of.values()}
    for unit, counts in counts_of(receipts):
        loss = found[source_of[unit]]
        rejected = counts.get("rejected", {})
        for rule, count in rejected.items():
            loss.reasons[rule] += count
        came = int(counts.get("documents", 0))
        loss.came += came if "kept" in counts else came + sum(rejected.values())
    return found


def tell(console: Console, step: str, found: dict[str, Loss]) -> None:
    """A line for each source: in, left out, by which rules most."""
    table = Table(f"after {step}", "in", "left out", "most frequent reasons", box=None)
    for source, loss in found.items():
        most = ", ".join(f"{rule} {count:,}" for rule, count in loss.reasons.most_common(REASONS_SHOWN))
        table.add_row(source, f"{loss.came:,}", f"{loss.reasons.total():,}", most)
    console.print(table)


def tell_consumed(console: Console, receipts: Sequence[Receipt], settings: Settings) -> None:
    """How much is left out, since a model has read it. Raises `ConfigurationError` where that is nothing, or all."""
    told: Counter[str] = Counter()
    for _, counts in counts_of(receipts):
        told.update({name: counts.get(name, 0) for name in ("documents", "tokens", *CONSUMED)})
    documents, tokens = (told[name] for name in CONSUMED)
    place = settings.in_manifest("mixture", "consumed")
    if not documents:
        raise ConfigurationError(
            f"{place}: no document of this run stands in that table; `winnow-train consumed` writes one of a training on "
            "the same inputs, edits and, for repositories, the same lengths"
        )
    if not told["documents"]:
        raise ConfigurationError(f"{place}: a model has read every one of the {documents:,} documents of this run")
    console.print(
        f"left out, since a model has read them: {documents:,} documents of {tokens:,} tokens; "
        f"left: {told['documents']:,} of {told['tokens']:,}",
        highlight=False,
    )


def check(step: str, found: dict[str, Loss], parts: Sequence[Part], settings: Settings, workspace: Workspace) -> None:
    """Raises `EverythingLost` where a source has nothing left, with the cause and the fix for each such source."""
    lost = [source for source, loss in found.items() if not loss.left]
    if lost:
        told = [_told(step, source, found[source], parts, settings, workspace) for source in lost]
        raise EverythingLost("\n".join([*told, "--keep-going goes on without what was lost"]))


def _told(step: str, source: str, loss: Loss, parts: Sequence[Part], settings: Settings, workspace: Workspace) -> str:
    own = [part for part in parts if part.source == source]
    place = settings.in_profile("sources", source)
    if not loss.came:
        read = ", ".join(sorted({part.input.kind for part in own}))
        return (
            f"{place}: nothing in its {len(own)} parts is read by kind {read}: look at `paths`, or choose another kind"
        )
    rule, count = loss.reasons.most_common(1)[0]
    part, row = _example(step, rule, own, workspace)
    why = f"{place}: all {loss.came:,} records are lost at {step}, {count:,} by {rule}"
    shown = f": {row['locator']}: {row['value']}" + (f", asked {row['threshold']}" if row["threshold"] else "")
    fix = remedy(rule, part.input, part.split) if step == "ingest" else _fix_decide(rule)
    return f"{why}{shown if row['value'] else ''}{fix}"


def _example(step: str, rule: str, parts: Sequence[Part], workspace: Workspace) -> tuple[Part, dict[str, Any]]:
    for part in parts:
        path = f"{TOLD[step]}{part.name}.parquet"
        for row in workspace.read_table(path, columns=REJECTION.names).to_pylist() if workspace.exists(path) else ():
            if row["rule"] == rule:
                return part, row
    return parts[0], dict.fromkeys(REJECTION.names)


def _fix_decide(rule: str) -> str:
    recipe, _, name = rule.partition(".")
    return (
        f"\n  change its bound by `thresholds: {{{name}: …}}` of the filter {recipe}, leave the rule out by "
        f"`{name}: null`, or say by `content` what the source holds"
    )
