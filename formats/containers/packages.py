"""A package as it was published: its files, and what its metadata say of name, version, date and licence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import HeaderParser
from typing import Any

from winnow.formats.charset.decision import decode
from winnow.formats.charset.declarations import of_text
from winnow.formats.containers.archives import DEFAULT_LIMITS, Reject, members
from winnow.formats.containers.inflate import Limits
from winnow.formats.licences import expressions

METADATA = ("*PKG-INFO", "*.dist-info/METADATA")
LICENSE_FILES = ("*LICENSE*", "*LICENCE*", "*COPYING*", "*license*")


@dataclass
class Package:
    """The files of one archive or folder, by their path below its root folder, in the archive's order.

    `undecoded` are those among them that hold texts in charsets of their own, as mailboxes do.
    """

    path: str
    root: str = ""
    name: str = ""
    version: str = ""
    license: str | None = None
    date: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    undecoded: dict[str, bytes] = field(default_factory=dict)

    def locator(self, file: str, anchor: str = "") -> str:
        """`archive!member#anchor`."""
        return f"{self.path}!{self.root}{file}" + (f"#{anchor}" if anchor else "")


def open_package(
    path: str,
    *,
    include: Sequence[str],
    reject: Reject,
    limits: Limits = DEFAULT_LIMITS,
    charset: str | None = None,
    declared: Callable[[bytes], Iterable[str]] = of_text,
    holds_others: Callable[[str, bytes], bool] = lambda name, content: False,
) -> Package:
    """Reads the wanted files, decoded, and the metadata. A file whose charset can't be told is told to `reject`.

    `charset` is the user's option, `declared` finds the labels that a file itself names, `holds_others` tells by name and
    content which files aren't one text: they stay bytes. Name and version come from the
    metadata, else from the archive's own name.
    """
    texts: dict[str, str] = {}
    undecoded: dict[str, bytes] = {}
    dates: list[str] = []
    for member in members(path, include=(*include, *METADATA, *LICENSE_FILES), limits=limits, reject=reject):
        content = member.read()
        if holds_others(member.name, content):
            undecoded[member.name] = content
            continue
        try:
            texts[member.name] = decode(content, declared=declared(content), option=charset).text
        except ValueError as error:
            reject(member.name, "encoding", error)
            continue
        dates += [member.date] if member.date else []
    return describe(path, texts, max(dates, default=None), undecoded)


def describe(
    path: str, texts: dict[str, str], date: str | None, undecoded: Mapping[str, bytes] | None = None
) -> Package:
    """The package that these files are, by what its metadata and licence among them say."""
    metadata, granting = [], []
    for name in sorted(texts, key=lambda name: (name.count("/"), name)):
        base = name.rpartition("/")[2]
        if base in ("PKG-INFO", "METADATA"):
            metadata.append(texts[name])
        elif re.match(r"(?i)licen[sc]e|copying", base):
            granting.append(texts[name])
    package = Package(path, date=date, files=texts, undecoded=dict(undecoded or {}))
    _strip_root(package)
    fields: Any = HeaderParser().parsestr(metadata[0] if metadata else "")
    own = path.rstrip("/").rpartition("/")[2]
    named = re.match(r"(.+?)-(\d[\w.]*?)(?:\.tar\.\w+|\.tgz|\.zip|-py\d.*\.whl)$", own)
    package.name = str(fields["Name"] or (named[1] if named else re.sub(r"\.(tar\.\w+|zip|tgz)$", "", own)))
    package.version = str(fields["Version"] or (named[2] if named else ""))
    package.license = _license(fields, granting[:1])
    return package


def _strip_root(package: Package) -> None:
    """Takes the one folder that everything lies in out of the names."""
    names = [*package.files, *package.undecoded]
    roots = {name.partition("/")[0] for name in names}
    if len(roots) == 1 and all("/" in name for name in names):
        package.root = f"{roots.pop()}/"
        package.files = {name[len(package.root) :]: text for name, text in package.files.items()}
        package.undecoded = {name[len(package.root) :]: content for name, content in package.undecoded.items()}


def _license(fields: Any, texts: Sequence[str]) -> str | None:
    """The SPDX expression of the metadata, else of the classifier, else what the licence file's own words say."""
    said = [str(fields[name]) for name in ("License-Expression", "License") if fields[name]]
    known = (expressions.declared(name) for name in [*said, *fields.get_all("Classifier", [])])
    return next((spdx for spdx in known if spdx), None) or next(filter(None, map(expressions.of_text, texts)), None)
