"""Verifies a run: every file of it digested, every document and token counted again, what is published proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from winnow.pipeline.proof import publication
from winnow.pipeline.proof.inspection import Finding, inspect_run
from winnow.pipeline.proof.lock import notes_of
from winnow.stages.run.workspace import Workspace


@dataclass(frozen=True)
class Verification:
    """`later` maps each step of which a file is damaged or gone to the steps after it, which may read that file."""

    files: int
    bytes: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()  # what is right, and yet to be known: units that other versions worked
    later: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    published: bool = False

    def remedy(self, run: str) -> str:
        """What mends it."""
        return "winnow pull brings them again" if self.published else f"winnow repair {run} takes them out"


def verify_run(workspace: Workspace) -> Verification:
    """Digests every file of the run again and counts every document and token again. Damage is found, never raised.

    Raises `FileNotFoundError` where the run has neither lock nor seal: it never finished.
    """
    listed = workspace.listed()
    if publication.is_published(listed[0]):
        return _verify_published(workspace, listed[0])
    seen = inspect_run(workspace, listed)
    hurt = {finding.step for finding in seen.findings.values()}
    return Verification(
        files=len(seen.outputs),
        bytes=seen.outputs.total(),
        findings=tuple(sorted(seen.findings.values(), key=lambda finding: finding.path)),
        notes=notes_of(seen.lock) if seen.lock else (),
        later={step: seen.steps[number + 1 :] for number, step in enumerate(seen.steps) if step in hurt},
    )


def _verify_published(workspace: Workspace, listed: Mapping[str, int]) -> Verification:
    """A data set that `winnow push` published: its lock is the root, and its files are all that there is to count."""
    files = publication.published(workspace).files
    findings = tuple(Finding(*one) for one in publication.problems(workspace, listed))
    note = "a published data set: files are proved by the lock; documents and receipts stayed with the run that made it"
    return Verification(len(files), sum(listed.get(path, 0) for path in files), findings, (note,), published=True)
