"""Real texts in some forty languages from Debian's packages, none of which the decision on charsets was tuned on.

Manual pages, documentation in HTML and Mallard, the questions that packages ask while they are installed, and fortunes,
from a folder of packages (`apt-get download manpages-fr gnome-user-docs …`), which `dpkg-deb` unpacks as streams.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from html import unescape
from pathlib import Path

MOST = 60  # texts of one language and one kind of text
MANUAL = re.compile(r"/man/([a-z]{2}(?:_[A-Z]{2})?)/man\d/[^/]+\.gz$")
TABLE = re.compile(
    r"/man7/(?:iso[_-]?8859|koi8|cp125|armscii|charsets|latin)"
)  # of single signs: no text in any language
PAGE = re.compile(
    r"/help/([a-z]{2}(?:_[A-Z]{2})?)/[^/]+/[^/]+\.(?:page|docbook)$|/doc/[^/]+/([a-z]{2}(?:_[A-Z]{2})?)/[^/]+\.html$|[./-]([a-z]{2}(?:[_-](?:cn|tw|CN|TW))?)\.html$"
)
FORTUNES = re.compile(r"/fortunes/(?:[a-z]+/)?[\w-]+$")
QUESTION = re.compile(r"^(?:Extended_)?Description-([A-Za-z_]+)\.UTF-8: (.*(?:\n .*)*)", re.MULTILINE)
ROFF = re.compile(r"\\f(?:\[[^\]]*\]|\(..|.)|\\s[-+]?\d+|\\[&/,|^:%]|\\\*?\((?:..)|\\\".*")
TAG = re.compile(r"<(script|style|head)\b.*?</\1>|<!--.*?-->|<[^>]+>", re.DOTALL)


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """`(language, text)` of the packages in a folder, of each language and kind at most `MOST`, chosen by their digest."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for package in sorted(folder.glob("*.deb")):
        for kind, language, text in _of_package(package):
            found[kind, language.lower().replace("-", "_")].append(text)
    for (_, language), own in sorted(found.items()):
        chosen = sorted(set(own), key=lambda text: hashlib.blake2b(text.encode()).digest())
        yield from ((language, text) for text in chosen[:MOST])


def _of_package(package: Path) -> Iterator[tuple[str, str, str]]:
    for name, content in _files(package, "--ctrl-tarfile"):
        if name.endswith("templates"):
            for language, text in QUESTION.findall(content.decode("utf-8", "replace")):
                yield "question", language, re.sub(r"^ \.?", "", text, flags=re.MULTILINE)
    for name, content in _files(package, "--fsys-tarfile"):
        if TABLE.search(name):
            continue
        if found := MANUAL.search(name):
            yield from _one("manual", found[1], _manual(_plain(gzip.decompress(content))))
        elif found := PAGE.search(name):
            yield from _one("page", found[1] or found[2] or found[3], _page(_plain(content)))
        elif FORTUNES.search(name) and package.name.startswith("fortunes-"):
            yield from _one("fortunes", package.name.split("_")[0].removeprefix("fortunes-"), _plain(content))


def _files(package: Path, what: str) -> Iterator[tuple[str, bytes]]:
    with (
        subprocess.Popen(["dpkg-deb", what, package], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for entry in archive:
            if entry.isreg() and (file := archive.extractfile(entry)) is not None:
                yield entry.name, file.read()


def _one(kind: str, language: str, text: str | None) -> Iterator[tuple[str, str, str]]:
    if text is not None:
        yield kind, language, text


def _plain(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _manual(text: str | None) -> str | None:
    """A manual page without its requests and escapes."""
    if text is None:
        return None
    lines = (re.sub(r"^\.(?:B|I|BR|IR|SH|SS|TP)\s*", "", line) for line in text.split("\n"))
    return "\n".join(ROFF.sub("", line).replace("\\-", "-") for line in lines if not line.startswith((".", "'")))


def _page(text: str | None) -> str | None:
    return None if text is None else re.sub(r"\s*\n\s*", "\n", unescape(TAG.sub(" ", text)))
