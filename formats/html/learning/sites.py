"""Documentation and blogs whose pages teach the block classifier what belongs to a page, each read from a git repository.

A site is built by one generator, so one CSS selector finds the content of all its pages, and one more what inside it is
none. The revisions are pinned: the same clones give the same pages. None is a gold set of the benchmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

_MATERIAL = ".md-source-file, .md-feedback, .md-content__button, .md-tags, #__comments, .giscus, form"


@dataclass(frozen=True)
class Site:
    """Pages of a repository: those of `pages` (a regular expression over paths) that `but` doesn't match, at most `most`."""

    repository: str  # owner/name
    commit: str
    pages: str
    keep: str  # CSS: the elements that hold the content
    drop: str = ""  # CSS: what inside them is none
    but: str = r"print\.html|404\.html|toc\.html"
    most: int = 24


SITES = (
    # mdBook
    Site("rust-embedded/book", "545a65ed315045f5f04e74df4ef0230302b7c764", r"\.html$", "main", most=16),
    Site("rustwasm/book", "30bace32d45a9f61f8a38128fd16a16f30139ac6", r"\.html$", "main", most=16),
    Site("gopl-zh/gopl-zh.github.com", "0f79bfedd706ca3e920678930fdd7dc705e74e01", r"\.html$", "main"),
    Site(
        "chai2010/advanced-go-programming-book", "b4c97d4578501eb0f8f6c4d886fdc5bdbda4c940", r"\.html$", "main", most=16
    ),
    Site("sunface/rust-course", "79cf28e2fc078853c440b5f5fbcbe8a024f5deb6", r"\.html$", "main"),
    # Material for MkDocs
    Site(
        "ctf-wiki/ctf-wiki",
        "d048090b9a7e9169f0933036720ef7d3b6294b49",
        r"^(?!zh-tw/).*/index\.html$",
        "article.md-content__inner",
        _MATERIAL,
    ),
    Site(
        "krahets/hello-algo",
        "d7050be047e77ae06b40d23ed9b6558fc3831f1d",
        r"^(en/)?chapter.*/index\.html$",
        "article.md-content__inner",
        _MATERIAL,
    ),
    # Sphinx and docutils
    Site(
        "lmfit/lmfit-py",
        "2c19880019db28fddcfd7dc2180d9ce611721a61",
        r"\.html$",
        "div.body",
        ".sphx-glr-footer, .sphx-glr-signature",
        r"genindex|search|modindex|_modules",
    ),
    Site(
        "ipython/ipython-doc",
        "cde4381b67df167a6ce585c654e13dd1943e62f2",
        r"\.html$",
        "div.body",
        "",
        r"genindex|search|modindex|_modules",
    ),
    Site(
        "matplotlib/basemap",
        "25e4311574dd89dfec2df4e3615e94421ef7a450",
        r"\.html$",
        "div.body, [role=main]",
        "",
        r"genindex|search|modindex|_modules",
        16,
    ),
    Site(
        "nltk/nltk.github.com",
        "fff68305efcfe192edcbe3e68e4f630354643252",
        r"^book/ch\d+\.html$",
        "div.document",
        "",
        r"-",
        14,
    ),
    # GitBook, Hugo, Hexo, Docpad and by hand
    Site("reduxjs/redux", "199ac758029874077540266f223581ac9559a918", r"^docs/.*\.html$", "section.markdown-section"),
    Site(
        "apache/flink-web",
        "aa5b0b18dc0ae74cd3f97bca518fc46124e1927a",
        r"^content/(zh|20[12]).*\.html$",
        "article.markdown",
        ".edit-this-page, .panels",
        r"page/|zh/20",
        32,
    ),
    Site(
        "Draveness/Draveness.github.io",
        "88f4eb5fbbfbc82b7e36d1c3cd5d35e2a16a070c",
        r"^201.*\.html$",
        "#main h1, #main .article-content",
        ".toc-article, .article-catetags, .article-share, .share",
    ),
    Site("sympy/sympy.github.com", "1282b9bb4dfd461c699648dc1c73e7ba00c5e0ad", r"\.html$", "article#content", most=12),
    Site(
        "google/styleguide",
        "8487c083e1faecb1259be8a8873618cfdb69d33d",
        r"\.html$",
        "#content, body:not(:has(#content))",
        "#tocDiv",
        r"include|lisp",
        8,
    ),
)
