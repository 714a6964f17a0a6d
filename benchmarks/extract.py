"""Pages to text: speed and agreement with gold pages of each engine and of the peers, on the same pages in one process.

    python -m benchmarks.extract                  F1 of four-word shingles (characters for Chinese) and pages/s, in turns
    python -m benchmarks.extract --news CLONE     on news articles too, of sites that the block classifier hasn't seen
    python -m benchmarks.extract --typed CLONE    F1 of words by kind of page: articles, forums, listings, products …

Gold: Rust's book in English and Chinese and OI-wiki (their Markdown), PEPs (their reStructuredText), readability's test
pages that are free (the HTML it is expected to keep, so readability itself is the judge there). News: a clone
(`git clone --bare`) of `scrapinghub/article-extraction-benchmark`, whose gold has neither headlines nor captions. The block
classifier learned from none of these sites. Kinds of page: a clone of `Murrough-Foley/web-content-extraction-benchmark`, whose
held-out pages are scored as it scores them, sites that the classifier has seen left out. Listings of code are left out on
both sides, since the sources take them in from other files; what Rust's book writes as attributes of `<Listing>` its pages
show as lines, and so does the gold.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.gold import rows
from winnow.formats.charset.pages import decode
from winnow.formats.containers.git import Repository
from winnow.formats.html.classify import learned_from
from winnow.formats.html.extraction import Engine, extract
from winnow.formats.html.learning.annotations import registered

TYPED_COMMIT = "c039d5ee9f5a3a984a0e167e63aacd04e76e78a9"
MARKDOWN = re.compile(r"[*#`|_>\\]")
NEWS_COMMIT = "4a3bc979f76c0df73cb95fe272e2fc1b96f9f010"
TOKEN = re.compile(r"[\u2e80-\u9fff]|[^\W\u2e80-\u9fff]+")
FENCE = re.compile(r"^[ >]*(```+|~~~+).*?^[ >]*\1[^\n]*$", re.MULTILINE | re.DOTALL)
FENCE_LANGUAGE = re.compile(r"^([ >-]*```+)[^\n`]+$", re.MULTILINE)  # no word of the page
Shingles = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Gold:
    """A page and the text that belongs to it; shingles of `listings` count neither for nor against."""

    html: str
    text: str
    listings: frozenset[tuple[str, ...]] = frozenset()


def shingles(text: str) -> Shingles:
    words = TOKEN.findall(FENCE_LANGUAGE.sub(r"\1", text))
    return Counter(zip(words, words[1:], words[2:], words[3:], strict=False))


def agreement(text: str, page: Gold) -> tuple[float, float, float]:
    """Precision, recall and F1 of the shingles of a text."""
    found, wanted = (
        Counter({key: count for key, count in shingles(side).items() if key not in page.listings})
        for side in (text, page.text)
    )
    right = (found & wanted).total()
    return (
        right / max(found.total(), 1),
        right / max(wanted.total(), 1),
        2 * right / max(found.total() + wanted.total(), 1),
    )


def listed(html: str) -> frozenset[tuple[str, ...]]:
    """The shingles of a page's listings."""
    import lxml.html

    tree = lxml.html.fromstring(html.encode(), parser=lxml.html.HTMLParser(encoding="utf-8"))
    return frozenset(key for listing in tree.iter("pre") for key in shingles(listing.text_content()))


def prose(markdown: str) -> str:
    """Markdown without its listings, comments, addresses and tags."""

    def listing(match: re.Match[str]) -> str:
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', match[1]))
        name = f"Filename: {told['file-name']}" if "file-name" in told else ""
        return f"{name}\nListing {told['number']}: {told.get('caption', '')}" if "number" in told else name

    text = re.sub(r"<Listing([^>]*)>", listing, FENCE.sub("\n", markdown))
    text = re.sub(r"<!--.*?-->|\{\{#.*?\}\}|</?\w+[^>]*>", "", text, flags=re.DOTALL)
    text = re.sub(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"^\[[^\]]+\]:.*$", "", re.sub(r"\[([^\]]+)\]\[[^\]]*\]", r"\1", text), flags=re.MULTILINE)


def gold(most: int) -> dict[str, list[Gold]]:
    """The sets, those in Chinese by a name that ends in zh."""
    from resiliparse.extract.html2text import extract_plain_text

    books = rows("web/rustbook_html_md_en_zh")
    found = {
        f"Rust {language}": [
            Gold(row["html"], prose(row["source_md"]), listed(row["html"])) for row in books if row["lang"] == language
        ][:most]
        for language in ("en", "zh")
    }
    wiki = rows("web/oiwiki_zh_math_html_md")[:most]
    found["OI zh"] = [Gold(row["html"], prose(row["source_md"]), listed(row["html"])) for row in wiki]
    found["PEPs en"] = [Gold(row["html"], row["source_rst"]) for row in rows("web/peps_html_rst")[:most]]
    tests = [(row["html"], row["gold"]) for row in rows("web/cc_licensed_pages_gold")]
    tests = [(html, json.loads(told) if isinstance(told, str) else told) for html, told in tests]
    found["readability en"] = [
        Gold(html, extract_plain_text(told["expected_html"], main_content=False))
        for html, told in tests
        if "expected_html" in told
    ][:most]
    return found


