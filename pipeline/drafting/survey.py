"""A survey of folders that nobody has described: what kinds of files there are, and which of them Winnow can read how."""

from __future__ import annotations

import os
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from winnow.formats.addresses import filesystem_of
from winnow.formats.containers.records import PACKED
from winnow.formats.html.saved import DYNAMIC_NAME
from winnow.pipeline.drafting.columns import BOOK_CHARACTERS, reading
from winnow.pipeline.drafting.glimpse import is_saved_page, is_text, translated_into
from winnow.pipeline.drafting.groups import DATA, NOT_PLACED, SINGLE_CODE, group_of, is_source
from winnow.pipeline.drafting.naming import apart, asked_for, cover, folders_of, globs, pattern, patterns, suffix
from winnow.stages.document import Content
from winnow.stages.ingest import mathematics
from winnow.stages.ingest.longform import other_markup

TABLES_PROBED = 20  # files of one folder and form whose columns are looked at
BY_PATTERN = ("tables", "catalogues", "crawls", "archives")  # groups of which a profile names files, not folders
LINK = "a link: what it leads to is read where it lies"
RARE = "text under rare names that say nothing: name in `include` what you want of it"
LEAST_CODE = 0.1  # of the files below the top, for folders of source code to be repositories
LOOKED_INTO = 5_000  # files without a known suffix whose first bytes are read, to see whether they are text


@dataclass(frozen=True, kw_only=True)
class Find:
    """Some files that one entry of a profile reads. `paths` are as they can be opened."""

    content: Content
    kind: str
    paths: tuple[str, ...]
    example: str  # one of the files, or the folder
    files: int
    bytes: int
    why: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was found, and what wasn't placed: suffix and reason → names of files."""

    finds: tuple[Find, ...]
    unplaced: Mapping[tuple[str, str], Sequence[str]]


def survey(folders: Sequence[str]) -> Survey:
    """Looks at names and sizes of every file below folders or addresses, and into the first rows of tables.

    Raises `FileNotFoundError` where a folder isn't there or holds no file.
    """
    finds: list[Find] = []
    unplaced: dict[tuple[str, str], list[str]] = defaultdict(list)
    for folder in folders:
        files, links = _listed(folder)
        top = folder.rstrip("/")
        claimed = _repositories(files)
        claimed |= {
            code for code in _code(files, top) if not any(f"{root}/".startswith(f"{code}/") for root in claimed)
        }
        for root in sorted(claimed):
            own = [name for name in files if name.startswith(f"{root}/") and "/.git/" not in name]
            finds.append(
                Find(
                    content=Content.CODE,
                    kind="repositories",
                    paths=(root,),
                    example=root,
                    files=len(own),
                    bytes=sum(files[name] for name in own),
                    why="a repository, read file by file and put in the order of its imports",
                )
            )
        rest = {name: size for name, size in files.items() if not any(name.startswith(f"{root}/") for root in claimed)}
        finds += _files(_once(rest, links, unplaced), top, claimed, unplaced)
    return Survey(finds=tuple(_joined(finds)), unplaced=unplaced)


def _listed(folder: str) -> tuple[dict[str, int], dict[str, str]]:
    """Sizes of the files below a folder, by names that can be opened; and which of them are links, to which file."""
    filesystem, root = filesystem_of(folder)
    if not filesystem.exists(root):
        raise FileNotFoundError(f"there is nothing at {folder}")
    local = "file" in filesystem.protocol
    found = filesystem.find(root, detail=True)
    prefix = folder.rstrip("/")
    sizes, links = {}, {}
    for name, details in sorted(found.items()):
        inner = name.removeprefix(root.rstrip("/")).lstrip("/")
        shown = f"{prefix}/{inner}" if inner else (name if local else filesystem.unstrip_protocol(name))
        sizes[shown] = int(details.get("size") or 0)
        if details.get("islink"):
            target = os.path.realpath(name).removeprefix(os.path.realpath(root)).lstrip("/")
            links[shown] = f"{prefix}/{target}"
    if not sizes:
        raise FileNotFoundError(f"{folder} holds no file")
    return sizes, links


def _once(
    files: Mapping[str, int], links: Mapping[str, str], unplaced: dict[tuple[str, str], list[str]]
) -> dict[str, int]:
    """The files without those that have two names: a folder's reader passes over links, patterns follow them.

    So a table is read under the name of the link, as the Hub's cache has them, a page or a text under its own.
    """
    kept = dict(files)
    for link, target in links.items():
        if link in kept and group_of(link) in BY_PATTERN:
            kept.pop(target, None)
        elif kept.pop(link, None) is not None:
            unplaced[suffix(link) or "(no suffix)", LINK].append(link)
    return kept


def _repositories(files: Iterable[str]) -> set[str]:
    """Folders that are git repositories, with a work tree or bare."""
    names = set(files)
    found = {name.removesuffix("/.git/HEAD") for name in names if name.endswith("/.git/HEAD")}
    bare = {posixpath.dirname(name) for name in names if name.endswith("/HEAD") and "/.git/" not in name}
    return found | {root for root in bare if f"{root}/config" in names}


def _code(files: Mapping[str, int], top: str) -> set[str]:
    """Folders right below the top most of whose files are source code. Data beside it counts for neither, if it isn't most.

    None where they hold less than a tenth of all files: examples in a tree of documentation are no repositories.
    """
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    probed: Counter[str] = Counter()
    saved: Counter[str] = Counter()
    for name in files:
        inner = name.removeprefix(f"{top}/")
        if "/" in inner and "/.git/" not in f"/{inner}":
            what = "code" if is_source(name) else "data" if name.lower().endswith(DATA) else "other"
            folder = f"{top}/{inner.partition('/')[0]}"
            if what == "code" and DYNAMIC_NAME.search(name) and probed[folder] < TABLES_PROBED:
                probed[folder] += 1
                saved[folder] += is_saved_page(name)
            counted[folder][what] += 1
    found = {
        folder: counts.total()
        for folder, counts in counted.items()
        if counts["code"] > counts["other"] and counts["code"] >= LEAST_CODE * counts.total()
        if saved[folder] <= probed[folder] / 2  # most of them pages: a site that was saved
    }
    return set(found) if sum(found.values()) >= LEAST_CODE * len(files) else set()


