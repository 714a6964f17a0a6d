"""Any level of de-duplication alone, on files of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel

from winnow.stages.deduplicate import exact, forks, lines, minhash, scripts, semantic, url
from winnow.stages.deduplicate.contender import Preference
from winnow.stages.layout import Edit, carry_out, keep, lay_out
from winnow.stages.run.workspace import Workspace


class Level(NamedTuple):
    stage: str
    settings: type[BaseModel]
    plan: Callable[..., Any]
    kind: str = "tables"  # what the user's documents are taken for
    column: str = "text"  # what it compares
    edit: Edit | None = None


LEVELS: Mapping[str, Level] = {
    "repositories": Level(forks.STAGE, forks.Settings, forks.plan, kind=forks.KIND, column="repository"),
    "url": Level(url.STAGE, url.UrlSettings, url.plan, column="url"),
    "exact": Level(exact.STAGE, exact.ExactSettings, exact.plan),
    "lines": Level(lines.STAGE, lines.LineSettings, lines.plan, kind="web", edit=lines.strip_part),
    "minhash": Level(minhash.STAGE, minhash.MinHashSettings, minhash.plan),
    "scripts": Level(scripts.STAGE, scripts.ScriptSettings, scripts.plan),
    "semantic": Level(semantic.STAGE, semantic.SemanticSettings, semantic.plan),
}


@dataclass(frozen=True)
class Summary:
    """What came of it: documents read, dropped and kept, and the counts of every step."""

    documents: int
    dropped: int
    kept: int
    counts: Mapping[str, int]


def deduplicate_files(
    inputs: Sequence[str],
    out: str,
    level: str,
    settings: BaseModel | None = None,
    *,
    columns: Mapping[str, str] = {"text": "text"},
    quality: str | None = None,
) -> Summary:
    """De-duplicates Parquet, JSONL, CSV or Arrow files at one level, into the folder or address `out`.

    Leaves there `kept/` (the documents that stay; at the level `lines` without the shared lines), `drops/` (which went,
    for which, how similar), `clusters/` (sizes) and, for MinHash, `pairs/` (every candidate pair) and `signatures/`; for the
    level `scripts` both in `scripts/`.
    `columns` tells which of the inputs' columns is the `text`, the `url` or the `repository`, and `quality` which
    one the preference asks first, the higher the better.
    Raises `LookupError` for an unknown level or model, `FileNotFoundError` for a missing input, `ValueError` for
    inputs that hold no document or lack a column that the level compares.
    """
    if level not in LEVELS:
        raise LookupError(f"no level of de-duplication is called {level!r}; there are {', '.join(LEVELS)}")
    chosen = LEVELS[level]
    if chosen.column not in columns:
        raise ValueError(f"the level {level} compares {chosen.column}: say which of the inputs' columns that is")
    workspace = Workspace(out)
    settings = settings or chosen.settings()
    if quality is not None:
        settings = settings.model_copy(update={"preference": Preference(quality=quality)})
    measures = () if quality is None else (quality,)
    parts = lay_out(workspace, inputs, columns, kind=chosen.kind, measures=measures)
    if not parts:
        raise ValueError(f"{', '.join(inputs)}: no document found; see {workspace.path('rejections.parquet')}")
    counts = carry_out(workspace, chosen.plan(parts, settings))
    documents = sum(workspace.parquet(f"documents/{part}.parquet").metadata.num_rows for part in parts)
    kept = keep(workspace, parts, [chosen.stage], chosen.edit)
    for folder in ("exchange", "documents"):
        workspace.remove(folder)
    return Summary(documents=documents, dropped=documents - kept, kept=kept, counts=dict(counts))
