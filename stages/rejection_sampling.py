"""Rejection sampling: of several scored answers to one prompt, the best stays.

Answers are conversations with a score (`"scores": {"reward": …}` in their messages) that begin with the same system
prompt, tools and messages up to the first turn of the assistant, in one source. The highest score wins, then the
longest, then the smallest id. Conversations without a score are left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.stages.deduplicate.contender import read_contenders
from winnow.stages.deduplicate.equal import EqualSettings, HashPart, plan_equal, resolve, send_claims
from winnow.stages.deduplicate.verdict import drop
from winnow.stages.run.unit import Counts, Planned, Step, Unit
from winnow.stages.run.workspace import Workspace

STAGE = "rejection_sampling"
SCORE = "reward"


class RejectionSamplingSettings(EqualSettings):
    """`buckets` of the exchange; the preference isn't used, the score is."""


def prompt_key(talk: Mapping[str, Any], source: str) -> bytes:
    """The 128-bit hash of what the assistant was given before it first spoke."""
    asked = list(takewhile(lambda message: message["role"] != "assistant", talk["messages"]))
    given = [source, talk.get("tools") or [], asked]
    return hashlib.blake2b(json.dumps(given, sort_keys=True).encode(), digest_size=16).digest()


def hash_part(workspace: Workspace, unit: Unit[HashPart]) -> Counts:
    """Scatters the scored answers of one part by their prompts."""
    columns = ["source", "messages"]
    contenders, documents = read_contenders(workspace, unit.asked.contending, columns)
    keys, scores, rows = [], [], []
    for row, (source, messages) in enumerate(zip(*(documents[name].to_pylist() for name in columns), strict=True)):
        talk = json.loads(messages) if messages else {}
        score = talk.get("scores", {}).get(SCORE)
        if score is not None:
            keys.append(prompt_key(talk, source))
            scores.append(float(score))
            rows.append(row)
    scored = contenders.take(pa.array(rows, pa.int64()))
    place = scored.schema.get_field_index("quality")
    scored = scored.set_column(place, scored.schema.field(place), pa.array(scores, pa.float64()))
    words = np.frombuffer(b"".join(keys), np.uint64).reshape(-1, 2)
    return send_claims(workspace, unit, words, scored)


HASH = Step(name=f"{STAGE}.hash", version=1, work=hash_part)
RESOLVE = Step(name=f"{STAGE}.resolve", version=1, work=resolve)
DROP = Step(name=f"{STAGE}.drop", version=2, work=drop)


def plan(parts: Sequence[str], settings: RejectionSamplingSettings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps in order, with their units. `earlier`: the dropping stages before."""
    steps = (HASH, RESOLVE, DROP)
    return plan_equal(STAGE, steps, parts, settings, earlier, rule="lower_score", threshold="the best of its prompt")
