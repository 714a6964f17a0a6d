"""What a soak's log tells, in Markdown: memory, handles, threads of each process, throughput of each step, and verdicts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.soak.judgement import Trend, Verdict, trend
from tests.soak.watch import IDLE, Look

SHORT = 2.0  # seconds of processor time of a round: a step that takes less isn't judged
MB = 1 << 20
DRIVER = "driver"


@dataclass
class Log:
    """Looks in order of time; of each round that came to its end the bytes of text and the facts noted of it."""

    looks: list[Look] = field(default_factory=list)
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Log:
        log = cls()
        for line in path.read_text("utf-8").splitlines():
            fields = json.loads(line)
            if "role" in fields:
                log.looks.append(Look(**fields))
            elif "status" in fields:
                log.ended[fields["round"]] = fields
        return log

    @property
    def rounds(self) -> list[int]:
        return sorted(number for number, facts in self.ended.items() if facts["status"] == 0)


@dataclass(frozen=True)
class Row:
    """A line of the report: what is judged, its trend, and what would be wrong."""

    name: str
    unit: str
    trend: Trend
    wrong: Verdict

    @property
    def is_wrong(self) -> bool:
        return self.trend.verdict is self.wrong

    def __str__(self) -> str:
        found = self.trend
        interval = "–" if found.rounds < 3 else f"{found.slope:+.3g} ({found.low:+.3g} … {found.high:+.3g})"
        verdict = f"**{found.verdict}**" if self.is_wrong else str(found.verdict)
        return f"| {self.name} | {found.first:,.4g} | {found.last:,.4g} {self.unit} | {interval} | {verdict} |"


def processes(log: Log) -> list[Row]:
    """At each round's end when nothing is worked, and at its highest while it is."""
    by_role: dict[str, dict[int, list[Look]]] = defaultdict(lambda: defaultdict(list))
    for look in log.looks:
        if look.round in log.rounds:
            by_role[look.role][look.round].append(look)
    rows = []
    for role, rounds in sorted(by_role.items()):
        numbers = [number for number in log.rounds if number in rounds]
        of: dict[str, Callable[[Look], float]] = {
            "memory": lambda look: look.memory / MB,
            "handles": lambda look: look.handles,
            "threads": lambda look: look.threads,
            "children": lambda look: look.children,
        }
        for what, value in of.items():
            unit = "MB" if what == "memory" else ""
            highest = [max(value(look) for look in rounds[number]) for number in numbers]
            rows.append(Row(f"{role}: {what}, highest", unit, trend(highest), Verdict.RISES))
            idle = [[value(look) for look in rounds[number] if look.step == IDLE] for number in numbers]
            if all(idle) and role != DRIVER:  # which comes to its end with its round
                rows.append(Row(f"{role}: {what}, idle", unit, trend([found[-1] for found in idle]), Verdict.RISES))
    return rows


def steps(log: Log) -> list[Row]:
    """MB of a round's text by second of processor time, of a machine as fast as this one was at the median."""
    used, speeds = _used(log)
    usual = median(speed for found in speeds.values() for speed in found) if speeds else 1.0
    rows = []
    for step in dict.fromkeys(step for _, step in used):
        if any((number, step) not in used for number in log.rounds):
            continue  # of a round whose plan has no such step
        cost = {number: used[number, step] * median(speeds[number, step]) / usual for number in log.rounds}
        if min(cost.values()) > SHORT:
            rates = [log.ended[number]["text"] / MB / cost[number] for number in log.rounds]
            rows.append(Row(step, "MB/s", trend(rates), Verdict.FALLS))
    return rows


def _used(log: Log) -> tuple[dict[tuple[int, str], float], dict[tuple[int, str], list[float]]]:
    """By round and step: seconds of processor time of driver and workers, and the speeds of the machine meanwhile."""
    used: dict[tuple[int, str], float] = defaultdict(float)
    speeds: dict[tuple[int, str], list[float]] = defaultdict(list)
    before: dict[int, Look] = {}
    for look in log.looks:
        last = before.get(look.pid)
        if look.round in log.rounds and look.step != IDLE and look.role != "cluster":
            speeds[look.round, look.step].append(look.speed)
            if last is not None and (last.round, last.step) == (look.round, look.step):
                used[look.round, look.step] += look.processor - last.processor
                used[look.round, "all steps"] += look.processor - last.processor
                speeds[look.round, "all steps"].append(look.speed)
        before[look.pid] = look
    return used, speeds


def lives(log: Log) -> dict[str, int]:
    """How many processes each worker has been: one, where none died."""
    found: dict[str, set[int]] = defaultdict(set)
    for look in log.looks:
        if look.role.startswith("worker"):
            found[look.role].add(look.pid)
    return {role: len(pids) for role, pids in sorted(found.items())}


def report(log: Log) -> tuple[str, bool]:
    """The page, and whether anything grows, slows down, failed or died."""
    rounds = log.rounds
    if not rounds:
        return "no round has come to its end", True
    text = sum(log.ended[number]["text"] for number in rounds)
    documents = sum(log.ended[number]["documents"] for number in rounds)
    own = [look.time for look in log.looks]
    lines = [
        f"{text / 1e9:.1f} GB of text in {documents:,} documents through all passes in {len(rounds)} rounds, "
        f"{(max(own) - min(own)) / 3600:.2f} hours; lives of workers: {lives(log)}",
    ]
    tables: Sequence[tuple[str, list[Row]]] = (("process", processes(log)), ("step", steps(log)))
    for title, rows in tables:
        lines += [
            "",
            f"| {title} | after warm-up | at the end | by round (95 %) | |",
            "|---|--:|--:|--:|---|",
            *map(str, rows),
        ]
    failed = sorted(set(log.ended) - set(rounds))
    wrong = any(row.is_wrong for _, rows in tables for row in rows) or bool(failed) or max(lives(log).values()) > 1
    if failed:
        lines += ["", *(f"round {number} ended with status {log.ended[number]['status']}" for number in failed)]
    return "\n".join(lines), wrong
