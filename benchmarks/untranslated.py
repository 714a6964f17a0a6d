"""Pages of a translation that are left untranslated in part: found by the rule, and good Chinese pages left alone.

    python -m benchmarks.untranslated [FOLDER]

Pages are the catalogues of Python's documentation in Chinese, each entry as its translation or, where that is missing or
fuzzy, as its source, and the same with entries taken back by chance: the catalogue tells which. Every other page, by hash,
is tuned on. Left alone must be manuals in Chinese, textbooks and bilingual pages, paragraph by paragraph.

FOLDER: Debian's manpages-zh and the packages that ship the originals (coreutils, util-linux, passwd, manpages, manpages-dev,
tcl8.6-doc, tk8.6-doc, postgresql-client-15 …), unpacked there (`dpkg-deb -x`). Untranslated is a line of prose that stands in
the English page of that name, word by word; where the original has been written anew since, nothing tells. Nothing was tuned
on these pages.
"""

from __future__ import annotations

import gzip
import hashlib
import random
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from benchmarks.gold import rows
from winnow.filters.untranslated import RECIPES, measure

BOUND = RECIPES[0].rules[0].maximum
SHARES = (0.0, 0.1, 0.3, 0.5, 0.7)


def page(entries: Sequence[dict[str, str]], share: float, name: str) -> tuple[str, float]:
    """A page with such a share of its entries taken back, and how much of what is said in it is English (Han thrice)."""
    chance = random.Random(f"{name} {share}")
    lines, english, chinese = [], 0, 0
    run = 0
    for entry in entries:
        run = run - 1 if run > 0 else (3 if chance.random() < share / 3 else 0)  # translators stop for some paragraphs
        translated = bool(entry["zh"]) and not entry["fuzzy"] and run == 0
        line = " ".join(entry["zh" if translated else "en"].split())
        lines.append(line)
        han = sum("\u3400" <= sign <= "\u9fff" for sign in line)
        chinese += 3 * han
        english += len(line) if han == 0 and len(line.split()) >= 6 else 0
    return "\n\n".join(lines), english / max(english + chinese, 1)


def main() -> None:
    for half in (0, 1):
        pages: list[tuple[str, float]] = []
        for row in rows("zh_en/python_docs_po"):
            if hashlib.sha256(row["id"].encode()).digest()[-1] % 2 == half and len(row["entries"]) >= 10:
                pages += [page(row["entries"], share, row["id"]) for share in SHARES]
        found = shares([text for text, _ in pages])
        print(f"{'tuned' if half == 0 else 'measured'} half: {len(pages)} pages, bound {BOUND}")
        for low, high in ((0, 0.02), (0.02, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.5), (0.5, 1.01)):
            inside = [value > BOUND for value, (_, english) in zip(found, pages, strict=True) if low <= english < high]
            print(f"  English {low:4.2f} to {min(high, 1):4.2f}: {sum(inside):4} of {len(inside):4} dropped")
    vue = rows("zh_en/vue_docs")
    clean = {
        "Vue's manual": [row["zh"] for row in vue],
        "TiDB's manual": [row["text"] for row in rows("zh_en/tidb_docs_cn")],
        "Dive into Deep Learning": [row["zh"] for row in rows("zh_en/d2l_en_zh_math") if row.get("zh")],
        "statutes": [row["text"] for row in rows("long/zh_laws")],
        "bilingual, entry by entry": [
            "\n\n".join(
                f"{entry['en']}\n{entry['zh']}" for entry in row["entries"] if entry["zh"] and not entry["fuzzy"]
            )
            for row in rows("zh_en/python_docs_po")
        ],
    }
    for name, texts in clean.items():
        print(f"{name:26} {sum(value > BOUND for value in shares(texts)):4} of {len(texts):4} dropped")


def manual_pages(folder: Path) -> None:
    """Of Chinese manual pages whose originals are there: dropped, by how much of what is said stands in the original."""
    originals: dict[str, set[str]] = defaultdict(set)
    for path in folder.glob("usr/share/man/man*/*.gz"):
        originals[_name(path)].update(" ".join(line.split()) for line in _lines(path))
    found = []
    for path in sorted((folder / "usr/share/man/zh_CN").rglob("*.gz")):
        english = chinese = 0
        for line in _lines(path) if _name(path) in originals else ():
            said = " ".join(line.split())
            han = sum("\u3400" <= sign <= "\u9fff" for sign in said)
            chinese += 3 * han
            prose = han == 0 and len(re.findall(r"\b[a-z]{2,}\b", said)) >= 6
            english += len(said) if prose and said in originals[_name(path)] else 0
        if chinese:
            found.append((path.name, english / (english + chinese), "\n".join(_lines(path))))
    dropped = [value > BOUND for value in shares([text for _, _, text in found])]
    print(f"manual pages, {len(found)} with their original:")
    for low, high in pairwise((0, 0.1, 0.2, 0.3, 0.5, 1.01)):
        inside = [(name, gone) for (name, share, _), gone in zip(found, dropped, strict=True) if low <= share < high]
        gone = [name for name, gone in inside if gone]
        print(f"  of the original {low:.1f} to {min(high, 1):.1f}: {len(gone):4} of {len(inside):4} dropped", *gone[:8])


def _name(path: Path) -> str:
    return re.sub(r"(tcl|tk)?\.gz$", "", path.name)


def _lines(path: Path) -> list[str]:
    text = re.sub(r"\\f.|\\[&|,/]|\\(?=-)", "", gzip.decompress(path.read_bytes()).decode("utf-8", "replace"))
    plain = (line for line in text.splitlines() if not line.startswith(('.\\"', "'")))
    return [re.sub(r"^\.[A-Za-z]{1,3}\b\s?", "", line) for line in plain]


def shares(texts: Sequence[str]) -> list[float]:
    found: list[float] = measure(pa.table({"text": pa.array(texts, pa.large_string())}))[
        "untranslated.share"
    ].to_pylist()
    return found


if __name__ == "__main__":
    if sys.argv[1:]:
        manual_pages(Path(sys.argv[1]))
    else:
        main()
