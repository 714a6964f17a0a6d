"""The warm-up goes to its end on whatever text the smallest input holds."""

from __future__ import annotations

import json
import subprocess
import sys
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


PACKED = """\
import sys
import numpy as np, pyarrow as pa
from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.running.warm import warm
from winnow.stages.shards import pack, patterns
from winnow.stages.tokens.schema import list_offsets, list_values

def compiled():
    kernels = [*vars(pack).values(), *vars(patterns).values()]
    return {kernel.py_func.__name__: len(kernel.signatures) for kernel in kernels if hasattr(kernel, "signatures")}

warm(load_settings(*sys.argv[1:]))
ready = compiled()
rows = [list(range(size)) for size in (8, 4, 2, 3, 4, 2, 2, 25)]
tokens = pa.chunked_array([pa.array(rows, pa.list_(pa.uint16()))])
cuts = pa.chunked_array([pa.array([[1]] * len(rows), pa.list_(pa.int32()))])
pieces = pack.split(np.diff(list_offsets(tokens)), 10, list_values(cuts), list_offsets(cuts))
assert pack.pack_best_fit(pieces, 10).sequences >= 5
assert compiled() == ready and {"_split", "_best_fit", "_arrange", "_find", "_assign"} <= {name for name, count in ready.items() if count}, ready
"""


def test_packing_finds_its_kernels_ready(tmp_path: Path) -> None:
    (tmp_path / "books.jsonl").write_text("".join(json.dumps({"text": f"Word {n}. " * 300}) + "\n" for n in range(9)))
    (tmp_path / "m.yaml").write_text(MANIFEST.replace("concatenate", "best_fit"))
    (tmp_path / "p.yaml").write_text(PROFILE)
    done = subprocess.run(
        [sys.executable, "-c", PACKED, str(tmp_path / "m.yaml"), str(tmp_path / "p.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
