"""Takes out of a run what verification finds damaged, so that the run builds just that again.

A damaged file goes with the receipt that vouches for it, a damaged receipt with the files that only it named, and what
is foreign in the run's folders goes too. Steps are deterministic: the unit that wrote a file writes the same bytes
again, so nothing after it is worked again and the lock comes out the same.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.proof import seal
from winnow.pipeline.proof.inspection import TOP, Finding, Inspection, inspect_run
from winnow.pipeline.proof.publication import is_published
from winnow.pipeline.record import environment, receipt
from winnow.pipeline.record.ledger import step_of
from winnow.pipeline.record.receipt_tables import TABLE, Table, read_table, write_table
from winnow.pipeline.running.lease import alone
from winnow.stages.run.paths import Sizes
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
    if is_published(workspace.listed()[0]):
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
        kept, names = Sizes(), {f"{one.step}/{one.unit}" for one in doomed.values()}
        for path, one in seen.receipts.items():
            if path not in doomed:
                kept[path] = 0
                kept.update((output.path, output.bytes) for output in one.outputs)
        for place in seen.tables:
            table, units = _without(workspace, read_table(workspace, place), hurt, environments)
            names |= units
            if table is not None:
                kept[table.path] = 0
                kept.update((path, size) for _, path, size, _ in table.outputs())
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
        workspace.remove_all([*gone, *seen.left])
        left = [
            finding
            for path, finding in seen.findings.items()
            if path not in gone and path in seen.listed and workspace.exists(path) and "/" not in path
        ]
        tables = {path for path in hurt if path.endswith(TABLE) and path.startswith(f"{receipt.FOLDER}/")}
        lost = [path for path in hurt if path.startswith(f"{receipt.FOLDER}/") and seen.findings[path].step]
        names |= {path.removeprefix(f"{receipt.FOLDER}/").removesuffix(".json") for path in lost if path not in tables}
        names |= {f"{step_of(path)}/*" for path in tables}
        return Repair(
            found=tuple(sorted(seen.findings.values(), key=lambda finding: finding.path)),
            removed=tuple(gone),
            units=tuple(sorted(names)),
            left=tuple(left),
        )


def _without(
    workspace: Workspace, table: Table, hurt: Set[str], environments: Set[str]
) -> tuple[Table | None, set[str]]:
    """The table without the receipts of damaged files and of these environments, written anew where it has any, and
    those receipts' units."""
    doomed = {row for row, path, _, _ in table.outputs() if path in hurt}
    doomed |= {row for row, digest in enumerate(table.column("environment")) if digest in environments}
    if not doomed:
        return table, set()
    units = table.column("unit")
    left = [row for row in range(len(table)) if row not in doomed]
    new = write_table(workspace, table.step, table.data.take(left)) if left else None
    return new, {f"{table.step}/{units[row]}" for row in doomed}


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
    used = {one.environment for one in seen.receipts.values()}
    for place in seen.tables if lost else ():
        used.update(read_table(seen.workspace, place).column("environment"))
    if lost & used:
        seen.workspace.remove(seal.PATH)
    return lost
