"""The files of a tokenizer: which of two in a folder counts, and what lies beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from winnow.tokenizer.bpe import BytePairEncoder
from winnow.tokenizer.export import export
from winnow.tokenizer.files import CONFIGURATION, JSON, MODEL, TEMPLATE, read
from winnow.tokenizer.load import load


@pytest.fixture
def folder(encoder: BytePairEncoder, tmp_path: Path) -> Path:
    """Our model with its export beside it."""
    shutil.copy(encoder.path, tmp_path / MODEL)
    for name, content in export(encoder).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_model_with_its_own_export_is_encoded_by_our_loops(folder: Path) -> None:
    assert isinstance(load(str(folder)), BytePairEncoder)
    assert {name for name, _ in read(str(folder)).beside} == {CONFIGURATION, TEMPLATE}
    assert read(str(folder / JSON)).beside == read(str(folder)).beside


def test_a_token_added_to_the_json_counts(folder: Path) -> None:
    fields = json.loads((folder / JSON).read_text())
    number = len(fields["model"]["vocab"])
    token = {"id": number, "content": "<new>", "special": False, "normalized": False}
    fields["added_tokens"].append({**token, "single_word": False, "lstrip": False, "rstrip": False})
    (folder / JSON).write_text(json.dumps(fields))
    assert number in load(str(folder)).encode(pa.array(["a<new>b"])).ids


def test_a_model_that_is_not_the_jsons_does_not_count(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"not a model")
    assert read(str(folder)).path == str(folder / JSON)


def test_a_folder_without_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected tokenizer\.model, tokenizer\.json"):
        read(str(tmp_path))
