"""Real files of twelve kinds: how many become documents, why the others don't, and which words are lost.

    python -m benchmarks.real_files FOLDER [--fetch] [--kind html …] [--worst 5]

`--fetch` brings Debian's packages with documentation (`apt-get download`, `dpkg -x`; nothing is installed) and source
distributions from the package index (nothing is built) into FOLDER, some 450 MB, and takes up to 400 different files of
each kind from them, chosen by a digest of their bytes. Each is read by the kind of source that `winnow init` would name
for it, and by the library of its kind (`benchmarks/oracles/real_references.py`, which says what to install); what the
latter reads is kept beside the files. Printed are, for each kind: files, read, rejected by reason, files of which nothing
is said at all, the share of the reference's words that ours has (mean, and files below 0.9) and the share of ours that
the reference has, and faults of charset: replacement signs, C1 controls, or words of other letters lost where those of
ASCII are kept.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import tarfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import click
import pyarrow as pa

from benchmarks.oracles import real_references as references
from winnow.formats.containers.records import read_records, record_splits
from winnow.pipeline.drafting.glimpse import translated_into
from winnow.pipeline.planning.fetch import source_distribution
from winnow.stages.ingest.source import Builder, kind_module

DEBIAN = [
    "debian-policy",
    "developers-reference",
    "debmake-doc",
    "debian-reference-zh-cn",
    "debian-reference-en",
    "debian-history",
    "git-doc",
    "sqlite3-doc",
    "octave-doc",
    "r-doc-pdf",
    "apache2-doc",
    "python-sqlalchemy-doc",
    "haskell98-report",
    "maxima-doc",
    "zsh-doc",
    "pari-doc",
    "gap-doc",
    "manpages",
    "manpages-zh",
    "manpages-ja",
    "manpages-ru",
    "manpages-de",
    "fortunes-zh",
    "fortunes-de",
    "fortunes-ru",
    "bible-kjv-text",
    "texlive-latex-base-doc",
    "texlive-lang-chinese",
    "gnuplot-doc",
    "postgresql-doc-15",
]
INDEX = [
    "jupytext==1.17.2",
    "nbconvert==7.16.6",
    "nbformat==5.10.4",
    "pandas==2.2.3",
    "statsmodels==0.14.4",
    "docutils==0.21.2",
    "sphinx==8.1.3",
    "xarray==2024.9.0",
    "papermill==2.6.0",
    "nbclient==0.10.2",
    "mkdocs-material==9.5.44",
    "cryptography==43.0.3",
    "click==8.1.8",
    "textual==0.86.3",
    "docx2python==3.3.0",
    "mammoth==1.8.0",
    "python-docx==1.2.0",
    "odfpy==1.4.1",
    "polib==1.2.0",
    "frictionless==5.18.0",
    "seaborn==0.13.2",
    "wagtail==8.0.1",
    "vega-datasets==0.9.0",
    "translate-toolkit==3.20.4",
    "django==5.2.19",
    "sqlalchemy==2.1.9",
]
MOST = 400
LARGEST = 4 << 20
ROFF = re.compile(r"(^|/)man/.*\.[1-9]\w*$")
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
BROKEN = re.compile("[\x80-\x84\x86-\x9f\ufffd]")
KEPT = 0.9
FEW = 20  # words below which a share says little


class Kind(NamedTuple):
    """Which files are of a kind, the kind of source that reads them, and the library that they are compared with."""

    names: str
    source: str
    reference: Callable[[Path], str]
    options: Mapping[str, Any] = {}


LONG: Mapping[str, Any] = {"include": ("*",), "least_characters": 1, "join": False}
KINDS = {
    "html": Kind(r"\.x?html?$", "web", references.page),
    "epub": Kind(r"\.epub$", "longform", references.book, LONG),
    "pdf": Kind(r"\.pdf$", "longform", references.paper, LONG),
    "latex": Kind(r"\.(tex|ltx)$", "mathematics", references.latex),
    "markup": Kind(r"\.(rst|md|[Rr]md|qmd)$", "longform", references.markup, LONG),
    "office": Kind(r"\.(docx|odt)$", "longform", references.office, LONG),
    "catalogue": Kind(r"\.po$", "bilingual", references.catalogue),
    "table": Kind(r"\.(jsonl?|ndjson|csv|tsv|parquet)$", "", references.table),
    "notebook": Kind(r"\.ipynb$", "longform", references.notebook, LONG),
    "code": Kind(r"\.(py|js|ts|c|h|cpp|rs|R|jl|el|go|java|pyx|css|sh|pl|sql)$", "repositories", references.plain),
    "manual": Kind(ROFF.pattern, "longform", references.manual, LONG),
    "text": Kind(
        r"\.txt$|(^|/)(README|NEWS|ChangeLog|copyright|changelog[^/]*|[a-z]{4,12})$", "longform", references.plain, LONG
    ),
}


@dataclass
class Account:
    """What became of the files of one kind."""

    files: int = 0
    read: int = 0
    silent: list[str] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    kept: list[tuple[float, str]] = field(default_factory=list)
    added: list[float] = field(default_factory=list)
    charset: list[str] = field(default_factory=list)
    unread_by_peer: int = 0


def fetch_debian(names: Sequence[str], place: Path) -> None:
    """Brings Debian's packages that aren't there into a folder, and unpacks each beside its archive."""
    place.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in names if not list(place.glob(f"{name}_*.deb"))]
    if wanted:
        subprocess.run(["apt-get", "download", "-qq", *wanted], cwd=place, check=True)
    for archive in place.glob("*.deb"):
        target = place / archive.name.partition("_")[0]
        if not target.exists():
            subprocess.run(["dpkg", "-x", archive, target], check=True)


def fetch(folder: Path) -> None:
    """Brings packages that aren't there, unpacks Debian's, and lays up to `MOST` files of each kind into `files/KIND`."""
    debian, packages = folder / "debian", folder / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    fetch_debian(DEBIAN, debian)
    for pinned in INDEX:
        name, _, version = pinned.partition("==")
        if not list(packages.glob(f"{name.replace('-', '[-_]')}-{version}.*")):
            file, content = source_distribution(name, version)
            (packages / file).write_bytes(content)
    chosen: dict[str, dict[str, tuple[str, bytes]]] = defaultdict(dict)
    for name, content in _all(debian, packages):
        kind = next((kind for kind, found in KINDS.items() if re.search(found.names, name)), None)
        if kind is not None and 0 < len(content) <= LARGEST:
            chosen[kind].setdefault(hashlib.blake2b(content, digest_size=8).hexdigest(), (name, content))
    for kind, files in chosen.items():
        for digest, (name, content) in sorted(files.items())[:MOST]:
            place = folder / "files" / kind / digest / Path(name).name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            (place.parent / "from").write_text(name)


def _all(debian: Path, packages: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of every package, unpacked where it is compressed by itself."""
    for path in sorted(debian.glob("*/**/*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            content = path.read_bytes()
            packed = path.suffix == ".gz"
            yield str(path.relative_to(debian)).removesuffix(".gz"), gzip.decompress(content) if packed else content
    for path in sorted(packages.glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            for entry in archive:
                if entry.isfile() and entry.size <= LARGEST and (file := archive.extractfile(entry)):
                    yield entry.name, file.read()


def ours(path: Path, kind: Kind) -> tuple[list[str], list[tuple[str, str]]]:
    """Texts of documents, and rules of rejections with what was found."""
    if not kind.source:
        rejected: list[tuple[str, str]] = []

        def reject(place: str, rule: str, value: object) -> None:
            rejected.append((rule, str(value)))

        rows = [row for split in record_splits(str(path), 64 << 20) for _, row in read_records(split, reject)]
        return ["\n".join(references.leaves(rows))] if rows else [], rejected
    module = kind_module(kind.source)
    tables: list[pa.Table] = []
    builder = Builder(source="real", kind=kind.source, emit=tables.append)
    named = {"target_language": translated_into(str(path)) or "zh"} if kind.source == "bilingual" else {}
    settings = module.Settings(**kind.options, **named)
    for split in module.splits(str(path), settings):
        module.read(split, settings, builder)
    builder.flush()
    texts = [text for found in tables for text in found["text"].to_pylist()]
    return texts, [(str(row["rule"]), str(row["value"])) for row in builder.rejections]


def words(text: str) -> Counter[str]:
    """Words in small letters, ligatures undone."""
    return Counter(word.lower() for word in WORD.findall(unicodedata.normalize("NFKC", text)))


def judge(path: Path, kind: Kind, wanted: str, account: Account) -> None:
    """Reads one file and enters what became of it."""
    account.files += 1
    texts, rejected = ours(path, kind)
    for rule in {rule for rule, _ in rejected}:
        account.rejected[rule] += 1
        account.reasons.setdefault(rule, next(f"{path}: {value}"[-150:] for found, value in rejected if found == rule))
    if not texts:
        if not rejected:
            account.silent.append(str(path))
        return
    account.read += 1
    text = "\n".join(texts)
    mine, theirs = words(text), words(wanted)
    if (broken := BROKEN.search(text)) and not BROKEN.search(wanted):
        account.charset.append(f"{path}: {broken[0]!r}")
    if theirs.total() < FEW or BROKEN.search(wanted):  # it reads nothing, or in a wrong charset
        account.unread_by_peer += 1
        return
    both = mine & theirs
    account.kept.append((both.total() / theirs.total(), str(path)))
    account.added.append(both.total() / max(mine.total(), 1))
    foreign, found = (sum(n for word, n in some.items() if not word.isascii()) for some in (theirs, both))
    plain = theirs.total() - foreign
    if foreign >= FEW and found < foreign / 2 and both.total() - found > plain / 2:
        account.charset.append(f"{path}: {found} of {foreign} words of other letters")


def reference(path: Path, kind: Kind) -> str:
    """What the peer reads, kept beside the file; nothing where it fails."""
    kept = path.parent / "reference"
    if not kept.exists():
        try:
            text = kind.reference(path)
        except Exception as error:  # a peer's failure is its own
            text = f"\0{type(error).__name__}"
        kept.write_text(text, "utf-8", errors="replace", newline="")
    text = kept.read_bytes().decode("utf-8")
    return "" if text.startswith("\0") else text


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--fetch", "fetching", is_flag=True, help="bring the packages and choose the files first")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="these alone")
@click.option("--worst", default=0, help="name so many files of each kind that keep least")
@click.option("--json", "written", type=click.Path(path_type=Path), help="the figures, to compare later ones with")
def main(folder: Path, fetching: bool, kinds: tuple[str, ...], worst: int, written: Path | None) -> None:
    if fetching:
        fetch(folder)
    figures = {}
    for name in kinds or KINDS:
        kind, account = KINDS[name], Account()
        for path in sorted((folder / "files" / name).glob("*/*")):
            if path.name not in ("from", "reference"):
                judge(path, kind, reference(path, kind), account)
        shares = [share for share, _ in account.kept]
        mean = sum(shares) / len(shares) if shares else 0.0
        low = sum(share < KEPT for share in shares)
        precise = sum(account.added) / len(account.added) if shares else 0.0
        click.echo(
            f"{name:10} {account.files:5,} files {account.read:5,} read {len(account.silent):3} silent   "
            f"words kept {mean:.4f} ({low} of {len(shares)} below {KEPT}) of ours {precise:.4f}   "
            f"charset {len(account.charset)}   peer reads nothing {account.unread_by_peer}"
        )
        for rule, count in account.rejected.most_common():
            click.echo(f"  {count:5} {rule:28} {account.reasons[rule]}")
        for line in [*account.silent[:worst], *account.charset[: 2 * worst]]:
            click.echo(f"  ! {line}")
        for share, path in sorted(account.kept)[:worst]:
            click.echo(f"  {share:.3f} {path}")
        figures[name] = {"files": account.files, "read": account.read, "kept": mean, "low": low, "of ours": precise}
        figures[name] |= {"charset": len(account.charset), "rejected": account.rejected}
    if written:
        written.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
