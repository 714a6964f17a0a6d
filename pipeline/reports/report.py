"""The HTML report of a run: one self-contained page, no script, readable offline and printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from winnow.pipeline.proof.lock import lock_digest, notes_of, read_lock
from winnow.pipeline.proof.seal import REPORT, seal_report
from winnow.pipeline.record.funnel import Funnel, document_rows, read_funnel, read_index
from winnow.pipeline.reports import account
from winnow.pipeline.reports.costs import step_costs
from winnow.pipeline.reports.distributions import BINS, distributions
from winnow.pipeline.reports.rejections import Rejections, Row, survey_rejections
from winnow.pipeline.reports.shares import shares
from winnow.pipeline.terminal import inert
from winnow.stages.run.workspace import Workspace

TEMPLATE = "report.html.jinja"
RULES_SHOWN = 40
SHARES_SHOWN = 12  # the others are folded away: a run over code has dozens of languages


@dataclass(frozen=True)
class RuleStory:
    """A rule, how many documents it dropped, and some of them: (id, locator, measured value, threshold)."""

    stage: str
    rule: str
    count: int
    examples: tuple[tuple[str, str, str, str], ...]


def write_report(workspace: Workspace) -> str:
    """Writes `report.html` into the run, seals it, returns its path. Raises `FileNotFoundError` where there is no lock."""
    lock = read_lock(workspace)
    index = read_index(workspace)
    seed = int(lock["manifest"]["seed"])
    rows, rejections = document_rows(workspace), survey_rejections(workspace, seed)
    funnel = read_funnel(workspace, rows=rows, rejected=rejections.counts)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.finalize = lambda value: inert(value) if type(value) is str else value
    decided = account.rules_of(lock)
    kept, dropped = account.examples(workspace, rejections, seed, rows)
    page = environment.get_template(TEMPLATE).render(
        sources=account.sources(workspace, index, rejections.lost, rows),
        phase_of={phase.length: phase for phase in index.phases} if index else {},
        by_phase=account.by_phase(workspace, index),
        lengths=account.lengths(workspace),
        fertility=account.fertility(workspace),
        distributions=distributions(workspace, decided, funnel),
        idle_rules=account.idle_rules(decided, funnel),
        kept=kept,
        dropped=dropped,
        near_duplicates=account.near_duplicates(workspace, rejections),
        preferences=account.preferences(workspace),
        unmet=index.mixture.get("unmet", ()) if index else (),
        scarce=index.mixture.get("scarce", ()) if index else (),
        BINS=BINS,
        SHARES_SHOWN=SHARES_SHOWN,
        lock=lock,
        digest=lock_digest(workspace.read_bytes("lock.json")),
        funnel=funnel,
        flow=_flow(funnel),
        rules=_rule_stories(rejections, funnel),
        marginals=shares(index.mixture if index else {}),
        phases=index.phases if index else (),
        tokens=sum(phase.tokens for phase in index.phases) if index else 0,
        costs=step_costs(workspace),
        notes=notes_of(lock),
        inputs=sorted(lock["inputs"], key=lambda entry: -entry["size"]),
    )
    workspace.write_bytes(REPORT, page.encode())
    seal_report(workspace)
    return workspace.path(REPORT)


def _flow(funnel: Funnel) -> list[tuple[str, int, int]]:
    """(stage, dropped there, left after it), from the records read to the documents kept."""
    left = funnel.records
    flow = []
    for stage, rules in funnel.dropped.items():
        left -= rules.total()
        flow.append((stage, rules.total(), left))
    return flow


def _rule_stories(rejections: Rejections, funnel: Funnel) -> list[RuleStory]:
    counted = ((count, stage, rule) for stage, rules in funnel.dropped.items() for rule, count in rules.items())
    most = sorted(counted, key=lambda entry: (-entry[0], entry[1:]))[:RULES_SHOWN]
    return [RuleStory(stage, rule, count, _shown(rejections.first[stage, rule])) for count, stage, rule in most]


def _shown(rows: Sequence[Row]) -> tuple[tuple[str, str, str, str], ...]:
    return tuple((row["id"] or "", row["locator"], row["value"] or "", row["threshold"] or "") for row in rows)
