"""A file of a repository by itself: read for its imports and tokenized, before anything is known of the files around it.

What comes of it is all that ordering needs, so the files of one repository can be read by many workers, and its text is
forgotten. With fill-in-the-middle, the content of a file that is chosen for it is its three parts, each after its special
token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.formats.languages import imports
from winnow.formats.languages.imports.facts import Facts
from winnow.formats.languages.parsing import spans
from winnow.stages.repositories.pieces import line_cuts
from winnow.stages.run.exchange import KEY
from winnow.stages.tokens.schema import lists
from winnow.tokenizer import infill
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.infill import Infill
from winnow.tokenizer.special import REPOSITORY

ENCODE_BYTES = 4 << 20  # of text that are tokenized at once
HEADER_SHARE = 4  # a repository's name takes at most a fourth of a sequence


def read_schema(dtype: npt.DTypeLike) -> pa.Schema:
    """What is known of a file once it is read, its ids of `dtype`."""
    kind = pa.from_numpy_dtype(np.dtype(dtype))
    return pa.schema(
        [
            pa.field(KEY, pa.uint64(), nullable=False),
            pa.field("id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("repository", pa.string(), nullable=False),
            pa.field("origin", pa.string(), nullable=False),
            pa.field("path", pa.string(), nullable=False),
            pa.field("license", pa.string()),
            pa.field("keep", pa.bool_(), nullable=False),
            pa.field("facts", pa.string(), nullable=False),  # see `facts_of`
            # Path, line break and content; nothing of a file that isn't kept.
            pa.field("tokens", pa.list_(pa.field("element", kind, nullable=False)), nullable=False),
            pa.field("gap", pa.bool_(), nullable=False),  # prefix, suffix and middle in place of the text
            # Where a file longer than a sequence is cut: ascending positions of its tokens.
            pa.field("cuts", pa.list_(pa.field("element", pa.int32(), nullable=False)), nullable=False),
        ]
    )


class Reader:
    """Reads files for sequences of `length` tokens, gaps chosen by `seed`."""

    def __init__(self, encoder: Encoder, *, length: int, seed: int, infill: Infill | None = None) -> None:
        self.encoder, self.length, self.seed, self.infill = encoder, length, seed, infill
        self._capacities: dict[str, int] = {}

    def read(self, files: pa.Table) -> Iterator[pa.Table]:
        """The files (columns of `repository.FILE`) as `read_schema` has them, about `ENCODE_BYTES` of text at once."""
        sizes = pc.binary_length(files["text"]).to_numpy()
        start = 0
        while start < files.num_rows:
            stop = start + 1
            total = int(sizes[start])
            while stop < files.num_rows and total + int(sizes[stop]) <= ENCODE_BYTES:
                total += int(sizes[stop])
                stop += 1
            yield self._read(files.slice(start, stop - start))
            start = stop

    def _read(self, files: pa.Table) -> pa.Table:
        spelled = pc.binary_join_element_wise(
            files["path"].cast(pa.large_string()), files["text"], pa.scalar("\n", pa.large_string())
        )
        encoded = self.encoder.encode(spelled)
        texts, written = files["text"].cast(pa.large_binary()), spelled.cast(pa.large_binary())
        facts, tokens, gaps, cuts = [], [], [], []
        columns = ("repository", "path", "language", "package", "id", "keep")
        for place, row in enumerate(files.select(columns).to_pylist()):
            found = imports.read(texts[place].as_py(), row["path"], row["language"])
            if row["package"]:
                found = replace(found, package=row["package"])
            facts.append(written_facts(found))
            ids = encoded.ids[
                encoded.offsets[place] : encoded.offsets[place + 1] if row["keep"] else encoded.offsets[place]
            ]
            capacity = self._capacity(row["repository"])
            gapped = self._gapped(row, texts[place]) if row["keep"] else None
            gaps.append(gapped is not None and len(gapped) <= capacity)  # a file that must be cut has no gap
            tokens.append(gapped if gapped is not None and gaps[-1] else ids)
            long = len(tokens[-1]) > capacity
            lengths = self.encoder.lengths[ids].astype(np.int64) if long else None
            cuts.append([] if lengths is None else line_cuts(written[place].as_py(), lengths, capacity))
        schema = read_schema(self.encoder.dtype)
        made = {
            "facts": pa.array(facts, pa.string()),
            "tokens": lists(
                [ids.astype(self.encoder.dtype, copy=False) for ids in tokens], schema.field("tokens").type
            ),
            "gap": pa.array(gaps, pa.bool_()),
            "cuts": lists([np.array(cut, np.int32) for cut in cuts], schema.field("cuts").type),
        }
        return pa.table([made[name] if name in made else files[name] for name in schema.names], schema=schema)

    def _gapped(self, row: dict[str, Any], text: pa.Scalar) -> npt.NDArray[Any] | None:
        """Path and content of a file with a gap to fill, where the manifest's hash chooses it for that."""
        path, language = row["path"], row["language"]
        if self.infill is None or language is None:
            return None
        content = text.as_py().decode("utf-8")
        nodes = partial(spans, content, language)
        parts = self.infill.rearrange(content, seed=self.seed, document=row["id"], spans=nodes)
        if parts is None:
            return None
        head = self.encoder.encode(pa.array([f"{path}\n"], pa.large_string())).ids
        return np.concatenate([head, infill.encode(parts, self.encoder)])

    def _capacity(self, repository: str) -> int:
        """The most tokens of a file that a sequence of the repository holds whole."""
        if repository not in self._capacities:
            header = header_of(self.encoder, repository, self.length)
            self._capacities[repository] = capacity_of(header, self.length) - 1
        return self._capacities[repository]


def header_of(encoder: Encoder, repository: str, length: int) -> npt.NDArray[Any]:
    """What every sequence of a repository begins with; `length`: of a sequence, in tokens."""
    mark = encoder.require(REPOSITORY, "repositories")[0]
    ids = encoder.encode(pa.array([repository], pa.large_string())).ids[: length // HEADER_SHARE]
    return np.concatenate([encoder.conventions.beginning, [mark], ids]).astype(encoder.dtype)


def capacity_of(header: npt.NDArray[Any], length: int) -> int:
    """Tokens of a sequence that are left for files, the mark of each included."""
    return length - len(header) - 1


def written_facts(facts: Facts) -> str:
    """Facts as JSON, equal for equal facts; `facts_of` reads it."""
    said = {
        "path": facts.path,
        "language": facts.language,
        "package": facts.package,
        "references": facts.references,
        "declares": facts.declares,
        "mentions": sorted(facts.mentions),
        "settings": facts.settings,
        "parsed": facts.parsed,
    }
    return json.dumps(said, default=str)  # a manifest in TOML may hold dates, which no resolver asks for


def facts_of(written: str) -> Facts:
    """What `written_facts` wrote."""
    said = json.loads(written)
    lists = {name: tuple(said[name]) for name in ("references", "declares")}
    return Facts(**{**said, **lists, "mentions": frozenset(said["mentions"])})
