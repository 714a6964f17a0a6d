"""A finished run as the material of experiments: its manifest, its parts of tokens, and which documents belong together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.pipeline.configuration.manifest import Loss, Manifest
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.planning.plan_shards import mixture_of
from winnow.pipeline.proof.lock import PATH, lock_digest, read_lock
from winnow.stages.mixing.mix import PLAN
from winnow.stages.mixing.mixture import Mixture
from winnow.stages.run.unit import Place
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens.sample import TOKENIZER
from winnow.stages.tokens.schema import list_lengths, tokens_path

CELL = ("source", "language", "bucket")


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A run by its folder or address and the digest of its lock: what is made of it follows from these and the part."""

    name: str
    run: Place
    lock: str
    parts: tuple[str, ...]

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.run)

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest that the run was built from, at its profile's size."""
        return Manifest.model_validate(read_lock(self.workspace)["manifest"])

    @cached_property
    def mixture(self) -> Mixture:
        return mixture_of(self.manifest)

    @cached_property
    def plan(self) -> Mapping[str, Any]:
        """The mixture as it was solved: `built`, and the tokens that are there of each cell."""
        plan: Mapping[str, Any] = json.loads(self.workspace.read_bytes(PLAN))
        return plan

    @cached_property
    def tokenizer(self) -> Mapping[str, Any]:
        summary: Mapping[str, Any] = json.loads(self.workspace.read_bytes(TOKENIZER))
        return summary

    @property
    def loss_mask(self) -> bool:
        return self.manifest.loss == Loss.ASSISTANT

    @property
    def tokens(self) -> int:
        """Tokens that the run's shards were given."""
        return int(self.plan["built"]["tokens"])

    def documents(self) -> Documents:
        """Every tokenized document, without its tokens. One pass over `tokens/`."""
        groups = self._repositories()
        tables, lengths, parts = [], [], []
        for number, part in enumerate(self.parts):
            table = self.workspace.read_table(tokens_path(part), columns=["id", *CELL, "tokens"])
            lengths.append(list_lengths(table["tokens"]))
            parts.append(np.full(table.num_rows, number))
            tables.append(table.select(["id", *CELL]))
        table = pa.concat_tables(tables)
        ids = table["id"].to_pylist()
        return Documents(
            table=table,
            lengths=np.concatenate(lengths),
            part=np.concatenate(parts),
            group=[groups.get(document, document) for document in ids],
        )

    def _repositories(self) -> dict[str, str]:
        """The repository of each of its sequences, by the sequence's id."""
        found = {}
        for path in self.workspace.list("sequences", ".parquet"):
            table = self.workspace.read_table(path, columns=["repository", "pieces"])
            for repository, pieces in zip(table["repository"].to_pylist(), table["pieces"].to_pylist(), strict=True):
                found.update(dict.fromkeys(pieces, f"repository {repository}"))
        return found


@dataclass(frozen=True)
class Documents:
    """D documents: `table` [id, source, language, bucket], tokens of each, the number of its part, and its group.

    A group is what may not be divided between training and scoring: the sequences of one repository, else one document.
    """

    table: pa.Table
    lengths: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    group: list[str]

    def by_group(self) -> dict[str, list[int]]:
        """Rows of each group."""
        found: dict[str, list[int]] = {}
        for row, group in enumerate(self.group):
            found.setdefault(group, []).append(row)
        return found

    def cells(self) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """The rows of each (source, language, bucket), by the cell's name."""
        names = np.array(cell_names(self.table), dtype=object)
        for name in sorted(set(names)):
            yield name, np.flatnonzero(names == name)


def cell_names(table: pa.Table) -> list[str]:
    """What `CELL` says of each row, as one word."""
    columns = [table[name].to_pylist() for name in CELL]
    return [json.dumps(values, ensure_ascii=False) for values in zip(*columns, strict=True)]


def open_corpus(run: str, name: str) -> Corpus:
    """The run as a corpus. Raises `ConfigurationError` where it isn't finished or has no tokens to mix."""
    workspace = Workspace(run)
    if not workspace.exists(PATH):
        raise ConfigurationError(
            f"{run} has no {PATH}: it isn't a finished run, and only what is finished can be compared"
        )
    parts = [path.removeprefix("tokens/").removesuffix(".parquet") for path in workspace.list("tokens", ".parquet")]
    if not parts or not workspace.exists(PLAN):
        raise ConfigurationError(f"{run} holds no tokens to mix: it made preferences, or its tokens/ was removed")
    digest = lock_digest(workspace.read_bytes(PATH))
    return Corpus(name=name, run=Place(workspace.root), lock=digest, parts=tuple(parts))
