"""Works are whole, in reading order, and without what isn't the work."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.markup.boilerplate import reflow, strip_gutenberg, unpaginate
from winnow.formats.markup.reading_order import books
from winnow.formats.markup.xhtml import to_markdown

BODY = "The mill stood by the river, and the river turned the wheel all day and night. " * 30
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="epub/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def epub(chapters: list[str], spine: list[int], title: str = "The Mill") -> bytes:
    items = "".join(
        f'<item id="c{n}" href="text/chapter%20{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    order = "".join(f'<itemref idref="c{n}"/>' for n in spine)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title><dc:language>en-GB</dc:language><dc:date>1900</dc:date></metadata>"
        f'<manifest>{items}<item id="t" href="toc.xhtml" media-type="application/xhtml+xml"/></manifest>'
        f'<spine><itemref idref="t"/>{order}</spine></package>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("epub/content.opf", package)
        archive.writestr("epub/toc.xhtml", "<html><body><p>Contents</p></body></html>")
        for number, chapter in enumerate(chapters):
            archive.writestr(f"epub/text/chapter {number}.xhtml", chapter)
    return buffer.getvalue()


XHTML = """<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>no</title></head><body><section>
<h2>Chapter {number}</h2><p>Ünder <em>way</em>,
{body}</p><pre>a
  b</pre></section></body></html>"""


def chapter(number: int) -> str:
    return XHTML.format(number=number, body=BODY)


def test_epub_is_read_in_the_order_of_its_spine(tmp_path: Path, ingest: Any) -> None:
    path = tmp_path / "mill.epub"
    path.write_bytes(epub([chapter(0), chapter(1), chapter(2)], [2, 0, 1]))
    [document], rejections = ingest("longform", path)
    assert rejections == []
    assert (document["title"], document["language"], document["date"]) == ("The Mill", "en", "1900")
    places = [document["text"].index(f"## Chapter {number}") for number in (2, 0, 1)]
    assert places == sorted(places)
    assert "Ünder *way*, The mill" in document["text"]
    assert "```\na\n  b\n```" in document["text"]
    assert "Contents" not in document["text"]


def test_epub_without_a_spine_is_a_rejection(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "a.epub").write_bytes(epub([], []))
    (tmp_path / "b.epub").write_bytes(b"not a book")
    documents, rejections = ingest("longform", tmp_path)
    assert documents == []
    assert [row["rule"] for row in rejections] == ["longform.epub", "longform.epub"]


def test_gutenberg_frames_of_every_age_are_removed(gold: Any) -> None:
    for book in gold("long/en_books_gutenberg_editions"):
        for edition in book["editions"]:
            if edition["path"].endswith(".txt"):
                text, _ = strip_gutenberg(edition["text"].replace("\r\n", "\n"))
                assert 0.94 < len(text) / len(edition["text"].replace("\r\n", "\n")) < 0.995
                for phrase in ("Small Print", "SMALL PRINT", "Gutenberg Literary Archive", "donations", "START OF TH"):
                    assert phrase not in text


def test_plain_editions_of_a_book_agree_once_their_frame_is_gone(tmp_path: Path, ingest: Any, gold: Any) -> None:
    [book] = [row for row in gold("long/en_books_gutenberg_editions") if "Pride" in row["id"]]
    for edition in book["editions"]:
        if edition["path"] in ("1342-0.txt", "1342.txt"):
            (tmp_path / edition["path"]).write_text(edition["text"], encoding="utf-8", newline="")
    (first, second), _ = ingest("longform", tmp_path)
    assert first["title"] == second["title"] == "Pride and Prejudice"
    assert first["text"].split()[:40] == second["text"].split()[:40]
    assert first["text"].split()[-20:] == second["text"].split()[-20:]


def test_text_that_is_not_from_gutenberg_stays() -> None:
    assert strip_gutenberg(BODY) == (BODY, {})


def test_page_numbers_and_running_headers_go_and_the_sentence_goes_on() -> None:
    words = [chr(ord("a") + n) * 4 for n in range(12)]
    pages = [f"line one of {n}\nline two of {n}\nand it goes\non to the next\n{n} without a stop" for n in words]
    text = "".join(f"THE MILL {n}\n\n{page}\n\n{n}\n\n" for n, page in enumerate(pages, 1))
    assert unpaginate(text).split() == " ".join(pages).split()
    assert (
        unpaginate("\f".join(f"THE MILL\n{page}\n- {n} -" for n, page in enumerate(pages))).split()
        == " ".join(pages).split()
    )


def test_running_titles_that_change_go_by_the_number_of_their_page() -> None:
    titles = ("Stone", "Stone", "Water", "Water", "Wheel", "Grain")
    bodies = [f"Of {chr(ord('a') + number) * 4} there were 40 years.\n3 more followed" for number in range(12)]
    pages = [
        f"{body}\n" + (f"{number} {title}s of the mill" if number % 2 else f"2.{number} {title} {number}")
        for number, (title, body) in enumerate(zip(titles * 2, bodies, strict=True), 7)
    ]
    assert unpaginate("\f".join(pages)).split() == " ".join(bodies).split()


def test_numbers_that_are_no_pages_stay() -> None:
    table = "\n".join(f"{value}\nsome words here" for value in (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5))
    assert unpaginate(table) == table
    counted = "\n".join(str(value) for value in range(1, 40))
    assert unpaginate(counted) == counted


def test_wrapped_paragraphs_are_joined_and_verse_is_not() -> None:
    prose = "It was a bright cold day in April and the clocks were striking\nthirteen and the mill was still."
    verse = "Short lines of\nverse stay\nwhere they are"
    chinese = "磨坊立在河边" * 10 + "\n" + "水轮日夜转动"
    joined = reflow(f"{prose}\n\n{verse}\n\n{chinese}").split("\n\n")
    assert joined == [prose.replace("\n", " "), verse, chinese.replace("\n", "")]


CONTENTS = ".. toctree::\n   :maxdepth: 2\n\n   start\n   Guide <guide/index>\n   /last\n"
SPHINX = {
    "docs/index.rst": f"Manual\n======\n\nHello.\n\n{CONTENTS}",
    "docs/start.rst": f"Start\n=====\n\n{BODY}\n",
    "docs/guide/index.rst": "Guide\n=====\n\n.. toctree::\n   :glob:\n\n   part*\n",
    "docs/guide/part2.rst": f"Part two\n========\n\n{BODY}\n",
    "docs/guide/part1.rst": f"Part one\n========\n\n{BODY}\n",
    "docs/last.rst": "Last\n====\n\nThe end.\n",
    "docs/orphan.rst": f"Orphan\n======\n\n{BODY}\n",
    "requirements.txt": "a==1\n" * 1000,
    "README.md": f"# Mill\n\n{BODY}\n",
    "pkg/data.txt": "word\n" * 1000,
}


def test_manual_is_one_work_in_the_order_of_its_contents(sdist: Any, ingest: Any) -> None:
    documents, _ = ingest("longform", sdist(SPHINX))
    manual = documents[0]
    titles = [line.strip("# ") for line in manual["text"].splitlines() if line.startswith("#")]
    assert titles == ["Manual", "Start", "Guide", "Part one", "Part two", "Last"]
    assert (manual["title"], manual["license"], manual["date"]) == ("Manual", "MIT", "2023-11-14")
    assert manual["locator"].endswith("mill-1.2.tar.gz!mill-1.2/docs/index.rst")
    assert json.loads(manual["metadata"]) == {"pages": 6}
    assert sorted(row["title"] for row in documents[1:]) == ["Mill", "Orphan"]


def test_every_file_that_is_asked_for_is_a_work_or_a_rejection(sdist: Any, tmp_path: Path, ingest: Any) -> None:
    documents, rejections = ingest("longform", sdist({**SPHINX, "docs/index.html": "<p>x</p>", "logo.png": "PNG"}))
    asked = {f"mill-1.2/{name}" for name in SPHINX if name.endswith((".rst", ".txt", ".md"))} | {
        "mill-1.2/docs/index.html"
    }
    told = [row["locator"].rpartition("!")[2] for row in [*documents, *rejections]]
    assert (len(told), set(told)) == (len(asked), asked)
    rules = [row["rule"] for row in rejections]
    assert rules.count("longform.joined") == 5
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "MILL.TXT").write_text(BODY)
    (folder / "note.rst").write_text("Short.")
    (folder / "chapter-1.texi").write_text("@chapter A")
    documents, rejections = ingest("longform", folder, include=["*.txt", "n*e.rst", "chapter-?.texi"])
    assert [row["locator"].rpartition("!")[2] for row in documents] == ["MILL.TXT"]
    assert sorted((row["rule"], row["value"]) for row in rejections) == [
        ("longform.format", "texi"),
        ("longform.short", "7"),
    ]
    (folder / "picture.png").write_bytes(b"PNG")
    documents, [rejection] = ingest("longform", folder / "picture.png")
    assert (documents, rejection["rule"]) == ([], "longform.nothing")


def test_contents_of_mkdocs_and_mdbook_are_followed() -> None:
    pages = {"docs/a.md": "# A", "docs/b.md": "# B", "docs/sub/c.md": "# C"}
    nav = "site_name: x\nnav:\n  - Home: b.md\n  - Sub:\n    - sub/c.md\n  - a.md\nextra: !!python/name:x.y\n"
    assert books({"mkdocs.yml": nav, **pages}) == [["docs/b.md", "docs/sub/c.md", "docs/a.md"]]
    summary = "- [A](a.md)\n  - [C](sub/c.md)\n- [B](b.md)\n"
    assert books({"docs/SUMMARY.md": summary, **pages}) == [
        ["docs/SUMMARY.md", "docs/a.md", "docs/sub/c.md", "docs/b.md"]
    ]


def test_contents_that_name_each_other_end() -> None:
    files = {"a.rst": ".. toctree::\n\n   b\n   a\n", "b.rst": ".. toctree::\n\n   a\n"}
    assert books(files) == [["a.rst", "b.rst"]]


def test_gold_chapters_keep_their_words(gold: Any) -> None:
    for book in gold("long/en_books_standardebooks"):
        for part in book["chapters"][:20]:
            markdown = to_markdown(part["xhtml"].encode())
            from lxml import html

            root = html.document_fromstring(part["xhtml"].encode(), parser=html.HTMLParser(encoding="utf-8"))
            words = "".join(root.find("body").itertext()).replace("\u2060", "").split()
            kept = markdown.replace("*", "").replace("#", "").replace("> ", "").split()
            assert len(kept) > 0.97 * len([word for word in words if any(sign.isalnum() for sign in word)])


def test_pdf_is_read_page_by_page(tmp_path: Path, ingest: Any) -> None:
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("pypdfium2")
    writer = pypdf.PdfWriter()
    for number in range(6):
        page = writer.add_blank_page(400, 400)
        lines = "".join(f"({word}) Tj T* " for word in (f"Stone {number} turns slowly" for _ in range(9)))
        apart = "[(Water)-333(runs)-333(below)] TJ T*"  # no space is written, only room for one
        content = f"BT /F1 12 Tf 14 TL 20 380 Td (THE MILL) Tj T* {lines} {apart} ({number + 1}) Tj ET".encode()
        stream = pypdf.generic.DecodedStreamObject()
        stream.set_data(content)
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        name = pypdf.generic.NameObject
        dictionary = pypdf.generic.DictionaryObject({name(key): name(value) for key, value in font.items()})
        fonts = pypdf.generic.DictionaryObject({name("/F1"): dictionary})
        page[name("/Resources")] = pypdf.generic.DictionaryObject({name("/Font"): fonts})
        page[name("/Contents")] = writer._add_object(stream)  # a stream stands by reference
    path = tmp_path / "mill.pdf"
    writer.add_metadata({"/Title": "Stones"})
    writer.write(path)
    (tmp_path / "broken.pdf").write_bytes(path.read_bytes()[:300])
    documents, rejections = ingest("longform", tmp_path, least_characters=100)
    assert [row["title"] for row in documents] == ["Stones"]
    text = documents[0]["text"]
    assert "THE MILL" not in text
    assert [text.count(f"Stone {number} turns slowly") for number in range(6)] == [9] * 6
    assert text.count("Water runs below") == 6
    assert [row["rule"] for row in rejections] == ["longform.pdf"]


@settings(max_examples=100)
@given(st.text(alphabet='<>/pdivh1liuolpretablrd &;"=x\n', max_size=200))
def test_any_markup_is_read(markup: str) -> None:
    assert isinstance(to_markdown(markup.encode()), str)


def test_deep_and_repeated_markup_is_read() -> None:
    assert isinstance(to_markdown(b"<div>" * 20_000 + b"x"), str)
    assert isinstance(to_markdown(b"<ul><li>" * 5_000), str)
    assert isinstance(to_markdown(b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><p>&b;</p>"), str)


@settings(max_examples=100)
@given(st.text(alphabet="0123456789\n\fa -", max_size=300))
def test_any_lines_are_unpaginated_and_joined(text: str) -> None:
    reflow(unpaginate(text))


@pytest.mark.parametrize(
    ("charset", "line"),
    [
        ("gbk", "磨坊用水磨面粉，面包师进城买面粉，河水很低。"),
        ("big5", "磨坊用水磨麵粉，麵包師進城買麵粉，河水很低。"),
        ("cp1251", "Мельница мелет муку водой, и пекарь едет в город за мукой."),
        ("cp1252", "Le moulin moud la farine ; l’été, la rivière est basse et le boulanger va à la ville."),
        ("utf-16", "Мельница мелет муку водой."),
    ],
)
@pytest.mark.parametrize("suffix", ["txt", "md"])
def test_books_are_read_in_the_charset_that_their_bytes_tell(
    suffix: str, charset: str, line: str, tmp_path: Path, ingest: Any
) -> None:
    book = f"# {line}\n\n" + "\n\n".join([line] * 90)
    (tmp_path / f"book.{suffix}").write_bytes(book.encode(charset))
    documents, rejections = ingest("longform", tmp_path / f"book.{suffix}")
    assert not rejections
    assert documents[0]["text"].count(line) == 91


@pytest.mark.parametrize(
    ("markup", "said"),
    [
        ("<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>", r"$\frac{1}{2}$"),
        (
            "<math><semantics><mrow><mi>a</mi><mo>/</mo><mi>b</mi></mrow>"
            r"<annotation encoding='application/x-tex'>\frac{a}{b}</annotation></semantics></math>",
            r"$\frac{a}{b}$",
        ),
        ("10<sup>6</sup> and m<sup>2</sup>", "$10^{6}$ and $m^{2}$"),
        ("<script type='math/tex'>e^{x}</script>", "$e^{x}$"),
        ('<img class="math" src="math/0d.png" alt="x_1"/>', "$x_1$"),
        ('<span hidden="">no</span><span style="display: none">no</span>yes', "yes"),
    ],
)
def test_formulas_of_books_are_those_of_pages(markup: str, said: str) -> None:
    page = f"<html xmlns='http://www.w3.org/1999/xhtml'><body><p>Before {markup} after.</p></body></html>"
    assert to_markdown(page.encode()).strip() == f"Before {said} after."


def test_a_document_type_with_entities_leaves_nothing_in_the_text() -> None:
    page = '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY nbsp "&#160;">]><html><body><p>Text.</p></body></html>'
    assert to_markdown(page.encode()) == "Text.\n"


def test_names_are_taken_in_any_case(tmp_path: Path, ingest: Any) -> None:
    for number, name in enumerate(["a.Txt", "b.TXT", "c.txt", "d.rMD", "e.Htm"]):
        text = f"The mill number {number} stood still for weeks. " * 60
        (tmp_path / name).write_text(f"<p>{text}</p>" if name.endswith("Htm") else text)
    documents, rejections = ingest("longform", tmp_path)
    assert len(documents) == 5 and rejections == []


def test_a_chapter_that_the_spine_names_and_the_book_lacks_is_a_rejection(tmp_path: Path, ingest: Any) -> None:
    whole = zipfile.ZipFile(io.BytesIO(epub([chapter(0), chapter(1)], [0, 1])))
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as lacking:
        for name in whole.namelist():
            if not name.endswith("chapter 1.xhtml"):
                lacking.writestr(name, whole.read(name))
    documents, rejections = ingest("longform", tmp_path / "a.epub")
    assert len(documents) == 1 and "## Chapter 0" in documents[0]["text"]
    assert [(row["rule"], row["locator"].endswith("!epub/text/chapter 1.xhtml")) for row in rejections] == [
        ("longform.missing", True)
    ]
