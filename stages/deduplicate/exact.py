"""Exact duplicates: documents whose normalised texts are equal, by a 128-bit hash.

Runs of white space count as one space, and none at the ends; nothing else is normalised, since in code and mathematics
a sign or a capital is the difference. The hash is not keyed: texts made to collide could make one of them go.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from winnow.stages.deduplicate.contender import read_contenders
from winnow.stages.deduplicate.equal import EqualSettings, Keys, plan_equal, resolve, send_claims
from winnow.stages.deduplicate.verdict import drop
from winnow.stages.run.unit import Counts, Step, Unit
from winnow.stages.run.workspace import Workspace

STAGE = "deduplicate.exact"


class ExactSettings(EqualSettings):
    """The manifest's `exact` section."""


def text_keys(texts: pa.Array | pa.ChunkedArray) -> Keys:
    """The 128-bit hashes of n normalised texts, n × 2 of uint64."""
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.texts import hash_texts

    keys = np.empty((len(texts), 2), np.uint64)
    hash_texts(*text_buffers(texts), keys)
    return keys


def hash_part(workspace: Workspace, unit: Unit) -> Counts:
    """Scatters the text hashes of one part."""
    told = unit.parameters
    settings = ExactSettings.model_validate(told["settings"])
    contenders, documents = read_contenders(workspace, told["part"], told["earlier"], settings.preference)
    return send_claims(workspace, unit, text_keys(documents["text"]), contenders)


HASH = Step(name="deduplicate.exact.hash", version=1, work=hash_part)
RESOLVE = Step(name="deduplicate.exact.resolve", version=1, work=resolve)
DROP = Step(name="deduplicate.exact.drop", version=2, work=drop)


def plan(
    parts: Sequence[str], settings: ExactSettings, earlier: Sequence[str] = ()
) -> tuple[tuple[Step, list[Unit]], ...]:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it."""
    steps = (HASH, RESOLVE, DROP)
    return plan_equal(STAGE, steps, parts, settings, earlier, rule="equal_text", threshold="equal text")
