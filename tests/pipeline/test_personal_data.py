"""Personal data and secrets are told to nobody: not to the terminal, a log, a receipt, a rejection or the report."""

from __future__ import annotations

import json
import pydoc
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

PERSONAL = (
    "jane.doe+news@mail.orchard.co.uk",
    "185.199.111.133",
    "+44 (0)20 7946 0958",
    "13812345678",
    "11010519491231002X",
    "4111 1111 1111 1111",
    "ghp_" + "x7Kq2Lm9Rt4Vw1Zb8Nc5Df3Gh6Jk0PsAaQeU",
)

MANIFEST = """\
stage: sft
seed: 1
packing: best_fit
edits: [{recipe: personal_data}, {recipe: secrets}]
filters: [{recipe: personal_data_free}, {recipe: secrets_free}]
mixture: {sources: {notes: 50, chats: 50}}
curriculum: [{length: 256, share: 100}]
"""

PROFILE = """\
root: ROOT
scale: {vocabulary_size: 512, tokenizer_sample_bytes: 100000}
sources:
  notes: [{kind: tables, paths: [notes.jsonl]}]
  chats: [{kind: conversations, paths: [chats.jsonl]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Texts with personal data, and rows that ingest refuses because of the very fields that hold it."""
    sentences = [f"Note {number}: until autumn {what} is the orchard." for number, what in enumerate(PERSONAL)]
    notes: list[object] = [{"text": text} for text in sentences]
    notes += [row for what in PERSONAL for row in ({what: 1}, {"text": [what]}, [what])]
    notes += [{"text": pydoc.plain(pydoc.render_doc(module))} for module in ("difflib", "argparse", "decimal")]
    chats = [_chat(content=text) for text in sentences]
    chats += [row for what in PERSONAL for row in (_chat(role=what), _chat(content=[what]), {"messages": what})]
    write_lines(tmp_path / "notes.jsonl", notes)
    write_lines(tmp_path / "chats.jsonl", chats)
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    (tmp_path / "profile.yaml").write_text(PROFILE.replace("ROOT", str(tmp_path)))
    return tmp_path


def _chat(role: str = "user", content: object = "Hello?") -> dict[str, object]:
    return {"messages": [{"role": role, "content": content}, {"role": "assistant", "content": "In the orchard."}]}


def write_lines(target: Path, rows: list[object]) -> None:
    """JSON lines, and after them lines that are torn behind what is personal."""
    lines = [json.dumps(row) for row in rows] + [f'{{"text": "{what}", "messages": ["{what}"' for what in PERSONAL]
    target.write_text("\n".join(lines) + "\n")


def told(text: str) -> list[str]:
    return [what for what in PERSONAL if what in text]


def contents(path: Path) -> str:
    """What a file of a run says."""
    if path.suffix == ".parquet":
        return json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False, default=str)
    return path.read_bytes().decode("utf-8", "replace")


def winnow(*arguments: str) -> str:
    """What a command writes to the terminal."""
    command = [sys.executable, "-m", "winnow.pipeline.cli", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_neither_a_run_nor_its_files_tell(folder: Path) -> None:
    out = folder / "run"
    options = ("--stage", f"{folder}/manifest.yaml", "--profile", f"{folder}/profile.yaml", "--out", str(out))
    assert told(winnow("run", *options, "--workers", "1")) == []
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {str(path.relative_to(out)): told(contents(path)) for path in files if told(contents(path))} == {}
    texts = [text for path in (out / "documents").iterdir() for text in pq.read_table(path)["text"].to_pylist()]
    notes = [text for text in texts if text and text.startswith("Note ")]
    assert len(notes) == len(PERSONAL)
    for placeholder in ("<EMAIL>", "<IP_ADDRESS>", "<PHONE_NUMBER>", "<ID_NUMBER>", "<CARD_NUMBER>", "<KEY>"):
        assert any(placeholder in text for text in notes), (placeholder, notes)


@pytest.mark.parametrize("recipe", ["personal_data_free", "secrets_free", "personal_data", "secrets"])
def test_a_recipe_alone_does_not_tell(folder: Path, recipe: str) -> None:
    out = folder / recipe
    texts = [json.loads(line) for line in (folder / "notes.jsonl").read_text().splitlines()[: len(PERSONAL)]]
    (folder / "texts.jsonl").write_text("\n".join(map(json.dumps, texts)) + "\n")
    output = winnow("filter", "--recipe", recipe, "--in", f"{folder}/texts.jsonl", "--out", str(out))
    assert told(output) == []
    assert told(contents(out / "measures.parquet")) == []
