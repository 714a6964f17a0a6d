"""Any amount of text made of a sample's: real paragraphs, functions, pages and talks, put together anew by the dice.

A document is some paragraphs of a pool, each with a made-up name that no other has: documents are no near-duplicates of
each other but for those that are meant, vocabularies and exchanges grow with the text as they do with real text, and its
words, lines and markup are those that people wrote. Every round has documents of its own; equal seeds give equal files.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

FILE_BYTES = 32 << 20
REPEATED, CHANGED = 0.02, 0.05  # documents that are the one before them again, whole or but for a paragraph
SHARES = {"english": 0.36, "chinese": 0.30, "web": 0.14, "code": 0.14, "talks": 0.06}
"""Of the bytes of a round; beside them come the smaller of the sample's packages as they are."""
PACKAGES = (
    "click-8.1.7",
    "itsdangerous-2.2.0",
    "blinker-1.8.2",
    "pymdown_extensions-10.8.1",
    "cn2an-0.5.22",
    "Mako-1.3.5",
)
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ai", "ou")]
MARKS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"
BLOCK = re.compile(r"^(?=(?:@\w|def |class |async def ))", re.MULTILINE)
GRANT = """MIT License

Copyright (c) {year} {name}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


@dataclass(frozen=True)
class Pools:
    """What a sample's files are made of."""

    english: list[str]
    chinese: list[str]
    code: list[str]
    talks: list[list[tuple[str, str]]]  # turns, of a user and an assistant

    @classmethod
    def of(cls, data: Path) -> Pools:
        english, code = [], []
        for package in sorted((data / "sdists").glob("*.tar.gz")):
            with tarfile.open(package) as archive:
                for member in archive:
                    if (
                        not member.isfile()
                        or member.size > 1 << 20
                        or not member.name.endswith((".py", ".rst", ".txt", ".md"))
                    ):
                        continue
                    text = archive.extractfile(member).read().decode("utf-8", "replace")  # type: ignore[union-attr]
                    if member.name.endswith(".py"):
                        code += [block.strip() for block in BLOCK.split(text)[1:] if 200 <= len(block) <= 4000]
                    else:
                        english += filter(_prose, map(_one_line, text.split("\n\n")))
        english += filter(_prose, (data / "tables" / "wikipedia.txt").read_text("utf-8").split("\n"))
        with sqlite3.connect(f"file:{data / 'tables' / 'laws.db'}?mode=ro", uri=True) as laws:
            rows = [text for (text,) in laws.execute("select article_text from articles") if text]
        return cls(
            english, [text for text in map(_one_line, rows) if 40 <= len(text) <= 600], code, _talks(data / "chats")
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _prose(text: str) -> bool:
    letters = sum(map(str.isalpha, text[:400])) + text[:400].count(" ")
    return 120 <= len(text) <= 1500 and text[:1].isupper() and letters > 0.9 * len(text[:400])


def _talks(folder: Path) -> list[list[tuple[str, str]]]:
    found = []
    for record in json.loads((folder / "kto_en_demo.json").read_text("utf-8")):
        turns = [turn["content"] for turn in record["messages"]]
        found.append(list(zip(turns[::2], turns[1::2], strict=False)))
    for language in ("en", "zh"):
        records = json.loads((folder / f"dpo_{language}_demo.json").read_text("utf-8"))
        found += [[(record["conversations"][-1]["value"], record["chosen"]["value"])] for record in records]
    return [turns for turns in found if turns]


@dataclass
class Maker:
    """Makes the inputs of one round. `texts` counts the bytes of text made, by what they are."""

    pools: Pools
    seed: int
    texts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SHARES, 0))

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._serial = self.seed * 100_000_007
        self._last: list[str] = []

    def name(self) -> str:
        self._serial += 1
        number, word = self._serial, ""
        while number:
            number, place = divmod(number, len(SYLLABLES))
            word += SYLLABLES[place]
        return word.capitalize()

    def _mark(self) -> str:
        self._serial += 1
        number, word = self._serial, ""
        while number:
            number, place = divmod(number, len(MARKS))
            word += MARKS[place]
        return word

    def document(self, pool: list[str], named: Callable[[str], str]) -> list[str]:
        """Paragraphs; now and then those of the one before, all or all but the first."""
        chance = self._dice.random()
        if self._last and chance < REPEATED:
            return self._last
        if self._last and chance < REPEATED + CHANGED:
            return [named(self._dice.choice(pool)), *self._last[1:]]
        count = min(3 + int(self._dice.expovariate(1 / 12)), 120)
        self._last = [named(text) for text in self._dice.choices(pool, k=count)]
        return self._last

    def english(self) -> list[str]:
        return self.document(self.pools.english, lambda text: f"{text} {self.name()} agreed with {self.name()}.")

    def chinese(self) -> list[str]:
        return self.document(self.pools.chinese, lambda text: f"{text}本条由{self._mark()}解释。")

    def page(self) -> tuple[str, str]:
        """A page's address and HTML."""
        self._last = []
        paragraphs = self.english()
        title = self.name()
        menu = "".join(f'<li><a href="/{name.lower()}">{name}</a></li>' for name in ("Home", "News", "Contact", title))
        body = "\n".join(f"<p>{_escaped(text)}</p>" for text in paragraphs)
        page = (
            f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>p {{margin: 1em}}</style>'
            f"</head><body><nav><ul>{menu}</ul></nav><main><article><h1>{title}</h1>\n{body}\n</article></main>"
            f"<footer><p>All rights reserved by {self.name()}</p><script>var page = {len(body)};</script></footer></body></html>"
        )
        self.texts["web"] += sum(map(len, paragraphs))
        return f"https://{self.name().lower()}.example/{title.lower()}", page

    def package(self) -> Iterator[tuple[str, str]]:
        """Path and text of each file of a package; modules import one another."""
        top, modules = self.name().lower(), [self.name().lower() for _ in range(self._dice.randint(3, 40))]
        yield f"{top}-1.0/LICENSE", GRANT.format(year=2000 + self._dice.randrange(25), name=self.name())
        yield f"{top}-1.0/README.md", f"# {top}\n\n" + "\n\n".join(self.english())
        yield f"{top}-1.0/{top}/__init__.py", "".join(f"from {top} import {module}\n" for module in modules[:5])
        for place, module in enumerate(modules):
            used = f"from {top}.{modules[self._dice.randrange(place)]} import *\n" if place else "import os\n"
            blocks = "\n\n\n".join(self._dice.choices(self.pools.code, k=self._dice.randint(2, 16)))
            text = f'"""{self.name()} of {self.name()}."""\n\n{used}\n{self.name().upper()} = {self._serial}\n\n\n{blocks}\n'
            self.texts["code"] += len(text)
            yield f"{top}-1.0/{top}/{module}.py", text

    def talk(self) -> dict[str, object]:
        turns = [turn for talk in self._dice.choices(self.pools.talks, k=self._dice.randint(1, 3)) for turn in talk]
        messages = []
        for asked, answered in turns:
            messages.append({"role": "user", "content": f"{asked}\nThis is for {self.name()}."})
            messages.append(
                {"role": "assistant", "content": f"{answered}\n\n{self.name()}, {self.name()}, {self.name()}."}
            )
        return {"messages": messages}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def make_round(folder: Path, pools: Pools, seed: int, size: int) -> int:
    """Writes inputs with some `size` bytes of text below `folder`; how many it made, packages left out."""
    maker = Maker(pools, seed)
    for name in ("english", "chinese", "talks"):
        _lines(folder / name, maker, name, int(size * SHARES[name]))
    _archives(folder / "web", maker, int(size * SHARES["web"]))
    _packages(folder / "code", maker, int(size * SHARES["code"]))
    return sum(maker.texts.values())