def _files(
    files: Mapping[str, int], top: str, claimed: set[str], unplaced: dict[tuple[str, str], list[str]]
) -> Iterator[Find]:
    """Everything that isn't in a repository, by what its names say and, of tables, by their first rows."""
    groups: dict[str, list[str]] = defaultdict(list)
    looked = 0
    for name in files:
        group = group_of(name)
        if group in (NOT_PLACED, SINGLE_CODE) and looked < LOOKED_INTO:
            looked += 1
            group = "pages" if is_saved_page(name) else group
        if group == NOT_PLACED and looked <= LOOKED_INTO:
            group = "plain" if not other_markup(PACKED.sub("", name)) and is_text(name) else group
        groups[group].append(name)
    for group, names in groups.items():
        if group == "tables":
            yield from _tables(names, files, unplaced)
        elif group == "pages":
            why = "pages; boilerplate is left out"
            yield _find(Content.WEB, "web", cover(names, top, claimed), names, files, why)
        elif group == "plain":
            yield from _plain(names, files, top, claimed, unplaced)
        elif group == "formal":
            options = {"include": sorted({pattern(name) for name in names})}
            why = "papers and proofs, as their sources"
            packed = any(name.lower().endswith(mathematics.PACKED) for name in files.keys() - set(names))
            paths = (
                folders_of(names) if packed else cover(names, top, claimed)
            )  # it opens what is packed, to look for papers
            yield _find(Content.MATHEMATICS, "mathematics", paths, names, files, why, options)
        elif group == "catalogues":
            why = "translations, each original beside its translation"
            by_language: dict[str, list[str]] = defaultdict(list)
            for name in names:
                by_language[translated_into(name) or "zh"].append(name)
            for language, own in by_language.items():
                named = {} if language == "zh" else {"target_language": language}
                yield _find(Content.TRANSLATIONS, "bilingual", apart(own, names), own, files, why, named)
        elif group == "crawls":
            yield _find(Content.WEB, "web", globs(names), names, files, "records of a crawl")
        elif group == "archives":
            why = "archives, each taken for the source of one package; say `kind: web` or `longform` for its pages"
            yield _find(Content.CODE, "repositories", globs(names), names, files, why)
        else:
            for name in names:
                unplaced[suffix(name) or "(no suffix)", group].append(name)


def _tables(
    names: Sequence[str], files: Mapping[str, int], unplaced: dict[tuple[str, str], list[str]]
) -> Iterator[Find]:
    """Tables of one folder and suffix that are read alike are one find, named by a pattern."""
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        folders[f"{posixpath.dirname(name)}/*{suffix(name)}"].append(name)
    for named, own in folders.items():
        read: dict[str, tuple[Any, list[str]]] = {}
        for position, name in enumerate(own):
            if position < TABLES_PROBED:
                found = reading(name)
                last = repr(found)
            if found is None:
                unplaced[suffix(name), "no record in it has a text"].append(name)
            else:
                read.setdefault(last, (found, []))[1].append(name)
        for (content, kind, options, why), alike in read.values():
            paths = (named,) if len(alike) == len(own) else tuple(alike)
            yield _find(content, kind, paths, alike, files, why, options)


def _plain(
    names: Sequence[str],
    files: Mapping[str, int],
    top: str,
    claimed: set[str],
    unplaced: dict[tuple[str, str], list[str]],
) -> Iterator[Find]:
    """Files of text: long ones are books, the others prose; one find of each, the patterns telling them apart."""
    known = [name for name in names if group_of(name) == "plain"]
    asked = patterns(known, set(names).difference(known))
    taken = [name for name in names if asked_for(name, asked)]
    for name in sorted(set(names).difference(taken)):
        unplaced[suffix(name) or "(no suffix)", RARE].append(name)
    sizes = sorted(files[name] for name in taken)
    median = sizes[len(sizes) // 2]
    content = Content.BOOKS if median >= BOOK_CHARACTERS else Content.PROSE
    why = f"files of text, half of them above {median:,} bytes"
    options = {"include": asked, "least_characters": 200}
    yield _find(content, "longform", cover(taken, top, claimed), taken, files, why, options)


def _find(
    content: Content,
    kind: str,
    paths: Sequence[str],
    names: Sequence[str],
    files: Mapping[str, int],
    why: str,
    options: Mapping[str, Any] | None = None,
) -> Find:
    total = sum(files[name] for name in names)
    return Find(
        content=content,
        kind=kind,
        paths=tuple(paths),
        example=names[0],
        files=len(names),
        bytes=total,
        why=why,
        options=options or {},
    )


def _joined(finds: Iterable[Find]) -> Iterator[Find]:
    """Finds that are read alike as one."""
    alike: dict[str, list[Find]] = defaultdict(list)
    for find in finds:
        alike[repr((find.content, find.kind, sorted(find.options.items())))].append(find)
    for group in alike.values():
        first = group[0]
        yield Find(
            content=first.content,
            kind=first.kind,
            paths=tuple(path for find in group for path in find.paths),
            example=first.example,
            files=sum(find.files for find in group),
            bytes=sum(find.bytes for find in group),
            why=first.why,
            options=first.options,
        )
