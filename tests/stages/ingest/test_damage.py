"""Files that are cut, flipped or in another encoding than they say: every reader ends, and each file leaves a trace."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.stages.ingest.source import Builder, kind_module

PARAGRAPH = "The mill stood still for weeks, so the baker bought his flour in town; nobody minded, and prices rose. "
ZH = "磨坊停了好几个星期，面包师只好到城里去买面粉；没有人在意，价格却涨了上去。"


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def epub() -> bytes:
    chapters = {f"{n}.xhtml": f"<html><body><h1>Chapter {n}</h1><p>{PARAGRAPH * 30}</p></body></html>" for n in (1, 2)}
    items = "".join(f'<item id="c{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in (1, 2))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Mill'
        f"</dc:title></metadata><manifest>{items}</manifest>"
        '<spine><itemref idref="c1"/><itemref idref="c2"/></spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="p.opf"/>'
        "</rootfiles></container>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        for name, content in {"META-INF/container.xml": container, "p.opf": package, **chapters}.items():
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def pdf() -> bytes:
    reportlab = pytest.importorskip("pypdf")
    writer = reportlab.PdfWriter()
    for _ in range(2):
        writer.add_blank_page(300, 300)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


PAPER = (
    rf"\documentclass{{article}}\begin{{document}}\title{{Mills}}{PARAGRAPH * 5} $a_1^2$ \input{{two}}\end{{document}}"
)
MEMORY = '<?xml version="1.0"?><tmx version="1.4"><header srclang="en"/><body>' + "".join(
    f'<tu><tuv xml:lang="en"><seg>{PARAGRAPH}{n}</seg></tuv><tuv xml:lang="zh"><seg>{ZH}{n}</seg></tuv></tu>'
    for n in range(9)
)
CATALOGUE = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nLanguage: zh_CN\\n"\n\n' + "".join(
    f'msgid "{PARAGRAPH}{n}"\nmsgstr "{ZH}{n}"\n\n' for n in range(9)
)
TALK = {"messages": [{"role": "user", "content": PARAGRAPH}, {"role": "assistant", "content": ZH}]}
FILES: dict[str, tuple[str, bytes]] = {
    "paper.tar.gz": ("mathematics", packed({"main.tex": PAPER.encode(), "two.tex": PARAGRAPH.encode() * 3})),
    "paper.tex": ("mathematics", PAPER.encode()),
    "problems.jsonl": ("mathematics", json.dumps({"question": PARAGRAPH, "answer": "4"}).encode()),
    "book.epub": ("longform", epub()),
    "book.pdf": ("longform", pdf()),
    "book.txt": ("longform", (f"*** START OF THE PROJECT GUTENBERG EBOOK MILL ***\n\n{PARAGRAPH * 40}\n\n").encode()),
    "memory.tmx": ("bilingual", f"{MEMORY}</body></tmx>".encode()),
    "zh.po": ("bilingual", CATALOGUE.encode()),
    "pairs.tsv": ("bilingual", "".join(f"{PARAGRAPH}{n}\t{ZH}{n}\n" for n in range(9)).encode()),
    "talks.jsonl": ("conversations", json.dumps(TALK).encode() + b"\n" + json.dumps(TALK).encode()),
    "talks.json.gz": ("conversations", gzip.compress(json.dumps([TALK] * 3).encode(), mtime=0)),
    "texts.csv": ("tables", ("id,text\n" + "".join(f'{n},"{PARAGRAPH}"\n' for n in range(9))).encode()),
    "pages.html": ("web", f"<html><body><article><p>{PARAGRAPH * 9}</p></article></body></html>".encode()),
    "page.md": ("longform", f"# Mills\n\n{PARAGRAPH * 40}\n".encode()),
}


def ingest(path: Path, kind: str) -> tuple[int, int]:
    module = kind_module(kind)
    builder = Builder("damage", kind, lambda table: None)
    how = module.Settings()
    for split in module.splits(str(path), how):
        module.read(split, how, builder)
    builder.flush()
    return builder.documents, builder.rejection_table().num_rows


@pytest.mark.parametrize("name", [name for name in FILES if name != "book.pdf"])
def test_sound_files_are_documents(tmp_path: Path, name: str) -> None:
    kind, content = FILES[name]
    (tmp_path / name).write_bytes(content)
    documents, _ = ingest(tmp_path / name, kind)
    assert documents


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_documents_or_rejections(tmp_path: Path, name: str, data: st.DataObject) -> None:
    kind, sound = FILES[name]
    content = bytearray(sound)
    harm = data.draw(st.sampled_from(["cut", "flip", "utf-16", "latin-1"]))
    if harm == "cut":
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    elif harm == "flip":
        for _ in range(data.draw(st.integers(1, 9))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    else:
        content = bytearray(sound.decode("utf-8", "replace").encode(harm, "replace"))
    (tmp_path / name).write_bytes(content)
    documents, rejections = ingest(tmp_path / name, kind)
    only_header = name == "texts.csv" and b"\n" not in content
    assert documents + rejections > 0 or not content or only_header
