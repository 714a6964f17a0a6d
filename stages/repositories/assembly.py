"""From the files of repositories, as `reading` has read them, to sequences: taken as they come, put together at the end.

A sequence is `<|repo_name|>` name, then for each file `<|file_sep|>` path, a line break and the content, then
`<|endoftext|>`. The special tokens come from the tokenizer's table; a file that spells one gets its plain characters.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.formats.languages.imports.graph import Policy, build
from winnow.stages.repositories.evidence import Arrangement, File, Repository, evidence_row, sequences_schema
from winnow.stages.repositories.reading import capacity_of, facts_of, header_of
from winnow.stages.tokens.schema import NO_BUCKET, list_offsets, list_values, lists, tokens_schema
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.special import END_OF_TEXT, REPOSITORY

KIND = "repositories"
WRITE_TOKENS = 8 << 20  # tokens of pieces that are written at once


class Assembly:
    """Takes the files of any number of repositories in any batches, then gives their sequences.

    Used as a context: its scratch file, of the tokens' size, is gone when the block ends.
    """

    def __init__(self, encoder: Encoder, *, policy: Policy, length: int, seed: int) -> None:
        self.encoder = encoder
        self.policy = policy
        self.length = length
        self.seed = seed
        _, self.file_mark = encoder.require(REPOSITORY, "repositories")
        self.end_mark = encoder.require([END_OF_TEXT], "the ends of sequences")[0]
        self._repositories: dict[tuple[str, str, str], Repository] = {}
        self._written = 0
        self._scratch: IO[bytes] | None = None

    def __enter__(self) -> Assembly:
        self._scratch = cast(IO[bytes], tempfile.TemporaryFile(prefix="winnow-repositories-"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._scratch is not None:
            self._scratch.close()

    def take(self, files: pa.Table) -> None:
        """Takes files (columns of `reading.read_schema`); of one path twice, the first counts."""
        columns = ("source", "repository", "origin", "path", "license", "id", "keep", "facts", "gap", "cuts")
        starts, ids = list_offsets(files["tokens"]), list_values(files["tokens"])
        for place, row in enumerate(files.select(columns).to_pylist()):
            repository = self._repository(row["source"], row["repository"], row["origin"])
            if row["path"] in repository.files:
                continue
            file = File(
                facts_of(row["facts"]), row["id"], row["license"], row["keep"], gap=row["gap"], cuts=row["cuts"]
            )
            repository.files[row["path"]] = file
            if file.keep:
                self._store(file, ids[starts[place] : starts[place + 1]])

    def _store(self, file: File, ids: npt.NDArray[Any]) -> None:
        file.start, file.tokens = self._written, len(ids)
        self._open.write(np.ascontiguousarray(ids, dtype=self.encoder.dtype).tobytes())
        self._written += len(ids)

    def _repository(self, source: str, name: str, origin: str) -> Repository:
        key = (source, name, origin)
        if key not in self._repositories:
            header = header_of(self.encoder, name, self.length)
            self._repositories[key] = Repository(source, name, origin, header)
        return self._repositories[key]

    @property
    def _open(self) -> IO[bytes]:
        if self._scratch is None:
            raise RuntimeError("an Assembly takes files inside its `with` block")
        return self._scratch

    def write(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Tables of pieces (`tokens_schema`) with those of their repositories (`sequences_schema`), by name."""
        rows: list[Mapping[str, Any]] = []
        evidence: list[Mapping[str, Any]] = []
        pending = 0
        self._open.flush()
        for key in sorted(self._repositories):
            repository = self._repositories.pop(key)
            if not any(file.keep for file in repository.files.values()):
                continue
            found = self._arrange(repository)
            evidence.append(evidence_row(found, self.policy, self.seed))
            for piece in self._rows(found):
                rows.append(piece)
                pending += len(piece["tokens"])
                if pending >= WRITE_TOKENS:
                    yield self._table(rows), pa.Table.from_pylist(evidence, schema=sequences_schema())
                    rows, evidence, pending = [], [], 0
        if rows or evidence:
            yield self._table(rows), pa.Table.from_pylist(evidence, schema=sequences_schema())

    def _arrange(self, repository: Repository) -> Arrangement:
        """The repository's files in order and shared out over sequences."""
        graph = build(
            (file.facts for file in repository.files.values()),
            {path: file.keep for path, file in repository.files.items()},
        )
        order = graph.order(self.policy, seed=self.seed, name=repository.name)
        return Arrangement.of(repository, graph, order, capacity_of(repository.header, self.length))

    def _rows(self, found: Arrangement) -> Iterator[Mapping[str, Any]]:
        """The rows of a repository's sequences, made one by one."""
        repository = found.repository
        mark = np.array([self.file_mark], dtype=self.encoder.dtype)
        for runs, identity in zip(found.pieces, found.identities, strict=True):
            parts, cuts, position = [repository.header], [], len(repository.header)
            languages: Counter[str] = Counter()
            for member, start, stop in runs:
                file = found.files[member]
                parts += [mark, self._stored(file.start + start, stop - start)]
                cuts.append(position)
                position += 1 + stop - start
                languages[file.facts.language or ""] += stop - start
            parts.append(np.array([self.end_mark], dtype=self.encoder.dtype))
            yield {
                "id": identity,
                "source": repository.source,
                "language": min(languages, key=lambda name: (-languages[name], name)) or None,
                "tokens": np.concatenate(parts),
                "cuts": np.array(cuts, dtype=np.int32),
            }

    def _stored(self, start: int, count: int) -> npt.NDArray[Any]:
        width = self.encoder.dtype.itemsize
        self._open.seek(start * width)
        return np.frombuffer(self._open.read(count * width), dtype=self.encoder.dtype)

    def _table(self, rows: list[Mapping[str, Any]]) -> pa.Table:
        schema = tokens_schema(self.encoder.dtype)
        count = len(rows)
        columns: dict[str, Any] = {
            "id": pa.array([row["id"] for row in rows], pa.string()),
            "source": pa.array([row["source"] for row in rows], pa.string()),
            "language": pa.array([row["language"] for row in rows], pa.string()),
            "kind": pa.array([KIND] * count, pa.string()),
            "bucket": pa.array([NO_BUCKET] * count, pa.int8()),
            "tokens": lists([row["tokens"] for row in rows], schema.field("tokens").type),
            "loss": pa.nulls(count, schema.field("loss").type),
            "cuts": lists([row["cuts"] for row in rows], schema.field("cuts").type),
        }
        return pa.table(columns, schema=schema)
