"""An export of a tiny model with a real tokenizer and its chat template."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from winnow.tokenizer.export import export as export_tokenizer
from winnow.tokenizer.load import load
from winnow.tokenizer.train import train_model
from winnow.trainer.config import ModelConfig
from winnow.trainer.export import end_turns, export


@pytest.fixture
def source(tiny: ModelConfig, make_model, tmp_path: Path) -> Path:
    drawn = np.random.default_rng(0).integers(97, 123, (300, 6))
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "tokenizer.model").write_bytes(train_model([" ".join("".join(map(chr, word)) for word in drawn)], 512))
    encoder = load(str(folder / "tokenizer.model"))
    export(make_model(replace(tiny, vocab_size=encoder.vocabulary_size)), folder)
    for name, content in export_tokenizer(encoder).items():
        (folder / name).write_bytes(content)
    end_turns(folder, encoder.conventions.roles)
    return folder
