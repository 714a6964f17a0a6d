"""Small sound files of every kind that is read: what a fuzzer begins with, and what is damaged in tests."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import sqlite3
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pypdf

PARAGRAPH = "The mill stood still for weeks, so the baker bought his flour in town; nobody minded, and prices rose. "
ZH = "磨坊停了好几个星期，面包师只好到城里去买面粉；没有人在意，价格却涨了上去。"
TALK = {"messages": [{"role": "user", "content": PARAGRAPH}, {"role": "assistant", "content": ZH}]}
CALLED = {
    "messages": [
        {"role": "system", "content": "Help."},
        {"role": "user", "content": "How deep is the ford?"},
        {
            "role": "assistant",
            "content": "<think>Look.</think>",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "depth", "arguments": '{"at": "ford"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "2 m"},
        {"role": "assistant", "content": "Two metres."},
    ],
    "tools": [{"type": "function", "function": {"name": "depth", "parameters": {"type": "object", "properties": {}}}}],
}
TALKS = (
    TALK,
    CALLED,
    {"conversations": [{"from": "human", "value": PARAGRAPH}, {"from": "gpt", "value": ZH}]},
    {"instruction": "Where is", "input": "the ford?", "output": ["Below the mill.", "I do not know."]},
    {"prompt": "Where is the ford?", "chosen": ["Below the mill."], "rejected": ["I do not know."]},
    {"question": PARAGRAPH, "options": ["one", "two"], "answer": 1},
    {"id": "1", "mapping": {"r": {"id": "r", "message": None, "parent": None, "children": []}}},
)
MARKUP_PAGE = f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Mills</title>
<script type="application/ld+json">{{"@type": "Article", "articleBody": "{PARAGRAPH}"}}</script></head><body>
<nav><ul><li><a href="/">Home</a></li></ul></nav><article><h1>Mills</h1><p>{PARAGRAPH * 5}</p>
<p>Euler: <math><msup><mi>e</mi><mrow><mi>i</mi><mi>π</mi></mrow></msup><mo>=</mo><mn>-1</mn></math>,
<img class="math" alt="a^2" src="x.png">, \\(a_1\\)</p><table><tr><th>a</th><td>b</td></tr></table>
<pre><code class="language-python">def f(x):\n    return x\n</code></pre><ol><li>{PARAGRAPH}</li></ol></article></body></html>"""
MARKDOWN = (
    f"---\ntitle: Mills\n---\n# Mills\n\n{PARAGRAPH * 20}\n\n| a | b |\n|---|---|\n| 1 | $x^2$ |\n\n```py\nf(1)\n```\n"
)
RST = f"Mills\n=====\n\n.. note:: {PARAGRAPH}\n\n.. math:: a^2\n\n{PARAGRAPH * 20}\n\n+---+---+\n| a | b |\n+---+---+\n\n:math:`x`\n"
PAPER = (
    r"\documentclass{article}\usepackage[utf8]{inputenc}\newcommand{\half}[1]{\frac{#1}{2}}\begin{document}\title{Mills}"
    + PARAGRAPH * 5
    + r" $a_1^2 = \half{b}$ \input{two} \iffalse gone \fi \SI{3}{\metre} \begin{tabular}{ll}a & b \\ c & d\end{tabular}"
    r"\begin{verbatim}x\end{verbatim}\end{document}"
)
MEMORY = '<?xml version="1.0"?><tmx version="1.4"><header srclang="en"/><body>' + "".join(
    f'<tu><tuv xml:lang="en"><seg>{PARAGRAPH}{n}</seg></tuv><tuv xml:lang="zh"><seg>{ZH}{n}</seg></tuv></tu>'
    for n in range(9)
)
CATALOGUE = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nLanguage: zh_CN\\n"\n\n' + "".join(
    f'msgid "{PARAGRAPH}{n}"\nmsgstr "{ZH}{n}"\n\n' for n in range(9)
)
SOURCES: Mapping[str, str] = {
    "p/LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy of this software",
    "p/setup.py": "from setuptools import setup\nsetup(name='p', license='MIT')\n",
    "p/a.py": "import os\nfrom . import b\n\ndef f(x: int) -> int:\n    '''Adds one.'''\n    return x + 1\n",
    "p/b.c": '#include "b.h"\nint main(void) { return 0; }\n',
    "p/c.rs": 'use std::io;\nmod d;\nfn main() { println!("{}", 1); }\n',
    "p/e.ts": "import { a } from './a';\nexport const x: number = a + 1;\n",
    "p/g.go": 'package g\nimport "fmt"\nfunc F() { fmt.Println(1) }\n',
    "p/H.java": "package p;\nimport java.util.List;\nclass H { int x; }\n",
    "p/package.json": '{"name": "p", "main": "e.ts", "exports": {".": {"import": "./e.ts"}, "./*": "./*.ts"}}',
    "p/tsconfig.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["./*"]}}}',
    "p/Cargo.toml": '[package]\nname = "p"\n[lib]\npath = "c.rs"\n[dependencies]\nq = {package = "r"}\n',
    "p/go.mod": "module ex.org/p\n\ngo 1.22\n",
    "p/docs/index.rst": RST,
}


def tar(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
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
    return zipped(
        {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "p.opf": package, **chapters}
    )


def pdf() -> bytes:
    writer = pypdf.PdfWriter()
    for _ in range(2):
        writer.add_blank_page(300, 300)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def notebook() -> bytes:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": [PARAGRAPH * 40]},
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": "print(1)",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}],
        },
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@ex.org", "b@ex.org", "Mühlen"
    message.set_content(PARAGRAPH * 40 + ZH)
    message.add_alternative(MARKUP_PAGE, subtype="html")
    return bytes(message)


def crawl() -> bytes:
    packed = b""
    for n in range(2):
        body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n"
        body += gzip.compress(MARKUP_PAGE.encode(), mtime=0)
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.ex/{n}\r\nContent-Length: {len(body)}\r\n\r\n"
        packed += gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0)
    return packed


def table() -> pa.Table:
    return pa.table({"id": [1, 2, None], "text": [PARAGRAPH, ZH, None], "tags": [["a"], [], None]})


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table(), buffer, row_group_size=2)
    return buffer.getvalue()


def arrow() -> bytes:
    buffer = io.BytesIO()
    with pyarrow.ipc.new_file(buffer, table().schema) as writer:
        writer.write_table(table())
    return buffer.getvalue()


def database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.db"
        connection = sqlite3.connect(path)
        connection.executescript("create table t (id integer primary key, text text, more blob)")
        connection.executemany("insert into t values (?, ?, ?)", [(n, PARAGRAPH * 9, b"\0\1") for n in range(9)])
        connection.commit()
        connection.close()
        return path.read_bytes()


def lines(records: object) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)  # type: ignore[attr-defined]


SOUND: dict[str, tuple[str, bytes]] = {
    "paper.tar.gz": ("mathematics", tar({"main.tex": PAPER.encode(), "two.tex": PARAGRAPH.encode() * 3})),
    "paper.tex": ("mathematics", PAPER.encode()),
    "problems.jsonl": ("mathematics", json.dumps({"question": PARAGRAPH, "answer": "4"}).encode()),
    "book.epub": ("longform", epub()),
    "book.pdf": ("longform", pdf()),
    "book.txt": ("longform", (f"*** START OF THE PROJECT GUTENBERG EBOOK MILL ***\n\n{PARAGRAPH * 40}\n\n").encode()),
    "page.md": ("longform", MARKDOWN.encode()),
    "page.rst": ("longform", RST.encode()),
    "notes.ipynb": ("longform", notebook()),
    "letter.eml": ("longform", mail()),
    "books.zip": ("longform", zipped({"b/a.md": MARKDOWN, "b/c.html": MARKUP_PAGE, "b/d.tex": PAPER})),
    "memory.tmx": ("bilingual", f"{MEMORY}</body></tmx>".encode()),
    "zh.po": ("bilingual", CATALOGUE.encode()),
    "pairs.tsv": ("bilingual", "".join(f"{PARAGRAPH}{n}\t{ZH}{n}\n" for n in range(9)).encode()),
    "talks.jsonl": ("conversations", lines(TALKS)),
    "talks.json.gz": ("conversations", gzip.compress(json.dumps([TALK] * 3).encode(), mtime=0)),
    "texts.csv": ("tables", ("id,text\n" + "".join(f'{n},"{PARAGRAPH}"\n' for n in range(9))).encode()),
    "texts.jsonl": ("tables", lines({"id": n, "text": PARAGRAPH, "more": {"a": [1.5, None]}} for n in range(3))),
    "texts.json": ("tables", json.dumps([{"text": PARAGRAPH}, {"text": ZH}]).encode()),
    "texts.parquet": ("tables", parquet()),
    "texts.arrow": ("tables", arrow()),
    "texts.db": ("tables", database()),
    "texts.jsonl.bz2": ("tables", bz2.compress(lines({"text": PARAGRAPH} for _ in range(3)))),
    "pages.html": ("web", MARKUP_PAGE.encode()),
    "pages.warc.gz": ("web", crawl()),
    "pages.zip": ("web", zipped({"a/b.html": MARKUP_PAGE, "c.htm": MARKUP_PAGE.upper()})),
    "sources.tar.gz": ("repositories", tar({name: text.encode() for name, text in SOURCES.items()})),
    "sources.zip": ("repositories", zipped(SOURCES)),
    "manual.tar.gz": ("documentation", tar({name: text.encode() for name, text in SOURCES.items()})),
}
"""By file name: the kind that reads it, and what it holds."""
