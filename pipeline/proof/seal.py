"""`seal.json`: the root from which everything of a finished run is proved.

The lock says what the bytes are and is the same wherever they are made; the seal says what lies in *this* folder: the
digests of lock, plan, report, shard index and environments, that of every receipt (which holds times) or of the table in
which it is entered, and its own.
Receipts prove the files. It is written last; where nothing has changed, it stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from winnow.pipeline.proof import lock
from winnow.pipeline.record import environment, rates, standing
from winnow.pipeline.record.funnel import FUNNEL, PLAN, Funnel, kept_funnel, write_funnel
from winnow.pipeline.record.ledger import Ledger
from winnow.pipeline.record.receipt import FOLDER as RECEIPTS
from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.record.receipt_tables import table_digest
from winnow.stages.run.digests import content_digest
from winnow.stages.run.unit import Step
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import INDEX

PATH = "seal.json"
REPORT = "report.html"
NOTES = (rates.PATH, standing.PATH)
"""What a run notes for those that come after it; nothing else follows from them."""


@dataclass(frozen=True)
class Seal:
    """`files`: path → digest. `receipts`: step → unit → digest, of those that have a file each. Digests are BLAKE2b-128 in
    hexadecimal.

    `folders` are those that the run's steps wrote in: nothing else belongs there.
    """

    files: Mapping[str, str]
    receipts: Mapping[str, Mapping[str, str]]
    folders: Sequence[str]

    def to_json(self) -> bytes:
        fields = vars(self)
        return _encoded({**fields, "digest": content_digest(_encoded(fields))})

    @staticmethod
    def from_json(content: bytes) -> Seal:
        """Raises `ValueError` where one byte isn't as it was written."""
        try:
            fields = json.loads(content)
            seal = Seal(fields["files"], fields["receipts"], fields["folders"])
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"is no seal: {error!r}") from None
        if seal.to_json() != content:
            raise ValueError("isn't as it was written: its own digest differs")
        return seal


def read_seal(workspace: Workspace) -> Seal | None:
    """The seal of a run, or None where there is none that proves itself."""
    try:
        return Seal.from_json(workspace.read_bytes(PATH))
    except (OSError, ValueError):
        return None


def write_seal(
    workspace: Workspace, done: Sequence[tuple[Step[Any], Sequence[Receipt]]], summed: Sequence[lock.StepSum]
) -> None:
    """Seals a run whose lock is written, `done` being each step with its receipts, `summed` what they come to.

    What was sealed before and is written once keeps its old digest, so that no damage since is sealed over. A run in
    which anything changed is sealed without its report, until that is made anew.
    """
    before = read_seal(workspace)
    sealed = before.files if before else {}
    files = {path: content_digest(workspace.read_bytes(path)) for path in (lock.PATH, PLAN)}
    for path in workspace.list(environment.FOLDER, ".json"):
        files[path] = sealed.get(path) or content_digest(workspace.read_bytes(path))
    receipts: dict[str, dict[str, str]] = {}
    for step, worked in done:
        if isinstance(worked, Ledger):
            files.update((path, table_digest(path)) for path in worked.paths)
            continue
        receipts[step.name] = {receipt.unit: content_digest(receipt.to_json()) for receipt in worked}
        files.update({out.path: out.digest for receipt in worked for out in receipt.outputs if out.path == INDEX})
    unchanged = before and before.receipts == receipts and _tables(sealed) == _tables(files)
    if not any(isinstance(worked, Ledger) for _, worked in done):
        workspace.remove(FUNNEL)
    else:
        if not (unchanged and _stands(workspace, FUNNEL, sealed)):
            write_funnel(workspace)
        files[FUNNEL] = content_digest(workspace.read_bytes(FUNNEL))
    files.update((path, content_digest(workspace.read_bytes(path))) for path in NOTES if workspace.exists(path))
    if not (unchanged and {path: digest for path, digest in sealed.items() if path != REPORT} == files):
        folders = sorted({folder for one in summed for folder in one.folders})
        workspace.write_bytes(PATH, Seal(files, receipts, folders).to_json())


def _tables(files: Mapping[str, str]) -> set[str]:
    return {path for path in files if path.startswith(f"{RECEIPTS}/")}


def _stands(workspace: Workspace, path: str, sealed: Mapping[str, str]) -> bool:
    """Whether a file is there as it was sealed."""
    try:
        return path in sealed and sealed[path] == content_digest(workspace.read_bytes(path))
    except OSError:
        return False


def sealed_funnel(workspace: Workspace) -> Funnel | None:
    """The funnel that a finished run of many parts keeps; None where there is none that the seal proves."""
    seal = read_seal(workspace)
    return kept_funnel(workspace.read_bytes(FUNNEL)) if seal and _stands(workspace, FUNNEL, seal.files) else None


def seal_report(workspace: Workspace) -> None:
    """Takes the report, which has just been written, into the seal. A run without a sound seal stays without."""
    seal = read_seal(workspace)
    if seal is not None:
        files = {**seal.files, REPORT: content_digest(workspace.read_bytes(REPORT))}
        if files != seal.files:
            workspace.write_bytes(PATH, Seal(files, seal.receipts, seal.folders).to_json())


def report_stands(workspace: Workspace) -> bool:
    """Whether the report is there as it was sealed."""
    seal = read_seal(workspace)
    return seal is not None and _stands(workspace, REPORT, seal.files)


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
