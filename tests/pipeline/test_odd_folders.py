"""A folder as people have them: links to folders, links to nowhere and to themselves, pipes, sockets, names of odd bytes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.planning.parts import find_parts
from winnow.pipeline.planning.plan import steps
from winnow.pipeline.record.receipt import fingerprint
from winnow.pipeline.running.runner import work_unit

MANIFEST = """\
stage: pretrain
seed: 1
mixture: {sources: {texts: 100}}
packing: concatenate
curriculum: [{length: 512, share: 100}]
"""
TEXT = "The daemon reads its configuration once, when it starts, and again whenever it is told to by a signal. " * 40
FILES = {
    "longform": {"good.txt": TEXT},
    "web": {"good.html": f"<html><body><article><h1>Signals</h1><p>{TEXT}</p></article></body></html>"},
    "repositories": {"good.py": f'"""{TEXT}"""\n\n\ndef reads() -> int:\n    return 1\n'},
    "documentation": {"good.md": f"# Signals\n\n{TEXT}\n"},
    "mathematics": {"good.tex": "\\documentclass{article}\\begin{document}" + TEXT + "$x^2$\\end{document}"},
}


@pytest.mark.parametrize("kind", FILES)
def test_odd_entries_of_a_folder_cost_only_themselves(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "inner").mkdir()
    for name, text in FILES[kind].items():
        (data / name).write_text(text)
        suffix = Path(name).suffix
        (data / f"nowhere{suffix}").symlink_to("missing")
        (data / f"itself{suffix}").symlink_to(f"itself{suffix}")
        (data / f"folder{suffix}").symlink_to(data / "inner")
        (data / "outside").symlink_to("/proc")
        os.mkfifo(data / f"pipe{suffix}")
        with socket.socket(socket.AF_UNIX) as taken:
            taken.bind(os.path.relpath(data / f"socket{suffix}"))
        Path(os.fsdecode(os.fsencode(data) + b"/odd\xff" + suffix.encode())).write_text(text)
        (data / f"two\nlines{suffix}").write_text(text)
    (tmp_path / "m.yaml").write_text(MANIFEST)
    (tmp_path / "p.yaml").write_text(
        f"root: .\nsources: {{texts: [{{kind: {kind}, content: prose, paths: [data]}}]}}\n"
    )
    settings = load_settings(str(tmp_path / "m.yaml"), str(tmp_path / "p.yaml"))
    digests: dict[str, str] = {}
    for step, units in steps(find_parts(settings), settings)[:2]:
        for unit in units:
            receipt = work_unit(str(tmp_path / "run"), step, unit, fingerprint(step, unit, digests))
            digests.update({written.path: written.digest for written in receipt.outputs})
    read = [path for path in (tmp_path / "run" / "documents").glob("*.parquet")]
    texts = [text for path in read for text in pq.read_table(path)["text"].to_pylist()]
    assert any("told to by a signal" in text for text in texts)
