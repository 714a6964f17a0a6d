"""Writes a run's conversations, prompts or pairs as one file of JSON lines."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from winnow.stages.handoff.forms import FORMS
from winnow.stages.handoff.rows import Row, conversations, is_of_preferences, pairs, prompts
from winnow.stages.run.workspace import Workspace

INFO = "dataset_info.json"


class HandoffError(Exception):
    """A hand-off that can't be: the message says why."""


def hand_off(workspace: Workspace, form: str, target: str, *, part: str | None = None) -> tuple[int, Mapping[str, int]]:
    """Writes `target`, one object a line; returns how many, and how many rows were left out for which reason.

    `part`: `prompts` or `pairs` of a stage of preferences, by default prompts for slime and pairs for the others. For
    LLaMA-Factory, `dataset_info.json` lies beside the file. Raises `HandoffError` for a target that exists, and where
    nothing is left to write.
    """
    if os.path.lexists(target):
        raise HandoffError(f"{target} is there already; remove it or name another target")
    left_out: Counter[str] = Counter()
    count = 0
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    temporary = f"{target}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8") as stream:
            for row in _rows(workspace, form, part):
                told = FORMS[form](row)
                if isinstance(told, str):
                    left_out[told] += 1
                    continue
                stream.write(json.dumps(told, ensure_ascii=False) + "\n")
                count += 1
        if not count:
            reasons = ", ".join(f"{reason} ({number:,})" for reason, number in left_out.most_common(3))
            raise HandoffError(f"nothing of {workspace.root} can go to {form}: {reasons or 'it holds no conversation'}")
        os.replace(temporary, target)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    if form == "llama-factory":
        _register(Path(target), ranked=part != "prompts" and is_of_preferences(workspace))
    return count, dict(left_out)


def _rows(workspace: Workspace, form: str, part: str | None) -> Iterator[Row]:
    if not is_of_preferences(workspace):
        return conversations(workspace)
    return (
        prompts(workspace) if (part or ("prompts" if form == "slime" else "pairs")) == "prompts" else pairs(workspace)
    )


def _register(target: Path, *, ranked: bool) -> None:
    """Names the file in `dataset_info.json` beside it, by which LLaMA-Factory finds data sets."""
    info = target.with_name(INFO)
    known = json.loads(info.read_text("utf-8")) if info.exists() else {}
    columns = {"messages": "conversations", "system": "system", "tools": "tools"}
    entry: dict[str, object] = {"file_name": target.name, "formatting": "sharegpt", "columns": columns}
    if ranked:
        entry |= {"ranking": True, "columns": {**columns, "chosen": "chosen", "rejected": "rejected"}}
    info.write_text(json.dumps({**known, target.stem: entry}, indent=1, ensure_ascii=False) + "\n", "utf-8")
