"""The wheel, as a stranger gets it: built, installed into an empty environment, run in an empty folder."""

from __future__ import annotations

import argparse
import csv
import decimal
import difflib
import email.message
import fractions
import heapq
import inspect
import json
import logging
import os
import random
import shutil
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FOLDERS = ("filters", "formats", "manifests", "pipeline", "stages", "tokenizer", "trainer")
UV = str(Path(sys.executable).with_name("uv"))


def tracked() -> list[str]:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def called(*command: str, cwd: Path) -> str:
    outside = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files, so that nothing that an earlier build left gets in."""
    copy, target = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    called(UV, "build", "--quiet", "--wheel", "--out-dir", str(target), str(copy), cwd=copy)
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_holds_every_module_and_what_they_read(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    ours = {name for name in tracked() if name.split("/")[0] in FOLDERS and (ROOT / name).is_file()}
    assert len(ours) > 300
    assert {f"winnow/{name}" for name in ours} <= inside
    assert "winnow/py.typed" in inside
    assert any(name.endswith("licenses/LICENSE") for name in inside)
    assert {name.split("/")[0] for name in inside} == {"winnow", wheel.name.rsplit("-", 3)[0] + ".dist-info"}


def talks() -> list[list[dict[str, str]]]:
    """What functions of the standard library say of themselves, asked for and answered."""
    found = {}
    for module in (
        argparse,
        csv,
        decimal,
        difflib,
        email.message,
        fractions,
        heapq,
        logging,
        random,
        shutil,
        statistics,
    ):
        for name, function in inspect.getmembers(module, callable):
            text = inspect.getdoc(function) or ""
            if 200 < len(text) < 3000:
                found[text] = f"In Python's {module.__name__}, what is {name} for, and how is it called?"
    return [[{"role": "user", "content": q}, {"role": "assistant", "content": text}] for text, q in found.items()]


def write_inputs(folder: Path) -> None:
    """Small inputs of every source of `mid`, and a profile that says where they lie."""
    (folder / "raw").mkdir()
    sources = ("synthetic", "curated", "multi_turn", "tools")
    for number, source in enumerate(sources):
        lines = [json.dumps({"messages": messages}) for messages in talks()[number :: len(sources)]]
        (folder / "raw" / f"{source}.jsonl").write_text("\n".join(lines))
    library = Path(inspect.getfile(json)).parent
    shutil.copytree(library, folder / "raw" / "json", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "raw" / "json" / "LICENSE").write_text((ROOT / "LICENSE").read_text())
    (folder / "raw" / "book.txt").write_text(inspect.getdoc(statistics) + "\n\n" + (ROOT / "README.md").read_text())
    sample = yaml.safe_load((ROOT / "manifests" / "profiles" / "sample.yaml").read_text())
    model = [entry for entry in sample["downloads"] if any(name.endswith(".ftz") for name in entry.get("members", ()))]
    profile = {
        "root": "raw",
        "downloads": model,
        "resources": sample["resources"],
        "benchmarks": sample["benchmarks"],
        "scale": {"length_divisor": 32, "vocabulary_size": 600, "tokenizer_sample_bytes": 200_000, "epochs": 9},
        "sources": {
            "instructions.synthetic": [{"kind": "conversations", "paths": ["synthetic.jsonl"]}],
            "instructions.curated": [{"kind": "conversations", "paths": ["curated.jsonl"]}],
            "instructions.multi_turn": [{"kind": "conversations", "paths": ["multi_turn.jsonl"]}],
            "repositories": [{"kind": "repositories", "paths": ["json"]}],
            "long_documents": [{"kind": "longform", "paths": ["book.txt"]}],
            "tool_use": [{"kind": "conversations", "paths": ["tools.jsonl"]}],
        },
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(profile))


@pytest.mark.slow  # every kernel is compiled anew: `make wheel-test`
def test_a_stranger_installs_the_wheel_and_runs_mid(wheel: Path, tmp_path: Path) -> None:
    environment, folder = tmp_path / "environment", tmp_path / "empty"
    folder.mkdir()
    called(UV, "venv", "--quiet", "--python", sys.executable, str(environment), cwd=folder)
    python = str(environment / "bin" / "python")
    constraints = str(ROOT / "constraints.txt")
    called(UV, "pip", "install", "--quiet", "--python", python, "--constraint", constraints, str(wheel), cwd=folder)
    winnow = str(environment / "bin" / "winnow")
    assert "personal_data" in called(winnow, "recipes", cwd=folder)
    write_inputs(folder)
    called(winnow, "run", "--stage", "mid", "--profile", "mine.yaml", "--out", "run", "--workers", "2", cwd=folder)
    index = json.loads((folder / "run" / "shards" / "index.json").read_text())
    assert sum(phase["tokens"] for phase in index["phases"]) > 0
