r"""LaTeX documents as ours, pandoc and LaTeXML read them: words and formulas that two of them agree on and the third keeps.

    python -m benchmarks.latex_readers FOLDER [--fetch] [--most 200] [--worst 5]

`--fetch` brings Debian's packages of TeX documentation (`apt-get download`, `dpkg -x`; nothing is installed, some
640 MB) into FOLDER. Documents are files that have `\documentclass` and `\begin{document}`, of 1 to 100 KB, which read no
other file by `\input`, at most ten of a folder, in an order given by a digest of their bytes. LaTeXML (`apt-get install
latexml`) is given 8 seconds of the processor a document, pandoc (a wheel, `pypandoc-binary`) 30; what they write is kept
beside FOLDER's packages, so a second run asks them nothing. No reader is the truth, so each is measured by what the other
two have in common: the share of their words (a multiset, small letters), and of the commands, letters and signs of their
formulas. A document on which a peer fails is counted, and left out.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.oracles.real_references import pandoc
from benchmarks.real_files import BROKEN, KINDS, fetch_debian, ours, words

DEBIAN = (
    *("haskell98-report", "pari-doc", "texlive-latex-base-doc", "texlive-latex-recommended-doc"),
    *("texlive-science-doc", "texlive-publishers-doc", "texlive-humanities-doc", "texlive-lang-chinese"),
    *("texlive-lang-french", "texlive-lang-german", "texlive-lang-spanish", "texlive-lang-italian"),
    "texlive-lang-portuguese",
)
SMALLEST, LARGEST = 1_000, 100_000
OF_A_FOLDER = 10
SECONDS = 8  # of the processor
FEW_WORDS, FEW_SIGNS = 20, 10
KEPT = 0.9
WHOLE = re.compile(rb"^[^%\n]*\\document(?:class|style)\b.*?\\begin\s*\{document\}", re.DOTALL | re.MULTILINE)
READS = re.compile(rb"^[^%\n]*\\(?:input|include|subfile|import)\b", re.MULTILINE)
FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)((?:[^$\\]|\\.)+?)\$|```\s*math\n(.*?)```|\$`(.+?)`\$", re.DOTALL
)
TOKEN = re.compile(r"\\[a-zA-Z]+|[^\s{}\\&~$]")
SPACING = re.compile(
    r"\\(?:[,;:!>| ]|quad|qquad|left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits"
    r"|mathit|mathrm|mathop|mathord|mathbin|mathrel|operatorname|text|mbox|textrm|hbox|begin|end|label|nonumber|notag)"
    r"(?![a-zA-Z])|\{(?:aligned?|split|gathered|array|equation|eqnarray)\*?\}"
)
SAME = {"\\ne": "\\neq", "\\le": "\\leq", "\\ge": "\\geq", "\\to": "\\rightarrow", "\\dots": "\\ldots", "\\rm": ""}
NO_TEXT = frozenset({"Math", "ERROR", "resource", "tags", "tag", "toctitle", "picture", "svg", "bibblock-key", "TOC"})


class Read(NamedTuple):
    """What one reader makes of a document."""

    words: Counter[str]
    signs: Counter[str]
    broken: bool


def documents(folder: Path, most: int) -> list[Path]:
    """Whole documents, no two alike, in the order of their digests."""
    found: dict[str, Path] = {}
    for path in sorted((folder / "debian").rglob("*.tex")):
        if path.is_symlink() or not SMALLEST <= path.stat().st_size <= LARGEST:
            continue
        content = path.read_bytes()
        if WHOLE.search(content) and not READS.search(content):
            found.setdefault(hashlib.blake2b(content, digest_size=8).hexdigest(), path)
    chosen: dict[Path, list[Path]] = defaultdict(list)
    for _, path in sorted(found.items()):
        if len(chosen[path.parent]) < OF_A_FOLDER:
            chosen[path.parent].append(path)
    own = {path for paths in chosen.values() for path in paths}
    return [path for _, path in sorted(found.items()) if path in own][:most]


def mine(path: Path) -> Read:
    """Ours, as a run reads it."""
    return of_markdown("\n".join(ours(path, KINDS["latex"])[0]))


def pandocs(path: Path, kept: Path) -> Read | None:
    """Pandoc's, as Markdown; None where it fails."""
    if not kept.exists():
        kept.write_text(pandoc(path, "latex", "gfm-raw_html-tex_math_gfm+tex_math_dollars"), "utf-8")
    text = kept.read_text("utf-8")
    return of_markdown(text) if text.strip() else None


