"""Near-duplicates across the two scripts of Chinese: the steps of MinHash, with traditional characters read as simplified.

What is read is told in `stages/deduplicate/orthography.py`: only documents in Chinese take part, and only a pair of which
one is traditional and the other simplified is compared. The traditional one is read as OpenCC writes it for readers in
China, words included, so a copy that a converter made is found; two translations by two people stay two.

Signatures, pairs and the index lie in `scripts/`, apart from those of `minhash`, after which the level works.
"""

from __future__ import annotations

from collections.abc import Sequence

from winnow.stages.deduplicate import minhash
from winnow.stages.deduplicate.recipes import ScriptSettings
from winnow.stages.run.unit import Planned

__all__ = ["STAGE", "ScriptSettings", "plan"]

STAGE = "deduplicate.scripts"


def plan(parts: Sequence[str], settings: ScriptSettings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it.

    Raises `FileNotFoundError` when an earlier run that the settings name kept no index of this level.
    """
    return minhash.plan(parts, settings, earlier)
