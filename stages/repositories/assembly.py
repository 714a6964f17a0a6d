"""From the files of repositories to sequences: read for imports and tokenized as they come, put together at the end.

A sequence is `<|repo_name|>` name, then for each file `<|file_sep|>` path, a line break and the content, then
`<|endoftext|>`. The special tokens come from the tokenizer's table; a file that spells one gets its plain characters.
With fill-in-the-middle, the content of a file that is chosen for it is its three parts, each after its special token.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.formats.languages import imports
from winnow.formats.languages.imports.graph import Policy, build
from winnow.formats.languages.parsing import spans
from winnow.stages.repositories.evidence import Arrangement, File, Repository, evidence_row, sequences_schema
from winnow.stages.repositories.pieces import line_cuts
from winnow.stages.tokens.schema import NO_BUCKET, lists, tokens_schema
from winnow.tokenizer import infill
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.infill import Infill
from winnow.tokenizer.special import END_OF_TEXT, REPOSITORY

KIND = "repositories"
ENCODE_BYTES = 4 << 20  # of text that are tokenized at once
WRITE_TOKENS = 8 << 20  # tokens of pieces that are written at once


class Assembly:
    """Takes the files of any number of repositories in any batches, then gives their sequences.

    Used as a context: its scratch file, of the tokens' size, is gone when the block ends.
    """

    def __init__(
        self, encoder: Encoder, *, policy: Policy, length: int, seed: int, infill: Infill | None = None
    ) -> None:
        self.encoder = encoder
        self.policy = policy
        self.length = length
        self.seed = seed
        self.infill = infill
        self.name_mark, self.file_mark = encoder.require(REPOSITORY, "repositories")
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
        """Reads and tokenizes files (columns of `repository.FILE`); of one path twice, the first counts."""
        sizes = pc.binary_length(files["text"]).to_numpy()
        start = 0
        while start < files.num_rows:
            stop = start + 1
            total = int(sizes[start])
            while stop < files.num_rows and total + int(sizes[stop]) <= ENCODE_BYTES:
                total += int(sizes[stop])
                stop += 1
            self._take(files.slice(start, stop - start))
            start = stop

    def _take(self, files: pa.Table) -> None:
        spelled = pc.binary_join_element_wise(
            files["path"].cast(pa.large_string()), files["text"], pa.scalar("\n", pa.large_string())
        )
        encoded = self.encoder.encode(spelled)
        texts, written = files["text"].cast(pa.large_binary()), spelled.cast(pa.large_binary())
        columns = ("source", "repository", "origin", "path", "language", "license", "id", "package", "keep")
        rows = files.select(columns).to_pylist()
        for place, row in enumerate(rows):
            repository = self._repository(row["source"], row["repository"], row["origin"])
            if row["path"] in repository.files:
                continue
            facts = imports.read(texts[place].as_py(), row["path"], row["language"])
            if row["package"]:
                facts = replace(facts, package=row["package"])
            file = File(facts, row["id"], row["license"], row["keep"])
            repository.files[row["path"]] = file
            if file.keep:
                ids = encoded.ids[encoded.offsets[place] : encoded.offsets[place + 1]]
                capacity = self._capacity(repository) - 1
                gapped = self._gapped(file, texts[place])
                if gapped is not None and len(gapped) <= capacity:  # a file that must be cut has no gap
                    ids, file.gap = gapped, True
                self._store(file, ids, written[place], capacity)

    def _gapped(self, file: File, text: pa.Scalar) -> npt.NDArray[Any] | None:
        """Path and content of a file with a gap to fill, where the manifest's hash chooses it for that."""
        path, language = file.facts.path, file.facts.language
        if self.infill is None or language is None:
            return None
        content = text.as_py().decode("utf-8")
        nodes = partial(spans, content, language)
        parts = self.infill.rearrange(content, seed=self.seed, document=file.document, spans=nodes)
        if parts is None:
            return None
        head = self.encoder.encode(pa.array([f"{path}\n"], pa.large_string())).ids
        return np.concatenate([head, infill.encode(parts, self.encoder)])

    def _store(self, file: File, ids: npt.NDArray[Any], text: pa.Scalar, capacity: int) -> None:
        if len(ids) > capacity:
            file.cuts = line_cuts(text.as_py(), self.encoder.lengths[ids].astype(np.int64), capacity)
        file.start, file.tokens = self._written, len(ids)
        self._open.write(np.ascontiguousarray(ids, dtype=self.encoder.dtype).tobytes())
        self._written += len(ids)

    def _repository(self, source: str, name: str, origin: str) -> Repository:
        key = (source, name, origin)
        if key not in self._repositories:
            ids = self.encoder.encode(pa.array([name], pa.large_string())).ids[: self.length // 4]
            header = np.concatenate([self.encoder.conventions.beginning, [self.name_mark], ids]).astype(
                self.encoder.dtype
            )
            self._repositories[key] = Repository(source, name, origin, header)
        return self._repositories[key]

    def _capacity(self, repository: Repository) -> int:
        """Tokens of a sequence that are left for files."""
        return self.length - len(repository.header) - 1

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
        return Arrangement.of(repository, graph, order, self._capacity(repository))

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
