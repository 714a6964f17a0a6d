"""The last step: `shards/index.json`, which fixes the global order of the shards and says what they hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from winnow.stages.mixing.mix import PLAN
from winnow.stages.mixing.mixture import OTHER
from winnow.stages.run.unit import Counts, File, Files, Step, Unit, Unworkable
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.card import CARD, card
from winnow.stages.shards.emit import packed_path, phase_of
from winnow.stages.shards.shard import Phase, build_index
from winnow.stages.tokens.sample import TOKENIZER
from winnow.tokenizer.special import END_OF_TEXT, require

MARGINALS = ("sources", "languages")


@dataclass(frozen=True, kw_only=True)
class IndexShards:
    """The notes on every bucket of every phase, the solved mixture and the tokenizer's summary."""

    stage: str
    phases: tuple[Phase, ...]
    packed: Files
    plan: File
    tokenizer: File


def index_shards(workspace: Workspace, unit: Unit[IndexShards]) -> Counts:
    """Writes the index from the footers of the shards, the mixture's plan and the notes of packing.

    What was built is counted in the packed tokens; padding is nobody's.
    """
    asked = unit.asked
    notes = [json.loads(workspace.read_bytes(name)) for name in asked.packed]
    tokenizer = json.loads(workspace.read_bytes(asked.tokenizer))
    plan = json.loads(workspace.read_bytes(asked.plan))
    built = {
        marginal: _named(sum((Counter(note[marginal]) for note in notes), Counter()), plan["asked"][marginal])
        for marginal in MARGINALS
    }
    digests: dict[str, list[str]] = {phase.name: [] for phase in asked.phases}
    for name, note in zip(asked.packed, notes, strict=True):
        digests[phase_of(name)] += note["digests"]
    (end,) = require({**tokenizer["special"], **tokenizer.get("roles", {})}, [END_OF_TEXT], "the ends of documents")
    index = build_index(
        workspace,
        stage=asked.stage,
        dtype=tokenizer["dtype"],
        tokenizer={**{name: tokenizer[name] for name in ("path", "digest", "vocabulary_size")}, "end": end},
        phases=list(asked.phases),
        mixture={"asked": plan["asked"], "built": built, "unmet": plan["unmet"], "scarce": plan["scarce"]},
        digests=digests,
    )
    if not any(phase.sequences for phase in index.phases):
        shortest = min(phase.length for phase in asked.phases)
        raise Unworkable(
            f"no sequence came of {plan['built']['tokens']:,} tokens: the shortest phase has sequences of {shortest:,}; give "
            "`curriculum` shorter ones (a profile's `scale: {length_divisor: …}` divides them) or bring more text"
        )
    workspace.write_bytes(CARD, card(workspace, index).encode())
    return {
        "sequences": sum(phase.sequences for phase in index.phases),
        "tokens": sum(phase.tokens for phase in index.phases),
        "padding": sum(phase.padding for phase in index.phases),
        "repeated": sum(note["repeated"] for note in notes),
    }


def _named(built: Counter[str], asked: Mapping[str, float]) -> dict[str, int]:
    """The tokens by name; where `other` was asked for, all that wasn't asked for by name is `other`."""
    if OTHER not in asked:
        return dict(built)
    others = sum(tokens for name, tokens in built.items() if name not in asked)
    return {**{name: tokens for name, tokens in built.items() if name in asked}, OTHER: built[OTHER] + others}


INDEX_STEP = Step(name="index", version=4, work=index_shards)  # 4: the index holds its own digest


def index_units(stage: str, phases: Sequence[Phase], buckets: Sequence[int]) -> list[Unit[IndexShards]]:
    """One unit. `buckets` of each phase, as they were packed."""
    packed = tuple(
        packed_path(phase.name, bucket) for phase, count in zip(phases, buckets, strict=True) for bucket in range(count)
    )
    asked = IndexShards(stage=stage, phases=tuple(phases), packed=packed, plan=PLAN, tokenizer=TOKENIZER)
    return [Unit(name="index", asked=asked)]
