"""Fingerprints tell a unit from every other that is asked for something else; receipts survive their format."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import pytest
from pydantic import BaseModel

from tests.pipeline.running.work import SQUARE, Number
from winnow.filters.recipes import Rule, find_recipe
from winnow.pipeline.record.receipt import Fingerprints, Receipt, fingerprint
from winnow.stages.decide import Application
from winnow.stages.run.unit import GROUND_VERSION, File, Files, Place, Unit, canonical


def test_shared_parameters_and_files_count_for_every_unit_that_has_them() -> None:
    shared = tuple(File(f"f{number}") for number in range(40))
    units = [Unit(name=f"u{number}", asked=Number(number=number, others=shared)) for number in range(3)]
    digests = {name: name for name in shared}
    marking = Fingerprints(SQUARE, digests)
    marks = [marking.of(unit) for unit in units]
    assert marks == [fingerprint(SQUARE, unit, digests) for unit in units]
    assert len({*marks, *(fingerprint(SQUARE, unit, {**digests, "f39": "x"}) for unit in units)}) == 6


def written_out(value: Any, digests: dict[str, str]) -> str:
    """What a fingerprint is of, as it was first written: each value by itself, nothing remembered."""

    def files(names: Files) -> str:
        told = "".join(f"{name}\0{digests[name]}\0" for name in names).encode("utf-8", "surrogatepass")
        return f"{len(names)} files {blake2b(told, digest_size=16).hexdigest()}"

    if isinstance(value, File):
        return files((value,))
    if isinstance(value, tuple) and value and all(isinstance(inner, File) for inner in value):
        return files(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(written_out(inner, digests) for inner in value if not isinstance(inner, Place))}]"
    if is_dataclass(value) and not hasattr(value, "identity"):
        named = [(field.name, getattr(value, field.name)) for field in fields(value)]
        told = [f"{name}:{written_out(one, digests)}" for name, one in named if not isinstance(one, Place)]
        return f"{{{','.join(told)}}}"
    return json.dumps(canonical(value, files), sort_keys=True, ensure_ascii=False)


class Colour(StrEnum):
    RED = "red"


class Options(BaseModel):
    width: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Everything:
    value: Any
    more: tuple[Any, ...]


def test_a_fingerprint_is_of_all_parameters_written_out() -> None:
    shared = tuple(File(f"f{number}") for number in range(40))
    rule = Rule(name="a", measure="b", minimum=0.5)
    values = [
        None, True, 3, -0.0, 1e300, "文 \"\n\udc80", Place("/here"), File("f1"), shared, (), [], (File("f2"), "no file"),
        Colour.RED, {"b": Place("/x"), "a": File("f3"), "c": shared}, frozenset({"b", "a"}), Number(number=1, others=shared[:2]),
        rule, (Place("/there"), None, 2.0), Application(recipe=find_recipe("gopher_quality")), Options(),
    ]  # fmt: skip
    digests = {name: f"{number:032x}" for number, name in enumerate(shared)}
    marking = Fingerprints(SQUARE, digests)
    for place, value in enumerate([*values, *values]):
        unit = Unit(name=f"u{place}", asked=Everything(value=value, more=(value, values[(place - 1) % len(values)])))
        heading = f"square\0{1}\0{GROUND_VERSION}\0{unit.name}\0"
        content = (heading + written_out(unit.asked, digests)).encode("utf-8", "surrogatepass")
        assert marking.of(unit) == blake2b(content, digest_size=16).hexdigest()


def test_a_file_that_no_receipt_vouches_for_cannot_be_an_input() -> None:
    with pytest.raises(KeyError):
        fingerprint(SQUARE, Unit(name="x", asked=Number(number=1, others=(File("nowhere"),))), {})


def test_a_receipt_survives_its_own_format() -> None:
    receipt = Receipt(step="s", unit="u", fingerprint="f", counts={"文档": 3}, seconds=0.5)
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert json.loads(receipt.to_json())["counts"] == {"文档": 3}
