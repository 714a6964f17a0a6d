"""Generation in a run: its steps, whether what it names is there, and what it will ask a server for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from winnow.pipeline.configuration.reading import ConfigurationError, nearest
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.planning.parts import Part, input_sizes
from winnow.pipeline.record.funnel import DROPS
from winnow.stages.generate.asking import ASK, ask_units
from winnow.stages.generate.judging import JUDGE, grader, judge_units
from winnow.stages.generate.prompts import BYTES_PER_TOKEN
from winnow.stages.generate.settings import CONSISTENCY, LABEL, Generation
from winnow.stages.run.drops import surviving
from winnow.stages.run.unit import Planned
from winnow.stages.run.workspace import Workspace

USUAL_BYTES = 3000
"""Of a document, about; before the inputs are read nobody knows."""


@dataclass(frozen=True)
class Forecast:
    """Requests and tokens, about: `sent` of prompts, `answered` at the most. `counted`: the documents are there, left by
    filters and de-duplication as far as these have come; otherwise the sizes of inputs are all there is to go by."""

    requests: int
    sent: int
    answered: int
    counted: bool

    def said(self, settings: Settings) -> str:
        """One line for a person."""
        asked = _asked(settings)
        server = settings.profile.servers[asked.server]
        about = "about" if self.counted else "by the sizes of the inputs, before any filter, very roughly"
        cost = server.cost(self.sent, self.answered) / 1e6
        return (
            f"generate: {about} {self.requests:,} requests to {asked.server} for {asked.model}, some {self.sent:,} tokens "
            f"sent and at most {self.answered:,} answered" + (f", at most {cost:,.2f} by its prices" if cost else "")
        )


def generation_steps(parts: Sequence[Part], settings: Settings, dropping: Sequence[str]) -> Iterator[Planned]:
    """Asking and judging, one unit a part each. `dropping`: the stages that dropped documents."""
    asked = _asked(settings)
    names = [part.name for part in _parts(parts, asked)]
    server = settings.profile.servers[asked.server]
    yield ASK, ask_units(names, asked, server, seed=settings.manifest.seed, stages=list(dropping))
    yield JUDGE, judge_units(names, asked)


def check_generation(settings: Settings) -> None:
    """Raises `ConfigurationError` for a server that the profile hasn't got, and for a grade that can't be found."""
    asked = settings.manifest.generate
    if asked is None:
        return
    servers = settings.profile.servers
    if asked.server not in servers:
        place = settings.in_manifest("generate", "server")
        raise ConfigurationError(
            f"{place}: `servers` of the profile, where addresses stand, has no {asked.server!r}{nearest(asked.server, servers)}"
        )
    if asked.grade is not None and asked.grade not in (LABEL, CONSISTENCY):
        try:
            grader(asked.grade)
        except (LookupError, ImportError, AttributeError, SyntaxError) as error:
            raise ConfigurationError(f"{settings.in_manifest('generate', 'grade')}: {error}") from None


def forecast(parts: Sequence[Part], settings: Settings, workspace: Workspace) -> Forecast:
    """What a run in this folder will have asked for when it ends; what it has asked already is among it."""
    asked = _asked(settings)
    chosen = _parts(parts, asked)
    counted = all(workspace.exists(f"documents/{part.name}.parquet") for part in chosen)
    if counted:
        by_part: dict[str, list[str]] = defaultdict(list)
        for path in workspace.list(DROPS, ".parquet"):
            by_part[path.rpartition("/")[2].removesuffix(".parquet")].append(path)
        found = [_left(workspace, part.name, by_part[part.name]) for part in chosen]
        documents, size = sum(count for count, _ in found), sum(size for _, size in found)
    else:
        size = sum(input_sizes(chosen).values())
        documents = max(size // USUAL_BYTES, len(chosen))
    requests = int(documents * asked.rate) * asked.answers
    template = len((asked.template() + (asked.system or "")).encode())
    sent = int((size + documents * template) * asked.rate) * asked.answers // BYTES_PER_TOKEN
    return Forecast(requests, sent, requests * asked.tokens, counted)


def _left(workspace: Workspace, part: str, drops: Sequence[str]) -> tuple[int, int]:
    """Documents of a part that nothing has dropped yet, and the bytes of their texts."""
    texts = workspace.read_table(f"documents/{part}.parquet", columns=["text"])["text"]
    kept = texts.filter(pa.array(surviving(workspace, len(texts), drops)))
    return len(kept), pc.sum(pc.binary_length(kept)).as_py() or 0


def _parts(parts: Sequence[Part], asked: Generation) -> list[Part]:
    return [part for part in parts if not asked.sources or part.source in asked.sources]


def _asked(settings: Settings) -> Generation:
    assert settings.manifest.generate is not None
    return settings.manifest.generate
