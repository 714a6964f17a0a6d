"""The evidence of a repository's sequences: which file stands where, which edges there are, which are respected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.formats.languages.imports.facts import Facts
from winnow.formats.languages.imports.graph import Graph, Policy
from winnow.stages.document import document_id
from winnow.stages.repositories.pieces import share_out


def sequences_schema() -> pa.Schema:
    """The evidence: one row is one repository."""
    file = pa.struct(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("document", pa.string(), nullable=False),  # the id of the file's document
            pa.field("language", pa.string()),
            pa.field("license", pa.string()),
            pa.field("piece", pa.int32(), nullable=False),  # which of the repository's sequences
            pa.field("offset", pa.int64(), nullable=False),  # of its `<|file_sep|>` there, in tokens
            pa.field("tokens", pa.int64(), nullable=False),
            pa.field("infill", pa.bool_(), nullable=False),  # its content has a gap to fill
        ]
    )
    return pa.schema(
        [
            pa.field("source", pa.string(), nullable=False),
            pa.field("repository", pa.string(), nullable=False),
            pa.field("origin", pa.string(), nullable=False),
            pa.field("policy", pa.string(), nullable=False),
            pa.field("seed", pa.int64(), nullable=False),
            pa.field("licenses", pa.list_(pa.string()), nullable=False),
            pa.field("files", pa.int64(), nullable=False),
            pa.field("parsed", pa.int64(), nullable=False),  # files whose imports were read
            pa.field("cut", pa.int64(), nullable=False),  # files longer than a sequence
            pa.field("tokens", pa.int64(), nullable=False),
            pa.field("edges", pa.int64(), nullable=False),
            pa.field("respected", pa.int64(), nullable=False),  # edges whose dependency comes first
            pa.field("acyclic", pa.int64(), nullable=False),  # edges that are in no cycle
            pa.field("acyclic_respected", pa.int64(), nullable=False),
            pa.field("share", pa.float64(), nullable=False),  # acyclic_respected ÷ acyclic
            pa.field("together", pa.int64(), nullable=False),  # edges whose two files share a sequence
            pa.field("cycles", pa.list_(pa.list_(pa.string())), nullable=False),
            pa.field("pieces", pa.list_(pa.string()), nullable=False),  # ids of the rows in tokens/
            pa.field("order", pa.list_(file), nullable=False),
            pa.field("edge_list", pa.list_(pa.list_(pa.int32())), nullable=False),  # [dependent, dependency] in `order`
        ]
    )


@dataclass
class File:
    """What stays in memory of a file: its facts, and where its tokens lie on the scratch file."""

    facts: Facts
    document: str
    license: str | None
    keep: bool
    start: int = 0
    tokens: int = 0
    gap: bool = False  # prefix, suffix and middle in place of the text
    cuts: list[int] = field(default_factory=list)  # of a file longer than a sequence


@dataclass
class Repository:
    source: str
    name: str
    origin: str
    header: npt.NDArray[Any]
    files: dict[str, File] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrangement:
    """A repository's files (as `graph.paths` has them), their order, and the sequences that hold them.

    A piece is a list of runs (file, first token, last token); `first` says in which piece, at which token each file
    begins.
    """

    repository: Repository
    graph: Graph
    order: npt.NDArray[np.int64]
    files: list[File]
    pieces: list[list[tuple[int, int, int]]]
    first: dict[int, tuple[int, int]]
    identities: list[str]

    @classmethod
    def of(cls, repository: Repository, graph: Graph, order: npt.NDArray[np.int64], capacity: int) -> Arrangement:
        """Shares the files out over pieces of `capacity` tokens.

        The full stretches of a file longer than that are pieces of their own; its rest takes the file's place.
        """
        files = [repository.files[path] for path in graph.paths]
        sizes = np.array([file.tokens + 1 - (file.cuts[-1] if file.cuts else 0) for file in files], dtype=np.int64)
        header = len(repository.header)
        pieces: list[list[tuple[int, int, int]]] = []
        first: dict[int, tuple[int, int]] = {}
        for members in share_out(order.tolist(), sizes, graph.edges, capacity):
            for member in members:
                for start, stop in pairwise([0, *files[member].cuts]):
                    first.setdefault(member, (len(pieces), header))
                    pieces.append([(member, start, stop)])
            runs, offset = [], header
            for member in members:
                file = files[member]
                first.setdefault(member, (len(pieces), offset))
                start = file.cuts[-1] if file.cuts else 0
                runs.append((member, start, file.tokens))
                offset += 1 + file.tokens - start
            pieces.append(runs)
        documents = "\n".join(file.document for file in files)
        names = (f"{repository.origin}!{repository.name}#{number}" for number in range(len(pieces)))
        identities = [document_id(repository.source, name, documents) for name in names]
        return cls(repository, graph, order, files, pieces, first, identities)


def evidence_row(found: Arrangement, policy: Policy, seed: int) -> Mapping[str, Any]:
    """The row of `sequences_schema` that says how a repository was put in order."""
    repository, graph, files = found.repository, found.graph, found.files
    said = graph.evidence(found.order)
    place = np.empty(len(files), dtype=np.int64)
    place[found.order] = np.arange(len(files))
    piece = np.array([found.first[file][0] for file in range(len(files))], dtype=np.int64)
    edges = place[graph.edges]
    lengths = [sum(1 + stop - start for _, start, stop in runs) + len(repository.header) + 1 for runs in found.pieces]
    return {
        "source": repository.source,
        "repository": repository.name,
        "origin": repository.origin,
        "policy": policy.value,
        "seed": seed,
        "licenses": sorted({file.license for file in files if file.license}),
        "files": len(files),
        "parsed": sum(file.facts.parsed for file in files),
        "cut": sum(bool(file.cuts) for file in files),
        "tokens": sum(lengths),
        "edges": said.edges,
        "respected": said.respected,
        "acyclic": said.acyclic,
        "acyclic_respected": said.acyclic_respected,
        "share": said.share,
        "together": int((piece[graph.edges[:, 0]] == piece[graph.edges[:, 1]]).sum()),
        "cycles": [[graph.paths[file] for file in members] for members in graph.cycles],
        "pieces": found.identities,
        "order": [_place(found, file) for file in found.order.tolist()],
        "edge_list": edges[np.lexsort((edges[:, 1], edges[:, 0]))].tolist(),
    }


def _place(found: Arrangement, file: int) -> Mapping[str, Any]:
    said, (piece, offset) = found.files[file], found.first[file]
    return {
        "path": found.graph.paths[file],
        "document": said.document,
        "language": said.facts.language,
        "license": said.license,
        "piece": piece,
        "offset": offset,
        "tokens": said.tokens,
        "infill": said.gap,
    }
