"""The data card and the model card of a run: what it holds and what was done to it, told by its lock and its shard index.

Nothing is asked of anybody, and nothing is told that the two don't prove: the index is compared with the lock's digest of
it. The data card has the front matter that Hugging Face reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.proof.lock import PATH, lock_digest
from winnow.pipeline.record.environment import Environment as Packages
from winnow.pipeline.reports.shares import Share, shares
from winnow.pipeline.terminal import inert
from winnow.stages.run.digests import content_digest
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import INDEX, ShardIndex

DATA_CARD, MODEL_CARD = "README.md", "MODEL.md"
LANGUAGE = re.compile(r"[a-z]{2,3}")  # what the Hub takes for a language; ours are programming languages, too
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B", "n>10B")
PACKAGES_TOLD = ("winnow-corpora", "pyarrow", "numpy", "sentencepiece", "datasketch")


@dataclass(frozen=True)
class Rule:
    """A rule as it decided: its bounds in words, and the documents that it dropped."""

    recipe: str
    name: str
    bounds: str
    dropped: int
    source: str


@dataclass(frozen=True)
class Account:
    """A finished run of shards, by its lock and its index."""

    lock: Mapping[str, Any]
    digest: str
    index: ShardIndex

    @property
    def manifest(self) -> Mapping[str, Any]:
        manifest: Mapping[str, Any] = self.lock["manifest"]
        return manifest

    @cached_property
    def steps(self) -> dict[str, Mapping[str, Any]]:
        return {step["step"]: step for step in self.lock["steps"]}

    @property
    def mixture(self) -> dict[str, list[Share]]:
        return shares(self.index.mixture)

    @property
    def sequences(self) -> int:
        return sum(phase.sequences for phase in self.index.phases)

    @property
    def tokens(self) -> int:
        return sum(phase.tokens for phase in self.index.phases)

    @property
    def size(self) -> str:
        """The Hub's category of so many rows."""
        return SIZES[min(max(len(str(self.sequences)) - 3, 0), len(SIZES) - 1)]

    @property
    def languages(self) -> list[str]:
        """Codes of the natural languages that were built, the largest first."""
        built: Mapping[str, int] = self.index.mixture.get("built", {}).get("languages", {})
        return [name for name, _ in sorted(built.items(), key=lambda one: -one[1]) if LANGUAGE.fullmatch(name)]

    def count(self, step: str, name: str) -> int:
        """A count of a step over all its units, 0 where there is none."""
        return int(self.steps.get(step, {}).get("counts", {}).get(name, 0))

    def rules(self) -> Iterator[Rule]:
        """Every rule that decided, with what it dropped. Recipes that stand twice in a manifest share their counts."""
        told = set()
        for application in self.lock["rules"]:
            for rule in application["rules"]:
                name = f"{application['recipe']}.{rule['name']}"
                dropped = self.count("decide", f"rejected: {name}")
                yield Rule(
                    recipe=application["recipe"],
                    name=rule["name"],
                    bounds=_bounds(rule),
                    dropped=0 if name in told else dropped,
                    source=rule["source"],
                )
                told.add(name)

    def levels(self) -> Iterator[tuple[str, str, int]]:
        """Each level of de-duplication that was worked: its name, its settings in words, documents dropped."""
        for level, settings in self.manifest["deduplicate"].items():
            if settings is not None:
                said = ", ".join(f"{key} {_said(value)}" for key, value in sorted(settings.items()) if _plain(value))
                yield level, said, self.count(f"deduplicate.{level}.drop", "dropped")

    def kinds(self) -> Iterator[tuple[str, str, list[str]]]:
        """For each source of the mixture, a kind of its inputs, what its profile gives for their licence, the paths."""
        for source in sorted({share.name for share in self.mixture.get("sources", ())}):
            for given in self.lock["profile"]["sources"].get(source, ()):
                licence = (given.get("given") or {}).get("license", "as each document says")
                yield f"{source} ({given['kind']})", licence, list(given["paths"])

    @property
    def rejected_at_ingest(self) -> int:
        counts = self.steps.get("ingest", {}).get("counts", {})
        return sum(number for name, number in counts.items() if name.startswith("rejected: "))

    def packages(self) -> list[str]:
        """Python and the packages that shape bytes most, in the versions that worked the run's units."""
        found = []
        for fields in self.lock["environments"].values():
            known = Packages(**fields)
            named = [f"{name} {known.packages[name]}" for name in PACKAGES_TOLD if name in known.packages]
            found.append(", ".join([f"Python {known.python}", *named]))
        return found


def open_account(run: str) -> Account:
    """The account of a finished run. Raises `ConfigurationError` where there is none, or the index isn't the lock's."""
    workspace = Workspace(run)
    if not workspace.exists(PATH):
        raise ConfigurationError(f"{run} has no {PATH}: a card is written from the lock of a finished run")
    content = workspace.read_bytes(PATH)
    lock = json.loads(content)
    if INDEX not in lock["outputs"] or not workspace.exists(INDEX):
        raise ConfigurationError(f"{run} holds no {INDEX}: it made preferences, not shards")
    index = workspace.read_bytes(INDEX)
    if content_digest(index) != lock["outputs"][INDEX]:
        raise ConfigurationError(f"{run}/{INDEX} isn't what the lock says: see `winnow verify {run}`")
    return Account(lock, lock_digest(content), ShardIndex.from_json(index))


def data_card(account: Account, name: str) -> str:
    """The card of the shards, in Markdown with front matter."""
    return _render("card.md.jinja", account=account, name=name)


def model_card(account: Account, name: str, trained: Mapping[str, Any] | None = None) -> str:
    """The card of a model trained on the shards; `trained` is what `trained_in` tells of a folder of the trainer."""
    return _render("model_card.md.jinja", account=account, name=name, trained=trained)


def trained_in(folder: Path) -> dict[str, Any]:
    """Steps, tokens, last loss and evaluation of a training that left `steps.jsonl` in the folder.

    Raises `ConfigurationError` where there is no such file.
    """
    history = folder / "steps.jsonl"
    if not history.is_file():
        raise ConfigurationError(f"--model {folder}: there is no steps.jsonl, so no training of winnow-train")
    notes = [json.loads(line) for line in history.read_text("utf-8").splitlines() if line.strip()]
    evaluation = folder / "evaluation.json"
    return {
        "steps": len(notes),
        "tokens": sum(note["tokens"] for note in notes),
        "loss": notes[-1]["loss"] if notes else None,
        "phases": json.loads(evaluation.read_text("utf-8"))["phases"] if evaluation.is_file() else {},
    }


def _render(template: str, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    environment.filters["cell"] = lambda value: str(value).replace("|", "\\|").replace("\n", " ")
    environment.finalize = lambda value: inert(value) if type(value) is str else value
    return environment.get_template(template).render(**values)


def _bounds(rule: Mapping[str, Any]) -> str:
    """`0.6 ≤ words.letter_fraction`, as the lock has it."""
    sign = "<" if rule["strict"] else "≤"
    low = "" if rule["minimum"] is None else f"{rule['minimum']:g} {sign} "
    high = "" if rule["maximum"] is None else f" {sign} {rule['maximum']:g}"
    return f"{low}{rule['measure']}{high}"


def _plain(value: Any) -> bool:
    return value is not None and not isinstance(value, dict)


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
