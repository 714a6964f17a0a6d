"""Takes out of a run what verification finds damaged, so that the run builds just that again.

A damaged file goes with the receipt that vouches for it, a damaged receipt with the files that only it named, and what
is foreign in the run's folders goes too. Steps are deterministic: the unit that wrote a file writes the same bytes
again, so nothing after it is worked again and the lock comes out the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from winnow.pipeline import environment, receipt, seal
from winnow.pipeline.conductor import alone
from winnow.pipeline.publication import is_published
from winnow.pipeline.reading import ConfigurationError
from winnow.pipeline.verification import TOP, Finding, Inspection, inspect_run
from winnow.stages.run.workspace import Workspace


@dataclass(frozen=True)
class Repair:
    """`found`: what was wrong. `units`: those to be worked again, as `step/unit`. `left`: what is the user's to remove."""

    found: tuple[Finding, ...]
    removed: tuple[str, ...]
    units: tuple[str, ...]
    left: tuple[Finding, ...]


def repair_run(workspace: Workspace) -> Repair:
    """Removes what is damaged, while no run works here; the same `winnow run` builds it again.

    Files of nobody's that lie beside the lock, where no step reads them, are left.

    Raises `FileNotFoundError` where the run never finished and `ConfigurationError` while a run works in the folder,
    and where there is no run, but what was published of one.
    """
    if is_published(workspace.sizes()):
        raise ConfigurationError(
            f"{workspace.root} holds a published data set: no run can build a part of it; `winnow pull` brings again what "
            "is damaged"
        )
    with alone(workspace):
        seen = inspect_run(workspace)
        if not seen.findings:
            return Repair((), (), (), ())
        hurt = set(seen.findings)
        environments = _restore_environments(seen)
        doomed = {
            path: one
            for path, one in seen.receipts.items()
            if one.environment in environments or any(output.path in hurt for output in one.outputs)
        }
        kept = {output.path for path, one in seen.receipts.items() if path not in doomed for output in one.outputs}
        kept |= seen.receipts.keys() - doomed.keys()
        folders = seen.folders
        gone = []
        for path in seen.listed:
            top, inside, _ = path.partition("/")
            if top == environment.FOLDER:
                unwanted = path in hurt and workspace.exists(path)
            else:
                unwanted = path in hurt & TOP if not inside else top in folders and path not in kept
            if unwanted:
                gone.append(path)
        for path in gone:
            workspace.remove(path)
        workspace.remove_leftovers()
        left = [
            finding
            for path, finding in seen.findings.items()
            if path not in gone and path in seen.listed and workspace.exists(path) and "/" not in path
        ]
        lost = [path for path in hurt if path.startswith(f"{receipt.FOLDER}/") and seen.findings[path].step]
        names = {f"{one.step}/{one.unit}" for one in doomed.values()}
        names |= {path.removeprefix(f"{receipt.FOLDER}/").removesuffix(".json") for path in lost}
        return Repair(
            found=tuple(sorted(seen.findings.values(), key=lambda finding: finding.path)),
            removed=tuple(gone),
            units=tuple(sorted(names)),
            left=tuple(left),
        )


def _restore_environments(seen: Inspection) -> set[str]:
    """Writes damaged tables of environments anew from the lock, which holds them; returns those that it couldn't.

    Their units must be worked again, in today's environment: nobody knows any more what made their bytes.
    """
    lost = set()
    for path in [path for path in seen.findings if path.startswith(f"{environment.FOLDER}/")]:
        digest = path.removeprefix(f"{environment.FOLDER}/").removesuffix(".json")
        table = seen.lock["environments"].get(digest) if seen.lock else None
        if table is None:
            lost.add(digest)
            continue
        seen.workspace.write_bytes(path, environment.table_json(table))
        seen.listed.pop(path, None)
    if lost & {one.environment for one in seen.receipts.values()}:
        seen.workspace.remove(seal.PATH)
    return lost