def _lines(folder: Path, maker: Maker, kind: str, size: int) -> None:
    """Tables of JSON lines, `zst`."""
    folder.mkdir(parents=True)
    number = 0
    while maker.texts[kind] < size:
        with zstandard.open(folder / f"{number:05d}.jsonl.zst", "wb", cctx=zstandard.ZstdCompressor(level=1)) as stream:
            written = 0
            while written < FILE_BYTES and maker.texts[kind] < size:
                if kind == "talks":
                    record: dict[str, object] = maker.talk()
                else:
                    text = "\n\n".join(maker.english() if kind == "english" else maker.chinese())
                    record = {"text": text, "url": f"https://{maker.name().lower()}.example/"}
                line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
                stream.write(line)
                written += len(line)
                maker.texts[kind] += len(line)
        number += 1


def _archives(folder: Path, maker: Maker, size: int) -> None:
    """WARC files, a record compressed by itself as crawlers do."""
    folder.mkdir(parents=True)
    number = 0
    while maker.texts["web"] < size:
        with (folder / f"{number:05d}.warc.gz").open("wb") as stream:
            while stream.tell() < FILE_BYTES // 4 and maker.texts["web"] < size:
                address, page = maker.page()
                content = page.encode()
                http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(
                    content
                )
                head = (
                    f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: {address}\r\n"
                    f"WARC-Record-ID: <urn:uuid:{maker._dice.getrandbits(128):032x}>\r\n"
                    f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http) + len(content)}\r\n\r\n"
                )
                stream.write(gzip.compress(head.encode() + http + content + b"\r\n\r\n", 1, mtime=0))
        number += 1


def _packages(folder: Path, maker: Maker, size: int) -> None:
    folder.mkdir(parents=True)
    number = 0
    while maker.texts["code"] < size:
        target = folder / f"{number:05d}-1.0.tar.gz"
        with gzip.GzipFile(target, "wb", 1, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
            for path, text in maker.package():
                content = text.encode()
                member = tarfile.TarInfo(path)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        number += 1
