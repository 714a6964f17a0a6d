"""Repositories as sources: one document per file, with its repository, path, licence and programming language.

A repository is a git repository (bare or with a work tree, at a chosen commit), an archive (tar, zip, source
distribution, wheel, crate, npm package), a plain folder, or rows of a table with one file each (as The Stack has
them). Nothing of it is executed. Files that nobody wrote there are left out by the named rules of
`formats/languages/vendored.py`; each is a rejection. Of a notebook the cells and the text of their outputs are taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from winnow.filters.linguist import HEAD_CHARACTERS, language_of
from winnow.formats.charset.declarations import of_latex, of_text
from winnow.formats.charset.pages import decode
from winnow.formats.containers.archives import member_splits
from winnow.formats.containers.git import Repository, is_repository
from winnow.formats.containers.git_directory import GitError
from winnow.formats.containers.inflate import Limits
from winnow.formats.containers.member_names import harm
from winnow.formats.containers.records import read_records, record_splits, table_format
from winnow.formats.containers.source_trees import Archive, Commit, Container, Member
from winnow.formats.languages import vendored
from winnow.formats.languages.imports import is_manifest
from winnow.formats.licences import expressions
from winnow.formats.licences.grants import Grants
from winnow.formats.markup.notebooks import notebook_text
from winnow.formats.splits import SPLIT_BYTES, Split
from winnow.stages.document import Content
from winnow.stages.ingest.source import Builder, SourceSettings

REPLACEMENTS = 0.01  # share of characters that may be lost to a charset before a file counts as binary
PACKAGED = ("Python", "Cython")
TEX = (".tex", ".ltx", ".latex", ".sty", ".cls")
PEP263 = re.compile(rb"coding[:=][ \t]*([-\w.]+)")
# 2: a row of Parquet or Arrow above 64 MiB is rejected, and a file that swells; 3: changed texts of licences are unknown
# 5: changed wordings of permissive licences are unknown
VERSION = 6  # 6: a declared charset is heard where UTF-8 is by chance; LaTeX, styles, PO and POD are heard
OPTIONAL = ("python_calamine",)  # spreadsheets are rejections without it
CONTENT = Content.CODE


class Settings(SourceSettings):
    """`commit`: the revision of a git repository. `name`: the repository's, where the input tells it wrong or not.

    `rules`: the rules of `winnow.formats.languages.vendored.Rule` that leave files out. `columns`: for tables, what their
    columns are called (`repository`, `path`, `text`, and where there are any `license`, `language`, `commit`, `date`, `stars`).
    """

    commit: str = "HEAD"
    name: str | None = None
    file_bytes: int = 8 << 20  # RefineCode drops files above 8 MB
    total_bytes: int = 16 << 30
    rules: tuple[vendored.Rule, ...] = tuple(vendored.Rule)
    columns: Mapping[str, str] = {"repository": "repo", "path": "path", "text": "content"}
    split_bytes: int = SPLIT_BYTES

    @property
    def limits(self) -> Limits:
        return Limits(member_bytes=self.file_bytes, total_bytes=self.total_bytes)

    def leave_out(self, path: str, head: bytes | None = None) -> str | None:
        """The rule by which a file is left out, by its path or its head; manifests stay, for what they tell."""
        rule = vendored.by_name(path) if head is None else vendored.by_head(path, head)
        manifest = rule is not vendored.Rule.VENDORED and rule is not vendored.Rule.BINARY and is_manifest(path)
        return rule.value if rule in self.rules and not manifest else None


def splits(path: str, settings: Settings) -> list[Split]:
    """A table by its row groups, a folder or zip by runs of files, a git repository by runs of its tree's entries."""
    if table_format(path):
        return record_splits(path, settings.split_bytes)
    if not is_repository(path):
        return member_splits(path, settings.split_bytes)
    try:
        repository = Repository(path)
        commit = repository.commit_of(settings.commit)
        entries = repository.entries(commit) if commit else []
    except GitError:
        if settings.commit != "HEAD":  # a user's slip; a repository that can't be read at all is told when it is read
            raise
        entries = []
    bounds, pending = [0], 0
    for index, entry in enumerate(entries):
        if pending and pending + entry.size > settings.split_bytes:
            bounds.append(index)
            pending = 0
        pending += max(entry.size, 0)
    return [Split(path, first, last) for first, last in zip(bounds, [*bounds[1:], -1], strict=True)]


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """Adds one document for each text file of the piece; whatever is left out is a rejection that names the file."""
    if table_format(split.path):
        _read_table(split, settings, builder)
        return
    container: Container
    if is_repository(split.path):
        try:
            container = Commit(split.path, settings.commit, settings.name, settings.file_bytes, settings.leave_out)
        except GitError as error:
            builder.reject(locator=split.path, rule="repository", value=str(error))
            return
    else:
        container = Archive(split.path, settings.name, settings.limits)
    grants = container.survey()

    def reject(path: str, rule: str, value: object) -> None:
        builder.reject(locator=f"{container.locator}!{path}", rule=rule, value=value)

    for file in container.files(split.start, split.stop, reject):
        rule = settings.leave_out(file.path) or settings.leave_out(file.path, file.content)
        text = None
        if rule is None:
            text = notebook_text(file.content) if file.path.endswith(".ipynb") else None
            text = text_of(file.content, file.path) if text is None else text
        if text is None:
            reject(file.path, rule or "charset", file.path)
        else:
            _add(file, text, container, grants, builder)


