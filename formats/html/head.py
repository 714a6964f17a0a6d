"""What a page says about itself: title, language, licence and date, found in its markup without parsing it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

HEAD_CHARACTERS = 1 << 15  # where a page has no </head>
BODY_CHARACTERS = 1 << 17  # that are searched for a date
TAG = re.compile(r"<(meta|html|link)\b([^>]{0,3000}+)>", re.IGNORECASE)
HEAD_END = re.compile(r"</head|<body", re.IGNORECASE)
LICENSE_LINK = re.compile(
    r"<a\b(?=[^>]{0,2100}+>)([^>]{0,1000}\brel=[\"']?[^\"'>]{0,40}license[^>]{0,1000}+)>", re.IGNORECASE
)
TIME = re.compile(r"<time\b[^>]{0,500}?datetime=[\"']?([^\"'>]{8,40})", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""(?<![\w:.-])([\w:.-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
TITLE = re.compile(r"<title\b[^>]{0,200}>(.{0,2000}?)</title", re.IGNORECASE | re.DOTALL)
SCRIPT_DATE = re.compile(r"\"datePublished\"\s*:\s*\"([^\"]{8,40})\"")
ONE_WORK = re.compile(
    r"\"@type\"\s{0,20}:\s{0,20}(?:\[\s{0,20})?\"(?:Product|(?:News|Scholarly|Tech)?Article|BlogPosting)\""
)
ITEM = re.compile(r"itemtype=[\"']?https?://schema\.org/(?:(?:News|Scholarly|Tech)?Article|BlogPosting)[\"'\s>]")
"""What `ONE_WORK` is in microdata; a list has one for each of its cards."""
DAY = re.compile(r"(?<!\d)(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?!\d)")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")

TITLES = ("og:title", "twitter:title", "dc.title", "citation_title")
DATES = (
    "article:published_time",
    "datepublished",
    "citation_publication_date",
    "dc.date.issued",
    "dc.date",
    "dcterms.created",
    "dcterms.date",
    "parsely-pub-date",
    "pubdate",
    "publishdate",
    "publish-date",
    "og:pubdate",
    "sailthru.date",
    "date",
)
LICENSES = ("dc.rights", "dcterms.license", "dcterms.rights", "license")
CREATIVE_COMMONS = re.compile(
    r"creativecommons\.org/(?:licenses/([a-z-]+)|publicdomain/(zero|mark))/?(\d\.\d)?(?:/([a-z]{2})(?=/|\b))?",
    re.IGNORECASE,
)
OTHER_LICENSES = (
    (re.compile(r"gnu\.org/(?:copyleft|licenses)/(?:old-licenses/)?fdl", re.IGNORECASE), "GFDL-1.3-or-later"),
    (re.compile(r"apache\.org/licenses/LICENSE-2\.0", re.IGNORECASE), "Apache-2.0"),
    (re.compile(r"opensource\.org/licen[sc]es?/(?:mit|MIT)"), "MIT"),
)
MEETS_NO_PORT = "4.0"  # Creative Commons licences are no longer ported to jurisdictions from this version on


@dataclass(frozen=True, slots=True)
class Head:
    """Fields are None where the page doesn't say; `date` is ISO 8601, `license` SPDX, `language` ISO 639-1 or 639-3.

    `one_work` is whether it calls itself the page of one product or article (Open Graph, schema.org).
    """

    title: str | None = None
    date: str | None = None
    license: str | None = None
    language: str | None = None
    one_work: bool = False


def read_head(page: str) -> Head:
    """Reads the tags of the head, and from the body the first `<time>` and the links that say they name a licence."""
    end = HEAD_END.search(page, 0, HEAD_CHARACTERS << 3)
    sample = page[: end.end() if end else HEAD_CHARACTERS]
    said: dict[str, str] = {}
    license = language = None
    for tag in TAG.finditer(sample):
        attributes = _attributes(tag.group(2))
        name = tag.group(1).lower()
        if name == "html":
            language = language or attributes.get("lang") or attributes.get("xml:lang")
        elif name == "meta":
            key = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
            key = key or attributes.get("http-equiv") or ""
            said.setdefault(key.lower(), attributes.get("content", ""))
        elif "license" in attributes.get("rel", "").lower().split():
            license = license or spdx(attributes.get("href", ""))
    for key in LICENSES:
        license = license or spdx(said.get(key, ""))
    if not license and "creativecommons.org/" in page:
        links = (_attributes(found.group(1)).get("href", "") for found in LICENSE_LINK.finditer(page))
        license = next(filter(None, map(spdx, links)), None)
    date = next(filter(None, (iso_day(said.get(key, "")) for key in DATES)), None)
    for pattern in (SCRIPT_DATE, TIME):
        if not date and (found := pattern.search(page, 0, BODY_CHARACTERS)):
            date = iso_day(found.group(1))
    title = TITLE.search(sample)
    titles = (html.unescape(title.group(1)) if title else "", *(said.get(key, "") for key in TITLES))
    return Head(
        title=next(filter(None, (" ".join(found.split()) for found in titles)), None),
        date=date,
        license=license,
        language=_language(language or said.get("content-language") or said.get("og:locale") or ""),
        one_work=_of_one_work(page, said.get("og:type", "").strip().lower(), "article:published_time" in said),
    )


def _of_one_work(page: str, kind: str, published: bool) -> bool:
    """Whether `kind`, its `og:type`, or its structured data say so.

    Any page of many blogs is an article by its `og:type`; a list or a shop seldom says when it was published.
    """
    if kind == "article" and published:
        return True
    if kind.startswith("product"):
        return not kind.startswith("product.group")
    if '"ItemList"' in page:
        return False
    return ONE_WORK.search(page) is not None or len(ITEM.findall(page)) == 1


def _attributes(tag: str) -> dict[str, str]:
    return {key.lower(): html.unescape(a or b or c) for key, a, b, c in ATTRIBUTE.findall(tag)}


def iso_day(date: str) -> str | None:
    """The day in `2024-05-01T10:00Z`, `2024/5/1` or `2024年5月1日`, as `2024-05-01`; None for anything else."""
    found = DAY.search(date)
    if not found:
        return None
    year, month, day = map(int, found.groups())
    return f"{year:04}-{month:02}-{day:02}" if year >= 1900 and 1 <= month <= 12 and 1 <= day <= 31 else None


def spdx(address: str) -> str | None:
    """The SPDX identifier of the licence that a link points to; None where it is none we know."""
    if found := CREATIVE_COMMONS.search(address):
        terms, dedication, version, port = found.groups()
        if dedication:
            return "CC0-1.0" if dedication.lower() == "zero" else "CC-PDDC"
        version = version or MEETS_NO_PORT
        suffix = f"-{port.upper()}" if port and version < MEETS_NO_PORT else ""
        return f"CC-{terms.upper()}-{version}{suffix}"
    return next((name for pattern, name in OTHER_LICENSES if pattern.search(address)), None)


def _language(tag: str) -> str | None:
    found = LANGUAGE.match(tag.strip())
    return re.split("[-_]", found.group())[0].lower() if found else None
