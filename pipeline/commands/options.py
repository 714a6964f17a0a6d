"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import click
import yaml
from pydantic import BaseModel, ValidationError

from winnow import bounded_yaml
from winnow.pipeline import terminal
from winnow.pipeline.configuration.reading import ConfigurationError, nearest

if TYPE_CHECKING:
    from winnow.pipeline.proof.publication import Transfer
    from winnow.stages.run.workspace import Workspace

Settings = TypeVar("Settings", bound=BaseModel)
STAGES = ("pretrain", "domain", "mid", "sft", "rl")

stage = click.option(
    "--stage", "manifest", default="mid", show_default=True, metavar="STAGE|FILE",
    help=f"training stage ({', '.join(STAGES)}), another name in manifests/, or the path of a manifest",
)  # fmt: skip
profile = click.option(
    "--profile", default="sample", show_default=True, metavar="NAME|FILE",
    help="where the inputs lie: a name in manifests/profiles/, or the path of a profile",
)  # fmt: skip
after = click.option(
    "--after",
    metavar="RUN",
    help="the finished run of the stage before: its tokenizer is taken, its near-duplicates go, the lock names it",
)
date = click.option(
    "--date",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    callback=lambda _, __, when: _as_named(when),
    metavar="DATE",
    help="what {date} is in the profile's paths, such as 2026-11-16 or 2026-11-16T06:00",
)
series = click.option(
    "--series",
    metavar="DIR",
    help="work in DIR/DATE on the inputs that no earlier run in DIR has read, built on the last of them as by --after",
)
changes = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="a setting, such as threshold=0.8 or overlap.answer=0.9",
)
run_folder = click.argument("run", metavar="RUN")


def here(_: click.Context, option: click.Parameter, place: str | None) -> str | None:
    """The callback of an option that names where to write, for what is written on this machine alone. Refuses addresses."""
    if place is not None and "://" in place:
        raise ConfigurationError(
            f"{option.opts[0]}: {place} is an address, and this is written on this machine: name a folder or file, and "
            "copy it to the store from there"
        )
    return place


def _as_named(when: datetime | None) -> str | None:
    """A date as runs of a series are called by it; midnight goes without saying."""
    if when is None:
        return None
    return when.date().isoformat() if when.time() == time.min else when.isoformat(timespec="minutes")


def folder(out: str | None, series: str | None, date: str | None, stage: str) -> str:
    """Where a run works. Raises `ConfigurationError` where a series and another folder are asked for."""
    from winnow.pipeline.configuration.series import place_of

    if series is None or date is None:
        place = out or f"runs/{stage}"
    elif out is not None:
        raise ConfigurationError("--series says where the run works: leave --out away")
    else:
        place = place_of(series, date)
    above = place
    while above and "://" not in above and not os.path.isdir(above):
        if os.path.islink(above) and not os.path.exists(above):
            raise ConfigurationError(
                f"{above} is a link to {os.readlink(above)}, which isn't there: make it, or name another by --out"
            )
        if os.path.exists(above):
            raise ConfigurationError(f"{above} is a file, and a run works in a folder: name another by --out")
        above = os.path.dirname(above)
    return place


def trace_parent() -> dict[str, str]:
    """The headers of the trace that whoever calls this command is in, as W3C's Trace Context hands them on."""
    return {name.lower(): os.environ[name] for name in ("TRACEPARENT", "TRACESTATE") if name in os.environ}


def parse_option(text: str) -> tuple[str, str]:
    """`model=lid.ftz` as a pair. Raises `click.BadParameter` without an equals sign."""
    name, sign, value = text.partition("=")
    if not sign:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


def parse_value(text: str) -> tuple[str, Any]:
    """`buckets=3`, `edges=[0.3, 0.7]` or `words={sexual: list.txt}` as a manifest would read it, in YAML."""
    name, value = parse_option(text)
    try:
        return name, bounded_yaml.load(value)
    except yaml.YAMLError as error:
        raise click.BadParameter(f"{text!r}: {error}") from None


def changed(
    settings: type[Settings], changes: Iterable[str], base: Mapping[str, Any] = MappingProxyType({})
) -> Settings:
    """The settings `base` with `threshold=0.8` and `overlap.answer=0.9` changed, a dotted key being inside a section.

    Raises `ConfigurationError` naming the key that there isn't or the value that can't be.
    """
    given = dict(base)
    for name, value in map(parse_option, changes):
        *sections, key = name.split(".")
        inner = given
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[key] = value
    try:
        return settings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
            raise ConfigurationError(
                f"--set {key}: there is no such setting{nearest(key, settings.model_fields)}"
            ) from None
        raise ConfigurationError(f"--set {key}: {first['msg']}") from None


def unread(out: str) -> Counter[str]:
    """The records that a command working in `out` could not read, by reason."""
    from winnow.stages.run.workspace import Workspace

    table = Workspace(out).read_table("rejections.parquet", columns=["rule"])
    return Counter(table["rule"].to_pylist())


def open_run(run: str) -> Workspace:
    """The workspace of a run that has begun. Raises `ConfigurationError` where there is none."""
    from winnow.pipeline.record.funnel import PLAN
    from winnow.stages.run.workspace import Workspace

    workspace = Workspace(run)
    if not workspace.list(PLAN):  # by a listing: to a look at one file a store that refuses doesn't say why
        raise ConfigurationError(f"there is no run in {run}{_runs_near(run)}")
    return workspace


def open_finished(run: str) -> Workspace:
    """The workspace of a run that has finished, even if its plan, its lock or its seal is gone.

    Raises `ConfigurationError` where there is none.
    """
    from winnow.pipeline.proof import lock, seal
    from winnow.stages.run.workspace import Workspace

    workspace = Workspace(run)
    if workspace.exists(lock.PATH) or workspace.exists(seal.PATH):
        return workspace
    open_run(run)
    raise ConfigurationError(
        f"{run} has no lock.json: the run isn't finished; `winnow status {run}` tells how far it is"
    )


def transferred(done: Transfer) -> str:
    """What a transfer did, in words."""
    there = f", {done.there} were there" if done.there else ""
    return f"{done.files} files copied, {done.bytes / 1e6:,.1f} MB{there}: each is what the lock says"


def _runs_near(run: str) -> str:
    """The runs that lie where this one was looked for, or below `runs`."""
    from winnow.pipeline.record.funnel import PLAN

    if "://" in run:
        return ""
    places = [Path(run), Path(run).parent, Path("runs")]
    found = sorted({str(plan.parent) for place in places if place.is_dir() for plan in place.glob(f"*/{PLAN}")})
    return nearest(run, found) if found else "; `winnow run` makes one"


NOTHING_KEPT = 3
"""Exit status of a command that works on files alone and has kept nothing of them."""


def conclude(came: int, kept: int, reasons: Mapping[str, int], *, err: bool = False) -> None:
    """The last line of a command that works on files alone: in, left out, the three reasons that took most, kept.

    Ends the command with status `NOTHING_KEPT` where nothing is left.
    """
    most = ", ".join(f"{rule} {count:,}" for rule, count in Counter(reasons).most_common(3))
    line = f"in {came:,}, left out {came - kept:,}" + (f" ({most})" if most else "") + f", kept {kept:,}"
    terminal.say(line, err=err)
    if not kept:
        terminal.say("nothing is kept", err=True)
        sys.exit(NOTHING_KEPT)
