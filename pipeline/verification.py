"""Verifies a run: every file is the one its receipt vouches for, and every count adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from winnow.pipeline.environment import Environment, kept_notes
from winnow.pipeline.funnel import DROPS, read_index
from winnow.pipeline.lock import read_lock
from winnow.pipeline.receipt import FOLDER, Receipt
from winnow.stages.run.workspace import Workspace, digest_file

THREADS = 8


@dataclass(frozen=True)
class Finding:
    """Something that isn't as it should be: which file, and what is wrong."""

    path: str
    problem: str


@dataclass(frozen=True)
class Verification:
    files: int
    bytes: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()  # what is right, and yet to be known: units that other versions worked


def verify_run(workspace: Workspace) -> Verification:
    """Digests every file of the run again and counts every document and token again.

    Raises `FileNotFoundError` where the run has no lock.
    """
    lock = read_lock(workspace)
    known = {entry["step"] for entry in lock["steps"]}
    receipts = [Receipt.from_json(workspace.read_bytes(path)) for path in workspace.list(FOLDER, ".json")]
    written = {output.path: output for receipt in receipts if receipt.step in known for output in receipt.outputs}

    def check(path: str) -> Finding | None:
        if not workspace.exists(path):
            return Finding(path, "is gone")
        digest = digest_file(workspace, path)
        if digest != written[path].digest:
            return Finding(path, f"has digest {digest}, its receipt says {written[path].digest}")
        return None

    with ThreadPoolExecutor(THREADS) as pool:
        findings = [finding for finding in pool.map(check, sorted(written)) if finding]
    broken = {finding.path for finding in findings}
    for path, digest in lock["outputs"].items():
        if path not in written or written[path].digest != digest:
            findings.append(Finding(path, "is not what the lock says"))
    if not broken:
        findings.extend(_count_documents(workspace))
        findings.extend(_count_tokens(workspace))
    return Verification(len(written), sum(output.bytes for output in written.values()), tuple(findings), notes_of(lock))


def notes_of(lock: Mapping[str, Any]) -> tuple[str, ...]:
    """What isn't wrong, but mixed: units worked in different environments, by the lock; the commonest one is the run's."""
    steps = {entry["step"]: entry["environments"] for entry in lock["steps"]}
    tables = {digest: Environment(**table) for digest, table in lock["environments"].items()}
    units: Counter[str] = Counter()
    for counts in steps.values():
        units.update(counts)
    known = [digest for digest in units if digest in tables]
    if not known:
        return ("no unit says which versions worked it",) if units else ()
    return tuple(kept_notes(tables, steps, tables[max(known, key=lambda digest: (units[digest], digest))]))


def _count_documents(workspace: Workspace) -> Iterator[Finding]:
    """A document is dropped at most once, and only documents that exist are dropped."""
    for path in workspace.list("documents", ".parquet"):
        part = path.rpartition("/")[2]
        rows = workspace.parquet(path).metadata.num_rows
        seen: dict[int, str] = {}
        for drops in workspace.list(DROPS, f"/{part}"):
            for row in workspace.read_table(drops, columns=["row"])["row"].to_pylist():
                if not 0 <= row < rows:
                    yield Finding(drops, f"drops row {row} of {rows}")
                elif row in seen:
                    yield Finding(drops, f"drops row {row}, which {seen[row]} had dropped before")
                seen[row] = drops


def _count_tokens(workspace: Workspace) -> Iterator[Finding]:
    """Every shard holds the sequences and tokens that the index promises, and no segment leaves its row."""
    import pyarrow.compute as pc

    index = read_index(workspace)
    if index is None:
        return
    for phase in index.phases:
        for file in phase.files:
            path = f"shards/{file.path}"
            table = workspace.read_table(path, columns=["input_ids", "segments"])
            lengths = set(pc.list_value_length(table["input_ids"]).unique().to_pylist())
            if lengths - {phase.length}:
                yield Finding(path, f"has sequences of {sorted(lengths)} tokens, the phase says {phase.length}")
            tokens = pc.sum(pc.struct_field(pc.list_flatten(table["segments"]), "length")).as_py() or 0
            if (table.num_rows, tokens) != (file.sequences, file.tokens):
                found = f"{table.num_rows} sequences of {tokens} tokens"
                yield Finding(path, f"has {found}, the index says {file.sequences} of {file.tokens}")
