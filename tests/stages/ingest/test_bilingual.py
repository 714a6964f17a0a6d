"""Pairs are found wherever they lie, checked one by one, and written as asked."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.translations.catalogues import Pair, read_po, unmarked
from winnow.formats.translations.checks import misfit
from winnow.formats.translations.memories import read_tmx
from winnow.formats.translations.renderings import Direction, Rendering, render_pages, render_segments
from winnow.stages.ingest import bilingual
from winnow.stages.ingest.source import Builder

PO = r"""
# header
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"

#: mill.py:1
msgctxt "noun"
msgid "The mill grinds "
"two \"sacks\".\n"
msgstr "磨坊磨"
"两“袋”。\n"

#, fuzzy
msgid "doubtful"
msgstr "可疑"

msgid "%(n)d sack"
msgid_plural "%(n)d sacks"
msgstr[0] "%(n)d 袋"

msgid "untranslated"
msgstr ""

#~ msgid "obsolete"
#~ msgstr "过时"
msgid "water"
msgstr "水"
"""
TMX = """<?xml version="1.0"?><tmx version="1.4"><header/><body>
<tu><tuv xml:lang="EN-us"><seg>The <bpt i="1">&lt;b&gt;</bpt>mill<ept i="1">&lt;/b&gt;</ept> <hi>stands</hi>.</seg></tuv>
<tuv xml:lang="zh-CN"><seg>磨坊矗立着。</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Only English.</seg></tuv><tuv xml:lang="de"><seg>Nur Deutsch.</seg></tuv></tu>
<tu><tuv lang="en"><seg>Water flows.</seg></tuv><tuv lang="zh"><seg>水在流。</seg></tuv></tu>
</body></tmx>"""
EN = "# Mill\n\nThe mill grinds flour.\n\n```sh\ngrind --fine\n```\n\n## Water\n\nWater turns the wheel.\n"
ZH = "# 磨坊\n\n磨坊把粮食磨成面粉。\n\n```sh\ngrind --fine\n```\n\n## 水\n\n水使水轮不停地转动。\n"
PAIRS = [Pair("one", "一", "1"), Pair("two", "二", "2")]


def test_catalogue_entries_are_read_and_doubtful_ones_left_out() -> None:
    assert [(pair.source, pair.target, pair.context) for pair in read_po(PO)] == [
        ('The mill grinds two "sacks".\n', "磨坊磨两“袋”。\n", "noun"),
        ("%(n)d sacks", "%(n)d 袋", ""),
        ("water", "水", ""),
    ]


def test_memory_is_read_in_both_languages() -> None:
    assert [(pair.source, pair.target) for pair in read_tmx(BytesIO(TMX.encode()), "en", "zh")] == [
        ("The mill stands.", "磨坊矗立着。"),
        ("Water flows.", "水在流。"),
    ]


def test_memory_in_a_namespace_with_repeated_ids_is_read_line_by_line() -> None:
    unit = """<tu xml:id="a"><prop>f. 1</prop><tuv xml:lang="en"><seg>
        The mill
        <x:stone xmlns:x="urn:x"/>stands.</seg></tuv><tuv xml:lang="zh"><seg>磨坊</seg></tuv></tu>"""
    memory = f'<tmx xmlns="http://www.lisa.org/tmx14"><body>{unit}{unit}</body></tmx>'
    assert [(pair.source, pair.target) for pair in read_tmx(BytesIO(memory.encode()), "en", "zh")] == [
        ("The mill stands.", "磨坊")
    ] * 2


def test_damaged_memory_keeps_the_units_before_the_damage(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "m.tmx").write_text(TMX.partition("<tu><tuv lang")[0] + "<tu><tuv", encoding="utf-8")
    documents, rejections = ingest("bilingual", tmp_path / "m.tmx")
    assert [json.loads(row["metadata"])["pairs"] for row in documents] == [1]
    assert [row["rule"] for row in rejections] == ["bilingual.tmx"]


@pytest.mark.parametrize(
    "files",
    [
        {"Books.en-zh.en": "One mill.\r\nTwo\u2028mills.\n", "Books.en-zh.zh": "一座磨坊。\r\n两座磨坊。\n"},
        {"cmn.txt": "One mill.\t一座磨坊。\tCC-BY (France)\nTwo\u2028mills.\t两座磨坊。\tCC-BY (France)\n"},
    ],
    ids=["OPUS", "Tatoeba"],
)
def test_pairs_are_found_as_they_are_published(files: dict[str, str], tmp_path: Path, ingest: Any) -> None:
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode())
    documents, rejections = ingest("bilingual", tmp_path, direction="forward")
    assert rejections == []
    assert [row["text"] for row in documents] == ["One mill.\n一座磨坊。\n\nTwo\u2028mills.\n两座磨坊。"]


def test_half_of_a_pair_of_files_is_a_rejection(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "train.en").write_text("One mill.\n")
    documents, rejections = ingest("bilingual", tmp_path)
    assert documents == []
    assert [(row["rule"], row["locator"].rpartition("!")[2]) for row in rejections] == [
        ("bilingual.counterpart", "train.en")
    ]


def test_memory_beside_a_folder_of_texts_keeps_its_own_place(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "po").mkdir()
    (tmp_path / "po" / "zh.po").write_text(PO, encoding="utf-8")
    (tmp_path / "m.tmx").write_text(TMX, encoding="utf-8")
    documents, _ = ingest("bilingual", tmp_path)
    assert sorted(row["locator"].rpartition("!")[2] for row in documents) == ["m.tmx#0", "po/zh.po#8"]


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><tmx><tu><tuv><seg>&b;</seg></tuv></tu></tmx>',
        b"<tmx><tu>",
        b"",
    ],
)
def test_memory_that_declares_entities_or_is_broken_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"entities|not XML"):
        list(read_tmx(BytesIO(content), "en", "zh"))


@pytest.mark.parametrize(
    ("source", "target", "rule"),
    [
        ("The mill grinds flour.", "磨坊磨面粉。", None),
        ("OK %(n)s", "确定 %(n)s", None),
        ("Mill", "Mill", "untranslated"),
        ("The mill grinds flour.", "Die Mühle mahlt Mehl.", "language"),
        ("磨坊磨面粉。", "磨坊磨面粉吗？", "language"),
        ("The mill grinds flour.", "ミルは粉をひく機械です。", "language"),
        ("The mill grinds flour and the river turns its wheel all day and night.", "磨。", "length_ratio"),
        ("Yes, it does so.", "是的，磨坊昼夜不停地把粮食磨成面粉，水轮也一直在转动。", "length_ratio"),
        ("", "磨", "empty"),
    ],
)
def test_each_check_names_what_it_measured(source: str, target: str, rule: str | None) -> None:
    found = misfit(source, target, ("en", "zh"), (0.4, 3.0), True)
    assert (found.rule if found else None) == rule


def test_renderings_and_directions() -> None:
    assert render_segments(PAIRS, Rendering.SOURCE_THEN_TARGET, False) == "one\ntwo\n\n一\n二"
    assert render_segments(PAIRS, Rendering.INTERLEAVED, True) == "一\none\n\n二\ntwo"
    text, interleaved = render_pages(EN, ZH, Rendering.INTERLEAVED, False)
    assert interleaved
    assert text == (
        "# Mill\n\n# 磨坊\n\nThe mill grinds flour.\n\n磨坊把粮食磨成面粉。\n\n```sh\ngrind --fine\n```\n\n"
        "## Water\n\n## 水\n\nWater turns the wheel.\n\n水使水轮不停地转动。"
    )
    assert render_pages(EN, ZH + "\n## 多\n\n多一节\n", Rendering.INTERLEAVED, True) == (
        f"{ZH}\n## 多\n\n多一节\n\n{EN}".strip() + "\n",
        False,
    )


@pytest.mark.parametrize("direction", list(Direction))
def test_direction_by_hash_uses_both_and_the_others_one(tmp_path: Path, ingest: Any, direction: Direction) -> None:
    lines = "".join(f"The mill number {n} grinds flour.\t第{n}号磨坊磨面粉。\n" for n in range(64))
    (tmp_path / "pairs.tsv").write_text(lines, encoding="utf-8")
    documents, rejections = ingest("bilingual", tmp_path / "pairs.tsv", pairs=1, direction=direction)
    assert (len(documents), rejections) == (64, [])
    orders = {json.loads(row["metadata"])["languages"] for row in documents}
    expected = {"forward": {"en-zh"}, "backward": {"zh-en"}, "hash": {"en-zh", "zh-en"}}
    assert orders == expected[direction]


def test_every_kind_of_pair_in_an_archive_is_found(sdist: Any, ingest: Any) -> None:
    path = sdist(
        {
            "mill/locale/zh_Hans/LC_MESSAGES/mill.po": PO,
            "mill/locale/de/LC_MESSAGES/mill.po": PO,
            "docs/en/mill.md": EN,
            "docs/zh-cn/mill.md": ZH,
            "docs/zh-cn/alone.md": ZH,
            "README.md": EN,
            "README.zh-CN.md": ZH,
            "corpus.en": "The mill stands.\nWater flows.\n",
            "corpus.zh": "磨坊矗立着。\n水在流。\n",
            "memory.tmx": TMX,
        }
    )
    documents, rejections = ingest("bilingual", path, monolingual=["zh"], least_characters=20)
    assert rejections == []
    assert sorted(row["locator"].rpartition("mill-1.2/")[2] for row in documents) == [
        "README.md",
        "corpus.en#1",
        "docs/en/mill.md",
        "docs/zh-cn/alone.md",
        "memory.tmx#0",
        "mill/locale/zh_Hans/LC_MESSAGES/mill.po#8",
    ]
    assert {row["license"] for row in documents} == {"MIT"}


def test_moses_files_of_unequal_length_are_one_rejection(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "a.en").write_text("one\ntwo\n")
    (tmp_path / "a.zh").write_text("一\n", encoding="utf-8")
    documents, rejections = ingest("bilingual", tmp_path)
    assert documents == []
    assert [(row["rule"], row["value"]) for row in rejections] == [("bilingual.lines", "1, a.en has 2")]


def test_gold_catalogues_give_their_translated_entries(tmp_path: Path, ingest: Any, gold: Any) -> None:
    expected = changed = 0
    quoted = json.dumps
    for number, row in enumerate(gold("zh_en/python_docs_po")):
        if number == 40:
            break
        entries = []
        for entry in row["entries"]:
            flag = "#, fuzzy\n" if entry["fuzzy"] else ""
            source, target = (quoted(entry[side] or "", ensure_ascii=False) for side in ("en", "zh"))
            entries.append(f"{flag}msgid {source}\nmsgstr {target}\n")
            translated = bool(entry["zh"] and entry["zh"].strip() and not entry["fuzzy"] and entry["en"])
            expected += translated
            changed += translated and entry["zh"].strip() != entry["en"].strip()
        (tmp_path / f"{number:03}.po").write_text("\n".join(entries), encoding="utf-8")
    documents, rejections = ingest("bilingual", tmp_path, pairs=1)
    assert len(documents) + len(rejections) == expected
    assert len(documents) > 0.98 * changed


def test_gold_pages_pair_by_path_and_most_interleave(tmp_path: Path, ingest: Any, gold: Any) -> None:
    rows = list(gold("zh_en/vue_docs"))
    for row in rows:
        for language in ("en", "zh"):
            page = tmp_path / {"en": "en", "zh": "zh-cn"}[language] / row["path"]
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(row[language], encoding="utf-8")
    documents, rejections = ingest("bilingual", tmp_path)
    assert len(documents) + len(rejections) == len(rows)
    assert len(documents) >= len(rows) - 2
    interleaved = [row for row in documents if json.loads(row["metadata"])["rendering"] == "interleaved"]
    assert len(interleaved) > 0.8 * len(rows)


def test_table_columns_are_pairs(corpora: Path, ingest: Any) -> None:
    path = corpora / "zh_en" / "d2l_en_zh_math.jsonl.zst"
    documents, rejections = ingest("bilingual", path, columns={"source": "en", "target": "zh"}, pairs=1)
    assert (len(documents), rejections) == (89, [])


@settings(max_examples=200)
@given(st.lists(st.sampled_from([*PO.splitlines(), "msgid", 'msgstr "\\', '"x"', "#, fuzzy", 'msgstr[9] ""'])))
def test_any_lines_are_a_catalogue(lines: list[str]) -> None:
    for pair in read_po("\n".join(lines)):
        assert pair.target.strip()


@settings(max_examples=100)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_are_a_pair_or_a_misfit(source: str, target: str) -> None:
    misfit(source, target, ("en", "zh"), (0.4, 3.0), True)
    for rendering in Rendering:
        render_pages(source, target, rendering, False)


def test_the_direction_is_the_same_wherever_the_inputs_lie(tmp_path: Path) -> None:
    def texts(root: Path) -> list[str]:
        tables: list[Any] = []
        builder = Builder("parallel", "bilingual", tables.append, root=f"{root}/")
        how = bilingual.Settings()
        for number in range(16):
            path = root / f"{number}.tmx"
            path.parent.mkdir(exist_ok=True)
            path.write_text(TMX)
            for split in bilingual.splits(str(path), how):
                bilingual.read(split, how, builder)
        builder.flush()
        return [row["text"] for table in tables for row in table.to_pylist()]

    here = texts(tmp_path / "here")
    assert len(set(here)) == 2, "half of the files are written backwards"
    assert texts(tmp_path / "elsewhere") == here


def test_inline_markup_of_documentation_catalogues_becomes_markdown() -> None:
    pairs = [
        Pair("See :ref:`how <mills>` and ``a_``.", "请参阅 :ref:`说明 <mills>` 和 ``a_``。", "1"),
        Pair("Built by `Sphinx <https://example.org>`_, in snake_case", "由 `Sphinx <https://example.org>`_ 构建", "2"),
        Pair("Open `file` of user_ id", "打开 `file`", "3"),
    ]
    assert [(pair.source, pair.target) for pair in unmarked(pairs)] == [
        ("See how and `a_`.", "请参阅 说明 和 `a_`。"),
        ("Built by Sphinx, in snake_case", "由 Sphinx 构建"),
        ("Open `file` of user_ id", "打开 `file`"),
    ]


@pytest.mark.parametrize(("charset", "name"), [("GB18030", "gb18030"), ("gb2312", "gbk"), ("Big5", "big5hkscs")])
def test_a_catalogue_is_read_in_the_charset_it_names(
    charset: str, name: str, tmp_path: Path, ingest: Any, gold: Any
) -> None:
    entries = [entry for row in gold("zh_en/python_docs_po") for entry in row["entries"] if entry["zh"]]
    can_be_said = [entry for entry in entries if sayable(entry["en"] + entry["zh"], name)][:2000]
    texts = {}
    for declared in ("UTF-8", charset):
        header = (
            f'msgid ""\nmsgstr ""\n"Project-Id-Version: 3\\n"\n"Content-Type: text/plain; charset={declared}\\n"\n\n'
        )
        body = (
            f"msgid {json.dumps(e['en'], ensure_ascii=False)}\nmsgstr {json.dumps(e['zh'], ensure_ascii=False)}\n\n"
            for e in can_be_said
        )
        path = tmp_path / declared / "zh_CN.po"
        path.parent.mkdir()
        path.write_text(header + "".join(body), encoding="utf-8" if declared == "UTF-8" else name)
        documents, rejections = ingest("bilingual", path, direction="forward")
        assert {row["rule"] for row in rejections} <= {
            "bilingual.untranslated",
            "bilingual.language",
            "bilingual.length_ratio",
        }
        texts[declared] = [row["text"] for row in documents]
    assert len(texts["UTF-8"]) > 5
    assert texts[charset] == texts["UTF-8"]


def sayable(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize("header", ["charset=UTF-8", "charset=CHARSET", "nothing"])
def test_a_catalogue_in_another_charset_than_it_names_is_told_by_its_bytes(
    header: str, tmp_path: Path, ingest: Any
) -> None:
    text = PO.replace("charset=UTF-8", header)
    texts = {}
    for charset in ("utf-8", "gbk"):
        (tmp_path / "zh.po").write_bytes(text.encode(charset))
        documents, _ = ingest("bilingual", tmp_path / "zh.po", direction="forward")
        texts[charset] = [row["text"] for row in documents]
    assert texts["gbk"] == texts["utf-8"] != []


def test_a_catalogue_in_no_charset_that_is_told_is_a_rejection_until_it_is_named(tmp_path: Path, ingest: Any) -> None:
    path, languages = tmp_path / "fr.po", {"target_language": "fr"}
    path.write_bytes(b'msgid "naive"\nmsgstr "na\xefve"\n\nmsgid "yellow"\nmsgstr "\x9elu\x9d"\n')
    documents, rejections = ingest("bilingual", path, **languages)
    assert documents == [] and [row["rule"] for row in rejections] == ["bilingual.encoding"]
    documents, rejections = ingest("bilingual", path, charset="cp1250", **languages)
    assert "žluť" in documents[0]["text"] and rejections == []


def test_an_entry_with_a_byte_that_is_none_of_its_charset_costs_itself_alone(tmp_path: Path, ingest: Any) -> None:
    said = "".join(f'msgid "The mill number {n}"\nmsgstr "第{n}座磨坊"\n\n' for n in range(40)).encode()
    (tmp_path / "zh.po").write_bytes(said.replace("第7座".encode(), b"\xff7" + "座".encode()))
    documents, rejections = ingest("bilingual", tmp_path / "zh.po")
    assert [row["rule"] for row in rejections] == ["bilingual.encoding"]
    assert (
        "第6座磨坊" in documents[0]["text"]
        and "\n7座" not in documents[0]["text"]
        and "第7座" not in documents[0]["text"]
    )


@pytest.mark.parametrize("form", ["halves", "cells", "pages", "memory"])
def test_the_charset_that_the_user_names_is_heard_in_every_form(form: str, tmp_path: Path, ingest: Any) -> None:
    """A word that is UTF-8 by chance: nothing but the user tells."""
    folder, english, chinese = tmp_path / "in", "unknown\n", "未知\n".encode("gb18030")
    settings: dict[str, Any] = {"charset": "gb18030"}
    folder.mkdir()
    if form == "halves":
        (folder / "a.en").write_text(english)
        (folder / "a.zh").write_bytes(chinese)
    elif form == "cells":
        (folder / "a.tsv").write_bytes(english.encode().strip() + b"\t" + chinese)
    elif form == "memory":
        head = b'<?xml version="1.0" encoding="gb18030"?>'
        unit = (
            b'<tu><tuv xml:lang="en"><seg>unknown</seg></tuv><tuv xml:lang="zh"><seg>%s</seg></tuv></tu>'
            % chinese.strip()
        )
        (folder / "a.tmx").write_bytes(head + b'<tmx version="1.4"><header/><body>' + unit + b"</body></tmx>")
        settings = {}
    else:
        for language, text in (("en", english.encode()), ("zh", chinese)):
            (folder / language).mkdir()
            (folder / language / "a.md").write_bytes(b"# A\n\n" + text)
    documents, rejections = ingest("bilingual", folder, **settings)
    assert "未知" in documents[0]["text"] and "unknown" in documents[0]["text"] and rejections == []


@pytest.mark.parametrize("pieces", [1 << 30, 200])
def test_a_memory_that_declares_another_charset_than_its_own_is_utf_8(pieces: int, tmp_path: Path, ingest: Any) -> None:
    units = "".join(
        f'<tu><tuv xml:lang="en"><seg>Mill {n}</seg></tuv><tuv xml:lang="zh"><seg>第{n}座磨坊</seg></tuv></tu>'
        for n in range(9)
    )
    text = f'<?xml version="1.0" encoding="iso-8859-1"?><tmx version="1.4"><header/><body>{units}</body></tmx>'
    (tmp_path / "a.tmx").write_text(text, "utf-8")
    documents, rejections = ingest("bilingual", tmp_path / "a.tmx", split_bytes=pieces)
    said = "\n".join(row["text"] for row in documents)
    assert all(f"第{n}座磨坊" in said for n in range(9)) and rejections == []


HEADER = 'msgid ""\nmsgstr ""\n"Language: fr\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
RIVER = 'msgid "River"\nmsgstr "Rivière"\n'


@pytest.mark.parametrize(
    ("entry", "said", "refused"),
    [
        ('#, fuzzy\n#~| msgid "Paths:"\n#~ msgid "Path:"\n#~ msgstr "Chemin"\n\n' + RIVER, "River\nRivière", 0),
        ('msgid "Say "go" now"\nmsgstr "Dites"\n\n' + RIVER, "River\nRivière", 1),
        ('msgid "We connect\nthe world"\nmsgstr "Nous"\n\n' + RIVER, "River\nRivière", 1),
        ('msgid "River"\nmsgstr "Rivi\\303\\250re, \\xc3\\xa9t\\xc3\\xa9"\n', "River\nRivière, été", 0),
        ('msgid "A path"\nmsgstr "C:\\\\303 \\x41"\n', "A path\nC:\\303 A", 0),
    ],
)
def test_entries_of_public_bug_reports_are_pairs_or_rejections(
    entry: str, said: str, refused: int, tmp_path: Path, ingest: Any
) -> None:
    (tmp_path / "a.fr.po").write_text(HEADER + entry)
    documents, rejections = ingest("bilingual", tmp_path / "a.fr.po", target_language="fr", direction="forward")
    assert [row["text"] for row in documents] == [said]
    assert [(row["rule"], "#" in row["locator"]) for row in rejections] == [("bilingual.syntax", True)] * refused