def _add(file: Member, text: str, container: Container, grants: Grants, builder: Builder) -> None:
    granted = grants.of(file.path, text)
    language = language_of(file.path, text[:HEAD_CHARACTERS])
    package = container.packages.of(file.path) if language in PACKAGED else None
    metadata = {**container.metadata, "license_from": granted.found, "package": package}
    builder.add(
        text=text,
        locator=f"{container.locator}!{file.path}",
        repository=container.name,
        path=file.path,
        language=language,
        license=granted.expression,
        date=file.date or container.metadata.get("date"),
        metadata={key: value for key, value in metadata.items() if value is not None},
    )


def text_of(content: bytes, path: str = "") -> str | None:
    """The text of a source file in UTF-8, or in the charset it declares or shows; None where it is no text."""
    text, _ = decode(content, None if content.isascii() else _declared(content, path))
    if text.count("\ufffd") > REPLACEMENTS * len(text) or "\0" in text:
        return None
    return text


def _declared(content: bytes, path: str) -> str | None:
    if declared := PEP263.search(b"\n".join(content[:512].splitlines()[:2])):
        return declared[1].decode("ascii")
    return next(of_latex(content) if path.lower().endswith(TEX) else of_text(content), None)


def _read_table(split: Split, settings: Settings, builder: Builder) -> None:
    """Rows of one file each; the licence is the row's, else the file's own header's."""
    names = settings.columns

    reject = builder.rejecting(split.path)

    for place, record in read_records(split, reject, sorted(names.values())):
        repository, path, text = (record.get(names.get(key, key)) for key in ("repository", "path", "text"))
        text = text_of(text) if isinstance(text, bytes) else text
        if not isinstance(repository, str) or not isinstance(path, str) or not isinstance(text, str):
            reject(place, "column", f"no {names['repository']}, {names['path']} or {names['text']}")
            continue
        if path.endswith(".ipynb"):
            text = notebook_text(text) or text
        head = text[: vendored.HEAD_BYTES].encode("utf-8", "replace")
        rule = harm(path) or settings.leave_out(path) or settings.leave_out(path, head)
        if rule is not None:
            reject(place, rule, path)
            continue
        declared = record.get(names.get("license", ""))
        declared = [declared] if isinstance(declared, str) else list(declared or ())
        kept = {key: record.get(names[key]) for key in ("commit", "stars") if key in names}
        builder.add(
            text=text,
            locator=f"{split.path}#{place}",
            repository=repository,
            path=path,
            language=record.get(names.get("language", "")) or language_of(path, text[:HEAD_CHARACTERS]),
            license=expressions.of_header(text) or expressions.any_of(declared),
            date=None if record.get(names.get("date", "")) is None else str(record[names["date"]]),
            metadata={key: value for key, value in kept.items() if value is not None} or None,
        )
