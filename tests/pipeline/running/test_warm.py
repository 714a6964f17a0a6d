"""The warm-up goes to its end on whatever text the smallest input holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from winnow.pipeline.cli import cli

MANIFEST = """\
stage: pretrain
seed: 1
tokenizer: {vocabulary_size: 64000}
mixture:
  sources: {books: 100}
packing: concatenate
curriculum:
  - {length: 512, share: 100}
"""

PROFILE = """\
root: .
sources:
  books: [{kind: tables, content: books, paths: [books.jsonl]}]
"""


@pytest.mark.parametrize("signs", [1_500, 20_000])  # more than a thousand pieces; more than the warm-up's vocabulary
def test_a_text_of_many_signs_stops_no_warm_up(tmp_path: Path, signs: int) -> None:
    characters = [chr(0x4E00 + number) for number in range(signs)]
    lines = ["".join(characters[first : first + 100]) + "。" for first in range(0, signs, 100)]
    (tmp_path / "books.jsonl").write_text("".join(json.dumps({"text": f"{line}\n{line}"}) + "\n" for line in lines))
    (tmp_path / "m.yaml").write_text(MANIFEST)
    (tmp_path / "p.yaml").write_text(PROFILE)
    result = CliRunner().invoke(
        cli, ["warm", "--stage", str(tmp_path / "m.yaml"), "--profile", str(tmp_path / "p.yaml")]
    )
    assert result.exit_code == 0, result.output
    assert "Kernels are ready" in result.output