def latexmls(path: Path, kept: Path) -> Read | None:
    """LaTeXML's XML, whose formulas have their LaTeX, macros expanded, in `tex`; None where it fails."""
    if not kept.exists():
        command = ["latexml", "--quiet", "--quiet", f"--destination={kept}", path.name]
        bounded = ["sh", "-c", f'ulimit -t {SECONDS}; exec "$@"', "sh", *command]
        subprocess.run(bounded, cwd=path.parent, capture_output=True, check=False)
    content = kept.read_bytes() if kept.exists() else b""
    if not content:
        kept.touch()
        return None
    from lxml import etree

    root = etree.fromstring(content, etree.XMLParser(recover=True, huge_tree=True))
    if root is None:
        return None
    text = "".join(_said(root))
    formulas = " ".join(
        node.get("tex") or ""
        for node in root.iter("{*}Math")
        if not any(etree.QName(above).localname == "Math" for above in node.iterancestors())
    )
    return Read(words(text), signs(formulas), bool(BROKEN.search(text)))


def _said(node: object) -> Iterator[str]:
    from lxml import etree

    assert isinstance(node, etree._Element)
    if isinstance(node.tag, str) and etree.QName(node).localname not in NO_TEXT:
        yield node.text or ""
        for child in node:
            yield from _said(child)
            yield child.tail or ""
        yield "\n" if etree.QName(node).localname in ("p", "title", "item", "td", "para", "note", "bibblock") else ""


def of_markdown(text: str) -> Read:
    formulas = " ".join(next(filter(None, found), "") for found in FORMULA.findall(text))
    return Read(words(FORMULA.sub(" ", text)), signs(formulas), bool(BROKEN.search(text)))


def signs(formulas: str) -> Counter[str]:
    """Commands, letters and signs of formulas; spacing, sizes and what groups lines left out."""
    plain = SPACING.sub(" ", unicodedata.normalize("NFKC", formulas))
    return Counter(filter(None, (SAME.get(token, token) for token in TOKEN.findall(plain))))


def shares(read: Counter[str], one: Counter[str], other: Counter[str], few: int) -> tuple[float, float] | None:
    """Which share of what the other two have in common it has, and which of its own stands in either of them."""
    common, either = one & other, one | other
    if common.total() < few:
        return None
    return (read & common).total() / common.total(), (read & either).total() / max(read.total(), 1)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--fetch", "fetching", is_flag=True, help="bring the packages first")
@click.option("--most", default=200, show_default=True, help="so many documents")
@click.option("--worst", default=0, help="name so many documents of which ours keeps least")
@click.option("--peers-only", is_flag=True, help="let the peers read, and print nothing")
def main(folder: Path, fetching: bool, most: int, worst: int, peers_only: bool) -> None:
    if fetching:
        fetch_debian(DEBIAN, folder / "debian")
    kept = folder / "read"
    kept.mkdir(exist_ok=True)
    failed: Counter[str] = Counter()
    figures: dict[tuple[str, str], list[tuple[float, float, str]]] = defaultdict(list)
    read = 0
    for path in documents(folder, most):
        digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
        theirs = {"pandoc": pandocs(path, kept / f"{digest}.md"), "LaTeXML": latexmls(path, kept / f"{digest}.xml")}
        if peers_only:
            continue
        all_three = {"ours": mine(path), **theirs}
        failed.update(name for name, found in all_three.items() if found is None or not found.words)
        failed.update(f"{name}: broken letters" for name, found in all_three.items() if found and found.broken)
        if any(found is None for found in theirs.values()):
            continue
        read += 1
        for name, found in all_three.items():
            assert found is not None
            one, other = (peer for peer_name, peer in all_three.items() if peer_name != name and peer is not None)
            for what, few in (("words", FEW_WORDS), ("signs", FEW_SIGNS)):
                share = shares(getattr(found, what), getattr(one, what), getattr(other, what), few)
                if share is not None:
                    figures[name, what].append((*share, str(path)))
    if peers_only:
        return
    click.echo(f"{read} documents that both peers read; nothing read or broken: {dict(failed)}")
    for (name, what), found in figures.items():
        keeps, agrees = (sum(each[at] for each in found) / len(found) for at in (0, 1))
        low = sum(each[0] < KEPT for each in found)
        click.echo(
            f"{name:8} {what} {len(found):4} documents: kept {keeps:.4f} ({low} below {KEPT}), of its own {agrees:.4f}"
        )
        for each in sorted(found)[: worst if name == "ours" else 0]:
            click.echo(f"    {each[0]:.3f} {each[2]}")


if __name__ == "__main__":
    main()
