"""Copies across traditional and simplified Chinese: what the level `scripts` finds, and how many of its drops are right.

    python -m benchmarks.across_scripts FOLDER     Debian's manpages-zh, debian-reference-zh-{cn,tw} and maint-guide-zh-{cn,tw},
                                                   unpacked there (`dpkg-deb -x`)

Pairs are pages of one name in both scripts, as their packages hold them: some were made by a converter, some translated by
two people. Converted texts † are statutes, manuals and novels written anew by OpenCC with Taiwan's words. Whether two texts
are alike is told twice, by sets of strings in slow and obvious Python: by Winnow's normalisation, Taiwan's words read as
China's; and by the words as they stand, characters simplified and nothing else: words, numbers, capitals and accents left.
That words must be read, too, was learnt from the manual pages; bands and threshold are `minhash`'s.
"""

from __future__ import annotations

import gzip
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import opencc
import pyarrow as pa
from lxml import html

from benchmarks.deduplicate import SHINGLE, lay_out, normalised_shingles
from benchmarks.gold import rows
from winnow.filters.kernels.normalise import characters
from winnow.stages.deduplicate import minhash, scripts
from winnow.stages.deduplicate.recipes import MinHashSettings, ScriptSettings
from winnow.stages.layout import carry_out

THRESHOLD = 0.7
SHORTEST = 200
TERM = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
Texts = dict[str, tuple[str, str]]
"""By name: the text in simplified characters, and in traditional ones."""


def manual_pages(folder: Path) -> Texts:
    found = {}
    for path in sorted((folder / "usr/share/man/zh_TW").rglob("*.gz")):
        other = folder / "usr/share/man/zh_CN" / path.parent.name / path.name
        if other.exists():
            found[path.name] = (_roff(other), _roff(path))
    return found


def _roff(path: Path) -> str:
    lines = gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
    plain = (re.sub(r"^\.[A-Z]{1,2}\s?", "", line) for line in lines if not line.startswith(('.\\"', "'", ".\\ ")))
    return re.sub(r"\\f\w|\\[&|,/]|\\(?=-)", "", "\n".join(plain))


def books(folder: Path, name: str) -> Texts:
    """Chapters in HTML, `ch01.zh-cn.html`."""
    found = {}
    for path in sorted(folder.rglob("*.zh-tw.html")):
        other = [one for one in folder.rglob(path.name.replace("zh-tw", "zh-cn")) if name in str(one)]
        if name in str(path) and other:
            found[path.name] = (_page(other[0]), _page(path))
    return found


def _page(path: Path) -> str:
    return str(html.fromstring(path.read_bytes(), parser=html.HTMLParser(encoding="utf-8")).text_content())


def converted() -> Texts:
    to_taiwan = opencc.OpenCC("s2twp")
    given = [
        *(row["text"] for row in rows("long/zh_laws")[:400]),
        *(row["text"] for row in rows("zh_en/tidb_docs_cn")[:400]),
    ]
    return {str(at): (text, to_taiwan.convert(text)) for at, text in enumerate(given)}


def by_normalisation(text: str, traditional: bool) -> set[str]:
    return normalised_shingles((_TO_CHINA.convert(text) if traditional else text).translate(_FOLDED))


def as_they_stand(text: str, traditional: bool) -> set[str]:
    terms = TERM.findall(_TO_SIMPLIFIED.convert(text) if traditional else text)
    return {" ".join(terms[at : at + SHINGLE]) for at in range(max(1, len(terms) - SHINGLE + 1))}


_TO_SIMPLIFIED, _TO_CHINA = opencc.OpenCC("t2s"), opencc.OpenCC("tw2sp")
_FOLDED = {
    point: int(characters(simplified=True).folds[point]) for point in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000))
}


def report(name: str, texts: Texts) -> None:
    texts = {key: pair for key, pair in texts.items() if min(map(len, pair)) >= SHORTEST}
    flat = [text for pair in texts.values() for text in pair]
    before = dropped(flat, MinHashSettings())
    found = dropped(flat, ScriptSettings())
    named = sum(gone // 2 == stays // 2 for gone, stays in found.items())
    print(
        f"\n{name}: {len(texts)} pairs; minhash alone drops {len(before)}; scripts {len(found)}, {named} for their pair"
    )
    for what, shingles in (("by our normalisation", by_normalisation), ("as they stand", as_they_stand)):
        sets = [shingles(text, at % 2 == 1) for at, text in enumerate(flat)]
        alike = [at for at in range(0, len(sets), 2) if similarity(sets[at], sets[at + 1]) >= THRESHOLD]
        resolved = sum(bool({at, at + 1} & found.keys()) for at in alike)
        right = sum(similarity(sets[gone], sets[stays]) >= THRESHOLD for gone, stays in found.items())
        shares = f"resolved {resolved / max(len(alike), 1):.3f}, drops right {right / max(len(found), 1):.3f}"
        print(f"  {what:21} alike {len(alike):4}, {shares}", flush=True)


def similarity(left: set[str], right: set[str]) -> float:
    return len(left & right) / len(left | right)


def dropped(texts: list[str], settings: MinHashSettings) -> dict[int, int]:
    """Which of the texts the level drops, and for which."""
    level = scripts if isinstance(settings, ScriptSettings) else minhash
    with tempfile.TemporaryDirectory() as folder:
        workspace, parts = lay_out(folder, texts, parts=1)
        ids = workspace.read_table(f"documents/{parts[0]}.parquet", columns=["id"])["id"].to_pylist()
        carry_out(workspace, level.plan(parts, settings))
        gone = workspace.read_table(f"drops/{level.STAGE}/{parts[0]}.parquet").to_pylist()
    place = {identity: at for at, identity in enumerate(ids)}
    return {row["row"]: place[row["value"].split()[0]] for row in gone}


def cost(texts: list[str]) -> None:
    """Processor time of the level beside minhash's on the same Chinese texts, in turn."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    times: dict[str, list[float]] = {"minhash": [], "scripts": []}
    for _ in range(4):
        for name, settings in (("minhash", MinHashSettings()), ("scripts", ScriptSettings())):
            begun = time.process_time()
            dropped(texts, settings)
            times[name].append(time.process_time() - begun)
    best = {name: min(found[1:]) for name, found in times.items()}
    print(
        f"\n{size:.0f} MB of Chinese, all steps: " + ", ".join(f"{name} {size / best[name]:.0f} MB/s" for name in best)
    )


def kinds(folder: Path) -> Iterator[tuple[str, Texts]]:
    yield "manual pages", manual_pages(folder)
    yield "Debian Reference", books(folder, "debian-reference")
    yield "Maintainers' Guide", books(folder, "maint-guide")
    yield "converted with Taiwan's words †", converted()


def main(folder: str) -> None:
    everything = []
    for name, texts in kinds(Path(folder)):
        report(name, texts)
        everything += [text for pair in texts.values() for text in pair]
    cost(everything)


if __name__ == "__main__":
    main(sys.argv[1])
