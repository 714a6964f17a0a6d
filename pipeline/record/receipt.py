"""The receipt: the small JSON that commits a finished unit. A unit is done if and only if its receipt says so.

A receipt holds the unit's fingerprint (step, version, parameters, digests of the inputs), the files it wrote with their
digests, its counts, the environment that worked it (`pipeline/record/environment.py`), when, how long and in how much
memory and time of the processor. Times and memory are for people: nothing is decided by them, and the lock leaves them out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from json.encoder import encode_basestring
from typing import Any

from winnow.stages.run.digests import DIGEST_BYTES
from winnow.stages.run.unit import GROUND_VERSION, File, Files, Place, Step, Unit, canonical
from winnow.stages.run.workspace import Workspace, Written

FOLDER = "receipts"
DIGEST = "digest"
LATER = ("began", "memory", "processor")  # receipts of before they were kept are read as they are


@dataclass(frozen=True, kw_only=True)
class Receipt:
    step: str
    unit: str
    fingerprint: str
    outputs: tuple[Written, ...] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    environment: str = ""
    began: float = 0.0  # seconds since 1970 by the worker's clock
    memory: int = 0  # the most bytes that the worker's process held meanwhile
    processor: float = 0.0  # seconds that it and programs it called were at work, which other load doesn't change

    def to_json(self) -> bytes:
        fields = {**vars(self), "outputs": [vars(written) for written in self.outputs]}
        fields = {name: value for name, value in fields.items() if value or name not in LATER}
        fields["counts"] = json.loads(json.dumps(self.counts))  # as they will be read: names are strings, tuples lists
        before = _encoded({name: value for name, value in fields.items() if name < DIGEST})[:-1] + b", "
        after = _encoded({name: value for name, value in fields.items() if name > DIGEST})[1:]
        own = hashlib.blake2b(before + after, digest_size=DIGEST_BYTES).hexdigest()
        return before + _digest_field(own) + after

    @staticmethod
    def from_json(content: bytes) -> Receipt:
        """Raises `ValueError` where one byte isn't as it was written."""
        try:
            fields = json.loads(content)
            digest = fields.pop(DIGEST)
            receipt = Receipt(**{**fields, "outputs": tuple(Written(**written) for written in fields["outputs"])})
            before, own, after = content.partition(_digest_field(digest))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no receipt: {error!r}") from None
        if not own or digest != hashlib.blake2b(before + after, digest_size=DIGEST_BYTES).hexdigest():
            raise ValueError("its own digest differs")
        return receipt


def _digest_field(digest: str) -> bytes:
    """A receipt's own digest as it stands there among the other fields, which are sorted by name."""
    return f'"{DIGEST}": "{digest}", '.encode()


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


def write_receipt(workspace: Workspace, receipt: Receipt) -> None:
    workspace.write_bytes(receipt_path(receipt.step, receipt.unit), receipt.to_json())


class Fingerprints:
    """What the outputs of a step's units follow from. `digests` maps every file that earlier steps wrote to its digest.

    What units share (settings, recipes, the files of an exchange) is written out once: it is known again in the unit
    that comes next, because it is the same object.
    """

    def __init__(self, step: Step[Any], digests: Mapping[str, str]) -> None:
        self._step, self._digests = step, digests
        self._before: dict[int, tuple[Any, str]] = {}  # of the unit before: an object by its identity, and its text
        self._now: dict[int, tuple[Any, str]] = {}

    def of(self, unit: Unit[Any]) -> str:
        """Raises `KeyError` when the unit reads a file that no receipt vouches for."""
        self._before, self._now = self._now, {}
        heading = f"{self._step.name}\0{self._step.version}\0{GROUND_VERSION}\0{unit.name}\0"
        content = (heading + self.text(unit.asked)).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()

    def text(self, value: Any) -> str:
        """What of a value counts. Raises `TypeError` where it has no canonical form."""
        kind = type(value)
        if kind is File:
            return self._file(value)
        if kind is str:
            return encode_basestring(value)  # of CPython, where it is there
        if kind is int:
            return str(value)
        place = id(value)
        known = self._before.get(place) or self._now.get(place)
        if known is None:
            if isinstance(value, File):
                return self._file(value)
            plain = value is None or isinstance(value, str | int | float)
            known = value, _plain(canonical(value)) if plain else self._written(value)
        self._now[place] = known
        return known[1]

    def _written(self, value: Any) -> str:
        text = self.text
        if isinstance(value, list | tuple):
            if isinstance(value, tuple) and value and all([isinstance(inner, File) for inner in value]):
                return self._files(value)
            return f"[{','.join([text(inner) for inner in value if not isinstance(inner, Place)])}]"
        shape: Any = type(value)
        if (names := _fields(shape)) is not None:
            told = []
            for name in names:
                one = getattr(value, name)
                kind = type(one)
                if kind is File:
                    told.append(f"{name}:{self._file(one)}")
                elif kind is str:
                    told.append(f"{name}:{encode_basestring(one)}")
                elif not isinstance(one, Place):
                    told.append(f"{name}:{text(one)}")
            return f"{{{','.join(told)}}}"
        return _plain(canonical(value, self._files))

    def _file(self, name: str) -> str:
        """Name and content of one file."""
        told = f"{name}\0{self._digests[name]}\0".encode("utf-8", "surrogatepass")
        return f"1 files {hashlib.blake2b(told, digest_size=DIGEST_BYTES).hexdigest()}"

    def _files(self, files: Files) -> str:
        """Names and contents of files as one value."""
        digests = self._digests
        told = "".join([f"{name}\0{digests[name]}\0" for name in files]).encode("utf-8", "surrogatepass")
        return f"{len(files)} files {hashlib.blake2b(told, digest_size=DIGEST_BYTES).hexdigest()}"


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


@cache
def _fields(kind: Any) -> tuple[str, ...] | None:
    """The names of the fields of a dataclass; None of another kind of value, and of one that says itself what counts."""
    if not is_dataclass(kind) or hasattr(kind, "identity"):
        return None
    return tuple(field.name for field in fields(kind))


def fingerprint(step: Step[Any], unit: Unit[Any], digests: Mapping[str, str]) -> str:
    """Of one unit alone, as `Fingerprints` has it."""
    return Fingerprints(step, digests).of(unit)
