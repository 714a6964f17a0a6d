"""The receipt: the small JSON that commits a finished unit. A unit is done if and only if its receipt says so.

A receipt holds the unit's fingerprint (step, version, parameters, digests of the inputs), the files it wrote with their
digests, its counts, the environment that worked it (`pipeline/environment.py`) and how long it took. The time is for
people: nothing is decided by it, and the lock leaves it out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from winnow.stages.run.unit import GROUND_VERSION, Step, Unit, canonical
from winnow.stages.run.workspace import DIGEST_BYTES, Workspace, Written

FOLDER = "receipts"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    step: str
    unit: str
    fingerprint: str
    outputs: tuple[Written, ...] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    environment: str = ""

    def to_json(self) -> bytes:
        fields = {**vars(self), "outputs": [vars(written) for written in self.outputs]}
        fields = json.loads(json.dumps(fields))  # as they will be read: names of counts are strings, tuples are lists
        fields["digest"] = hashlib.blake2b(_encoded(fields), digest_size=DIGEST_BYTES).hexdigest()
        return _encoded(fields)

    @staticmethod
    def from_json(content: bytes) -> Receipt:
        """Raises `ValueError` where one byte isn't as it was written."""
        try:
            fields = json.loads(content)
            digest = fields.pop("digest")
            receipt = Receipt(**{**fields, "outputs": tuple(Written(**written) for written in fields["outputs"])})
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no receipt: {error!r}") from None
        if digest != hashlib.blake2b(_encoded(fields), digest_size=DIGEST_BYTES).hexdigest():
            raise ValueError("its own digest differs")
        if receipt.to_json() != content:
            raise ValueError("it isn't in the form in which it was written")
        return receipt


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")


def receipt_path(step: str, unit: str) -> str:
    return f"{FOLDER}/{step}/{unit}.json"


def read_receipt(workspace: Workspace, step: str, unit: str) -> Receipt | None:
    """The unit's receipt, or None where there is none that can be read: a broken one, or another's, is as good as none."""
    try:
        receipt = Receipt.from_json(workspace.read_bytes(receipt_path(step, unit)))
    except (FileNotFoundError, ValueError):
        return None
    return receipt if (receipt.step, receipt.unit) == (step, unit) else None


def read_receipts(workspace: Workspace, folder: str = FOLDER) -> Iterator[Receipt]:
    """Every receipt below a folder that can be read."""
    for path in workspace.list(folder, ".json"):
        step, _, unit = path.removeprefix(f"{FOLDER}/").removesuffix(".json").rpartition("/")
        receipt = read_receipt(workspace, step, unit)
        if receipt is not None:
            yield receipt


def write_receipt(workspace: Workspace, receipt: Receipt) -> None:
    workspace.write_bytes(receipt_path(receipt.step, receipt.unit), receipt.to_json())


def fingerprint(step: Step[Any], unit: Unit[Any], digests: Mapping[str, str]) -> str:
    """What the unit's output follows from. `digests` maps every file that earlier steps wrote to its digest.

    Raises `KeyError` when the unit reads a file that no receipt vouches for.
    """
    content = {
        "step": step.name,
        "version": step.version,
        "ground": GROUND_VERSION,
        "unit": unit.name,
        "asked": canonical(unit.asked),
        "inputs": {name: digests[name] for name in unit.inputs},
    }
    encoded = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.blake2b(encoded, digest_size=DIGEST_BYTES).hexdigest()