def news(clone: Path, most: int) -> list[Gold]:
    """Articles of the sites that the block classifier didn't learn from."""
    repository = Repository(str(clone))
    told = json.loads(next(repository.required([f"{NEWS_COMMIT}:ground-truth.json"])))
    unseen = [name for name, article in sorted(told.items()) if not learned_from(registered(article["url"]))][:most]
    stored = repository.required([f"{NEWS_COMMIT}:html/{name}.html.gz" for name in unseen])
    pages = [decode(gzip.decompress(content))[0] for content in stored]
    return [Gold(page, told[name]["articleBody"]) for name, page in zip(unseen, pages, strict=True)]


def typed(clone: Path, most: int) -> dict[str, list[Gold]]:
    """The held-out pages by kind, of the sites that the block classifier didn't learn from."""
    repository = Repository(str(clone))
    files = {entry.path: entry.object for entry in repository.entries(TYPED_COMMIT) if entry.path}
    named = [path for path in sorted(files) if path.startswith("test/ground-truth/")]
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, content in zip(named, repository.required([files[path] for path in named]), strict=True):
        told = json.loads(content)
        if not learned_from(registered(told["url"])):
            page = f"test/html/{Path(path).stem}.html.gz"
            kinds[told["_internal"]["page_type"]["primary"]].append((page, told["ground_truth"]["main_content"] or ""))
    found = {}
    for kind, pairs in sorted(kinds.items()):
        stored = repository.required([files[page] for page, _ in pairs[:most]])
        pages = [decode(gzip.decompress(content))[0] for content in stored]
        found[kind] = [Gold(page, text) for page, (_, text) in zip(pages, pairs, strict=False)]
    return found


def word_agreement(text: str, page: Gold) -> tuple[float, float, float]:
    """Precision, recall and F1 of words without their order: what the benchmark of kinds of page reports."""
    found, wanted = (Counter(re.findall(r"\w+", MARKDOWN.sub("", side).lower())) for side in (text, page.text))
    right = (found & wanted).total()
    if not wanted:
        return (1.0, 1.0, 1.0) if not found else (0.0, 0.0, 0.0)
    return right / max(found.total(), 1), right / wanted.total(), 2 * right / (found.total() + wanted.total())


def readability(page: str) -> str:
    from readability import Document
    from resiliparse.extract.html2text import extract_plain_text

    try:
        return str(extract_plain_text(Document(page).summary(), main_content=False))
    except (ValueError, TypeError, LookupError):
        return ""  # it refuses pages without a body


def justext(page: str) -> str:
    import justext

    paragraphs = justext.justext(page.encode(), justext.get_stoplist("English"))
    return "\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)


def peers() -> dict[str, Callable[[str], str]]:
    engines = {engine.value: (lambda page, engine=engine: extract(page, engine=engine).text) for engine in Engine}
    return {**engines, "readability": readability, "justext": justext}


@click.command(help=__doc__)
@click.option("--pages", default=30, help="pages of each set")
@click.option("--news", "clone", type=click.Path(exists=True, path_type=Path), help="a clone of the news articles")
@click.option("--typed", "kinds", type=click.Path(exists=True, path_type=Path), help="a clone of the kinds of page")
def main(pages: int, clone: Path | None, kinds: Path | None) -> None:
    if kinds:
        found = scored(typed(kinds, pages), word_agreement, [*map(str, Engine)])
        print(f"all kinds: F1 {means(found.values())}")
        return
    sets = {"news en": news(clone, pages)} if clone else {}
    by_set = scored(sets | gold(pages), agreement, list(peers()))
    for language in ("en", "zh"):
        print(f"all {language}: F1 {means(found for name, found in by_set.items() if name.endswith(language))}")


def scored(
    sets: dict[str, list[Gold]], agree: Callable[[str, Gold], tuple[float, float, float]], names: list[str]
) -> dict[str, dict[str, list[float]]]:
    """The F1 of every page by set and contender; prints the means of each set and the speed, all pages in one process."""
    contenders = {name: read for name, read in peers().items() if name in names}
    every: dict[str, dict[str, list[float]]] = {}
    for name, found in sets.items():
        seconds: dict[str, float] = defaultdict(float)
        scores: dict[str, list[tuple[float, float, float]]] = {peer: [] for peer in contenders}
        for read in contenders.values():
            read(found[0].html)  # compiles, loads and fills caches
        for page in found:
            for peer, read in contenders.items():
                start = time.process_time()
                text = read(page.html)
                seconds[peer] += time.process_time() - start
                scores[peer].append(agree(text, page))
        every[name] = {peer: [f1 for _, _, f1 in rows] for peer, rows in scores.items()}
        for peer in contenders:
            ratio = seconds["trafilatura"] / seconds[peer]
            precision, recall, f1 = (sum(column) / len(found) for column in zip(*scores[peer], strict=True))
            speed = len(found) / seconds[peer]
            print(
                f"{name:14} ({len(found):3}) {peer:12} F1 {f1:.3f} (precision {precision:.3f}, recall {recall:.3f}) "
                f"{speed:8.1f} pages/s {ratio:6.2f} × trafilatura",
                flush=True,
            )
    return every


def means(found: Iterable[dict[str, list[float]]]) -> str:
    """The mean F1 of each contender over the pages of some sets."""
    together: dict[str, list[float]] = defaultdict(list)
    for by_peer in found:
        for peer, scores in by_peer.items():
            together[peer] += scores
    return ", ".join(f"{peer} {sum(scores) / max(len(scores), 1):.3f}" for peer, scores in together.items())


if __name__ == "__main__":
    main()
