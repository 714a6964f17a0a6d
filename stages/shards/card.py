"""`shards/README.md`: the card by which Hugging Face `datasets` knows phases, columns and sizes before it opens a file.

`load_dataset("RUN/shards", "length-4096")` follows from it, and so does the viewer of a repository on the Hub.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import ShardIndex, ShardPhase

CARD = "shards/README.md"
NAMES = {"string": "string", "bool": "bool"}


def card(workspace: Workspace, index: ShardIndex) -> str:
    """The card of a run's shards: a YAML head with one configuration a phase, then a line for people.

    Reads the footer of every file. A phase without a file is left out.
    """
    phases = [phase for phase in index.phases if phase.files]
    head = {
        "configs": [
            {"config_name": phase.name, "data_files": [{"split": "train", "path": f"{phase.name}/*.parquet"}]}
            for phase in phases
        ],
        "dataset_info": [_info(workspace, phase) for phase in phases],
    }
    told = [f"- `{phase.name}`: {phase.sequences:,} sequences of {phase.length:,} tokens" for phase in phases]
    # JSON is YAML, and needs no library here.
    front = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in head.items())
    return f"---\n{front}\n---\nPacked token sequences ({index.stage}), made by Winnow:\n" + "\n".join([*told, ""])


def _info(workspace: Workspace, phase: ShardPhase) -> dict[str, Any]:
    decoded, features = 0, []
    for file in phase.files:
        with workspace.parquet(f"shards/{file.path}") as opened:
            features = _features(opened.schema_arrow)
            groups = (opened.metadata.row_group(number) for number in range(opened.num_row_groups))
            decoded += sum(group.total_byte_size for group in groups)
    return {
        "config_name": phase.name,
        "features": features,
        "splits": [{"name": "train", "num_bytes": decoded, "num_examples": phase.sequences}],
        "download_size": sum(file.bytes for file in phase.files),
        "dataset_size": decoded,
    }


def _features(schema: pa.Schema) -> list[dict[str, Any]]:
    return [{"name": field.name, **_feature(field.type)} for field in schema]


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        inner = kind.value_type
        if pa.types.is_struct(inner):
            return {"list": _features(pa.schema(list(inner)))}
        return {"list": _dtype(inner)}
    return {"dtype": _dtype(kind)}


def _dtype(kind: pa.DataType) -> str:
    return NAMES.get(str(kind), str(kind))
