"""A saved site's pages are read whatever their addresses made of their names; what is no page is told."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from winnow.formats.html.saved import is_page, may_be_page
from winnow.pipeline.drafting.survey import survey

PAGE = "<!DOCTYPE html><html><head><title>{n}</title></head><body><article><h1>River {n}</h1><p>" + "The river is high today and the bridge is closed. " * 9 + "</p></article></body></html>"  # fmt: skip
PAGES = (
    *(
        "a.php",
        "b.asp",
        "c.jsp",
        "d.cgi",
        "e.aspx",
        "f.shtml",
        "index.html?x=1",
        "deep/view.php?id=3",
        "deep/w.php@id=3",
    ),
    *("deep/about", "wiki/Python_3.11", "index.html", "G.HTM"),
)
NO_PAGES = {
    "deep/tool.php": "<?php echo '<html>'; ?>",
    "deep/old.asp": "<% Response.Write 1 %><p>x</p>",
    "list": "1\n2\n",
}
NOT_ASKED = {"logo.png": "\x89PNG\0", "style.css": "p {color: red}", "README": "<p>one", ".git/HEAD2": "<html>"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    files = {name: PAGE.format(n=number) for number, name in enumerate(PAGES)} | NO_PAGES | NOT_ASKED
    for name, text in files.items():
        target = tmp_path / "site" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-16" if name == "d.cgi" else "utf-8"))
    return tmp_path / "site"


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_pages_of_a_saved_site_are_read_by_their_bytes(form: str, site: Path, tmp_path: Path, ingest: Any) -> None:
    given = site
    if form == "zip":
        given = tmp_path / "site.zip"
        with zipfile.ZipFile(given, "w") as archive:
            for file in sorted(path for path in site.rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(site))
    if form == "tar":
        given = tmp_path / "site.tar.xz"
        with tarfile.open(given, "w:xz") as archive:
            archive.add(site, "")
    documents, rejections = ingest("web", given)
    assert {row["title"] for row in documents} == {str(number) for number in range(len(PAGES))}
    assert all("the bridge is closed." in row["text"] for row in documents)
    told = {row["locator"].rpartition("site")[2].lstrip("/!.ziptarx"): row["rule"] for row in rejections}
    assert told == dict.fromkeys(NO_PAGES, "web.no_page")
    named, rejections = ingest("web", given, include=["*.html", "*.php"])
    assert {row["title"] for row in named} == {"0", "11"}  # who names patterns is given these
    assert [row["locator"].rpartition("/")[2] for row in rejections] == ["tool.php"]


@pytest.mark.parametrize("name", [*PAGES, *NO_PAGES, *NOT_ASKED])
def test_a_lone_file_is_a_page_or_is_told_of(name: str, site: Path, ingest: Any) -> None:
    documents, rejections = ingest("web", site / name)
    expected = name in PAGES or name in ("README", ".git/HEAD2")
    assert (len(documents) + sum(row["rule"] == "web.empty" for row in rejections)) == expected, rejections
    assert expected or [row["rule"] for row in rejections] == ["web.no_page"]


def test_where_nothing_is_a_page_that_is_told(tmp_path: Path, ingest: Any) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "logo.png").write_bytes(b"\x89PNG\0")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("logo.png", b"\x89PNG\0")
    for name in ("empty", "empty.zip"):
        documents, rejections = ingest("web", tmp_path / name)
        assert (documents, [row["rule"] for row in rejections]) == ([], ["web.nothing"])


def test_a_saved_site_is_placed_as_pages_and_a_program_as_code(site: Path) -> None:
    found = {find.kind: find.files for find in survey([str(site.parent)]).finds}
    assert found["web"] >= len(PAGES) and "repositories" not in found
    for number in range(30):
        for folder, text in (("pages", PAGE.format(n=number)), ("program", "<?php\necho 1;\n")):
            (site.parent / folder).mkdir(exist_ok=True)
            (site.parent / folder / f"{number}.php").write_text(text)
    code = [find.paths for find in survey([str(site.parent)]).finds if find.kind == "repositories"]
    assert code == [(str(site.parent / "program"),)]


def test_a_page_is_told_from_the_program_that_makes_it() -> None:
    assert is_page(b'<?xml version="1.0"?><html>') and is_page("<html>".encode("utf-16-le")) and is_page(b"\n<div>a")
    assert not is_page(b"<?= $a ?><html>") and not is_page(b"%PDF-1.4 <html>\0") and not is_page(b"plain words")
    assert not may_be_page("a.css") and may_be_page("a.php?b=c.d")
