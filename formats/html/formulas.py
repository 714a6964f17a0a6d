"""Formulas in markup, put back as LaTeX before a page is parsed: `$…$` in a line, `$$…$$` on display.

Known are MathML, MathJax 2 to 4, KaTeX, MediaWiki's formulas and formula images, and plain `<sub>` and `<sup>`. The source
that the author wrote is taken wherever a page still carries it (an annotation, `math/tex` scripts, `data-latex`, `alttext`,
an image's `alt`); only formulas without any are translated from MathML. Costs one regular expression over the page and
nothing at all for pages whose markup shows no sign of formulas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from html import escape, unescape
from urllib.parse import unquote, unquote_plus

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import PADDING, kernel
from winnow.formats.formulas.mathml import latex_of
from winnow.formats.html.characters import find_byte, lower
from winnow.formats.html.superscripts import with_scripts

IMAGES = (
    b"formulainl", b"formuladsp", b"inlineformula", b"displayformula", b"numberedequati", b"class=\"math", b"class='math",
    b"math", b"latex", b"equation", b"texrender", b"filter/tex", b"formula=", b"ql-img", b"alt=\"$", b"alt='$",
    b"alt=\"\\", b"alt='\\",
)  # fmt: skip
"""Of images, in their attributes: what makes a look at them worth while."""
OF_AN_IMAGE = ("math", "tex", "formula", "equation", "codecogs", "eeimg", "ql-img", "chl=", "$", "\\")
"""One of them is in the attributes of every image that `SHOWS_FORMULA` finds something in."""
TAGS = (b"<math", b"<m:math", b"<mml:math", b"<mjx-", b"<sup", b"<sub")
WORDS = (
    b"katex",
    b"math/tex",
    b"latex",
    b'"tex"',
    b"tex=",
    b"tex.cgi",
    b"=tx&",
    b'"mathjax',
)  # all hold an x, a rare letter
RARE_WORDS = ("mwe-math", "codecogs")
LESS, LETTER_X = 0x3C, 0x78
TYPESETTERS = ("mathjax", "katex", 'class="math', "arithmatex")
# Every repetition is bounded: a page of nothing but openings costs seconds, not days.
_CONTAINER = (
    r"""<(?i:(?:(?P<mjx>mjx-container)|(?P<math>(?:m:|mml:)?math)|(?P<script>script)(?=[^>]{0,500}\bmath/(?:tex|mml))"""
)
_SPAN = r"""|(?P<span>span|div|p)(?=\s[^>]{0,200}\b%s)"""
_CLASS = r"""class=["']?[^"'>]{0,80}\b(?:katex|mwe-math-element|MathJax)"""
_IMAGE = r"""|(?P<img>img))\b(?P<attributes>[^>]{0,4000}+))>"""
SHOWS_FORMULA = re.compile(
    r"mwe-math|\blatex\b|\btex\b|codecogs|math/render|m(?:ime|ath)tex|[?&;](?:math|tex|chl|formula)=|mathimg|eeimg"
    r"""|class\s*+=\s*+["']?+[^"'>]{0,200}(?<![\w-])(?:math(?:-(?:inline|block|display))?|formula(?:Inl|Dsp)|(?:inline|display)-?formula"""
    r"""|numberedequation|texrender|ql-img[\w-]*|quicklatex[\w-]*)(?![\w-])"""
    r"""|src\s*+=\s*+["']?+[^"'>]{0,500}(?:/math/[0-9a-f]{2,}\.|/imgmath/|/filter/tex/|latex2png|/equations/)"""
    r"""|alt\s*+=\s*+(?:"\s*+(?:\$[^"$]++\$|\\[(\[]|\\begin\{)|'\s*+(?:\$[^'$]++\$|\\[(\[]|\\begin\{))""",
    re.IGNORECASE,
)
CONTAINER = re.compile(_CONTAINER + _SPAN % _CLASS + _IMAGE)
CONTAINER_WITH_DATA = re.compile(_CONTAINER + _SPAN % f"(?:{_CLASS}|data-tex=)" + _IMAGE)
WORK = 8  # markup is looked through for ends of formulas at most so often; unclosed and nested ones would cost more
LONGEST = 1 << 17  # characters of markup of one formula; a rendered page of proofs has some of 50,000
ANNOTATION = re.compile(
    r"<(?i:annotation\b[^>]{0,500}?encoding\s*=\s*[\"']?[^\"'>]*tex[^>]*)>(.*?)</(?i:annotation)", re.S
)
SOURCE = re.compile(
    r"<(?:mjx-math|(?:m:|mml:)?math)\b[^>]{0,500}?\s(?:data-latex|alttext)\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))",
    re.I,
)
MATHML = re.compile(r"<(?i:(?:m:|mml:)?math)\b")
IMAGE = re.compile(r"<(?i:img)\b([^>]{0,4000}+)>")
ATTRIBUTE = re.compile(r"(?<![\w-])([\w-]++)\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
ON_DISPLAY = re.compile(
    r"display\s*=\s*[\"']?(?:block|true)|mode=display|katex-display|MathJax_Display|image-display"
    r"|formulaDsp|displayformula|numberedequation|math-block|math-display|ql-img-displayed|alt\s*=\s*[\"'](?:\$\$|\\\[|\\begin)"
    r"|alttext=[\"']?\\displaystyle",  # the cells of LaTeXML's aligned equations
    re.I,
)
SCRIPT_AFTER = re.compile(r"(?:\s|</(?:span|div|p)>){0,9}<script\b[^>]{0,200}\bmath/(?:tex|mml)", re.I)
KATEX_TEXT = re.compile(r"katex-mathml[\"']?>([^<>]+)<")
CODECOGS = re.compile(r"codecogs\.com/[\w./]{0,60}latex\?(.+)", re.DOTALL)
SETTINGS = re.compile(r"\s*\\(?:dpi\{\d+\}|bg_\w+|fn_\w+|inline|tiny|small|large|LARGE|huge)(?![A-Za-z])")
WRITTEN_SIGNS = (("&space;", " "), ("&plus;", "+"), ("&hash;", "#"), ("&amp;", "&"))
DELIMITERS = (
    ("\\(", "\\)"),
    ("\\[", "\\]"),
    ("\\begin{displaymath}", "\\end{displaymath}"),
    ("\\begin{math}", "\\end{math}"),
)
SHOWN = re.compile(
    r"<(?:div|p)\b[^>]{0,200}class\s*=\s*[\"']?[^\"'>]{0,80}\bmath\b[^>]{0,200}>(?:\s*<p>)?\s*\Z", re.IGNORECASE
)
BEFORE = 300
SERVICES = re.compile(r"(?:latex\.php\?latex=|[?&](?:tex|math|formula)=|cht=tx&chl=|(?:mime|math)tex\.cgi\?)([^&]+)")
LISTINGS = ("<pre", "<code", "<PRE", "<CODE")
LISTING_TAG = re.compile(r"<(/?)((?i:pre|code))\b")
OPENING = re.compile(r"\\[(\[]")
LONGEST_BETWEEN = {"\\(": 2000, "\\[": 8000}
"""Characters of a formula between such signs; it holds no tag."""
WRAPPER = re.compile(r"\{? ?\\(?:displaystyle|textstyle)\b ?(.*?) ?\}?", re.S)
COMMENT = re.compile(r"(?<!\\)%[^\n]*+(\n)?")


def has_mathematics(page: str) -> bool:
    """Whether the markup shows any sign of formulas; looks at its tags and its letters x."""
    if any(word in page for word in RARE_WORDS):
        return True
    content = np.frombuffer(b"".join((page.encode("utf-8", "replace"), bytes(PADDING))), np.uint8)
    size = len(content) - PADDING
    if shows_image(content, size, *_beginnings(IMAGES)) and any(
        SHOWS_FORMULA.search(image[1]) for image in IMAGE.finditer(page) if _may_show(image[1].lower())
    ):
        return True
    if shows(content, size, LESS, *_needles(TAGS)) or shows(content, size, LETTER_X, *_needles(WORDS)):
        return True
    return ("\\(" in page or "\\[" in page) and _is_typeset(page)


def _may_show(attributes: str) -> bool:
    return any(word in attributes for word in OF_AN_IMAGE)


@cache
def _needles(words: tuple[bytes, ...]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Words as rows of bytes, and how far before the byte that is looked for each begins."""
    rows = np.zeros((len(words), 16), np.uint8)
    for row, word in enumerate(words):
        rows[row, : len(word)] = np.frombuffer(word, np.uint8)
    return rows, np.array([word.find(b"<") if b"<" in word else max(word.find(b"x"), 0) for word in words], np.int64)


@cache
def _beginnings(words: tuple[bytes, ...]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Words as rows of bytes, and for each byte whether one begins with it."""
    first = np.zeros(256, np.uint8)
    first[[word[0] for word in words]] = 1
    return _needles(words)[0], first


@kernel
def shows(data, size, byte, words, offsets):
    """Whether one of the words, all of which hold `byte`, stands in the page."""
    at = find_byte(data, 0, size, byte)
    while at < size:
        for word in range(words.shape[0]):
            start = at - offsets[word]
            length = 0
            while words[word, length] and start >= 0 and lower(data[start + length]) == words[word, length]:
                length += 1
            if words[word, length] == 0:
                return True
        at = find_byte(data, at + 1, size, byte)
    return False


@kernel
def shows_image(data, size, words, first):
    """Whether one of the words, of whose first letters `first` is the table, stands in the attributes of an image."""
    at = find_byte(data, 0, size, LESS)
    while at < size:
        if lower(data[at + 1]) == 105 and lower(data[at + 2]) == 109 and lower(data[at + 3]) == 103:
            at += 4
            last = min(size, at + 4000)
            while at < last and data[at] != 62:
                if first[lower(data[at])]:
                    for word in range(words.shape[0]):
                        length = 0
                        while words[word, length] and lower(data[at + length]) == words[word, length]:
                            length += 1
                        if words[word, length] == 0:
                            return True
                at += 1
        at = find_byte(data, at + 1, size, LESS)
    return False


def replace_formulas(page: str) -> str:
    """The page with each formula as text between dollar signs; markup that isn't a formula stays as it is."""
    pieces: list[str] = []
    scripted = "math/tex" in page
    container = CONTAINER_WITH_DATA if "data-tex=" in page else CONTAINER
    at = 0
    work = WORK * len(page) + LONGEST
    while work > 0 and (found := container.search(page, at)):
        begin, inside = found.span()
        if found["img"] and not SHOWS_FORMULA.search(found["attributes"]):
            pieces.append(page[at:inside])
            at = inside
            continue
        end, seen = (inside, 0) if found["img"] else _end(page, inside, next(filter(None, found.groups()[:4])))
        work -= seen
        markup = page[begin:end]
        formula = _source(markup, found)
        rendering = found["span"] and scripted and "MathJax" in found["attributes"]
        rendering = rendering and (not _has_source(markup) or SCRIPT_AFTER.match(page, end) is not None)
        if formula is None and not rendering:
            pieces.append(page[at:inside])
            at = inside
            continue
        pieces.append(page[at:begin])
        if formula and not rendering:
            shown = ON_DISPLAY.search(markup[:400]) or (
                found["img"] and SHOWN.search(page, max(begin - BEFORE, 0), begin)
            )
            pieces.append(_dollars(formula, bool(shown)))
        at = end
    pieces.append(page[at:])
    page = "".join(pieces)
    delimited = ("\\(" in page or "\\[" in page) and _is_typeset(page)
    if not (delimited or "<su" in page or "<SU" in page):
        return page
    if not any(opening in page for opening in LISTINGS):
        return _written(page, delimited)
    return "".join(text if listing else _written(text, delimited) for text, listing in _stretches(page))


def _stretches(page: str) -> Iterator[tuple[str, bool]]:
    """The page in pieces, and of each whether it is a listing, whose scripts and brackets mean something else."""
    at, opened = 0, ""
    for tag in LISTING_TAG.finditer(page):
        closing, name = tag[1], tag[2].lower()
        if bool(closing) == bool(opened) and opened in ("", name):
            yield page[at : tag.start()], bool(opened)
            at, opened = tag.start(), "" if closing else name
    yield page[at:], bool(opened)


def _written(page: str, delimited: bool) -> str:
    if delimited:
        page = "".join(_undelimited(page))
    return with_scripts(page)


def _undelimited(page: str) -> Iterator[str]:
    """The page in pieces, what stands between `\\(` and `\\)` or `\\[` and `\\]` as formulas. Each sign is looked for once."""
    at = 0
    next_at = dict.fromkeys(("\\)", "\\]", "<", ">"), -1)

    def following(sign: str, start: int) -> int:
        if next_at[sign] < start:
            found = page.find(sign, start)
            next_at[sign] = len(page) if found < 0 else found
        return next_at[sign]

    for opening in OPENING.finditer(page):
        start = opening.end()
        if opening.start() < at:
            continue
        stop = following("\\)" if opening[0] == "\\(" else "\\]", start + 1)
        if stop - start > LONGEST_BETWEEN[opening[0]] or min(following("<", start), following(">", start)) < stop:
            continue
        if stop < len(page):
            yield page[at : opening.start()]
            yield _dollars(unescape(page[start:stop]), opening[0] == "\\[")
            at = stop + 2
    yield page[at:]


def _is_typeset(page: str) -> bool:
    lowered = page.lower()
    return any(name in lowered for name in TYPESETTERS)


def _end(page: str, at: int, name: str) -> tuple[int, int]:
    """Where the element `name`, open at `at`, ends, elements of its own name inside it counted, and how far was looked."""
    depth = 1
    for tag in _tag(name).finditer(page, at, at + LONGEST):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return tag.end(), tag.end() - at
    return at, LONGEST


@lru_cache(maxsize=256)
def _tag(name: str) -> re.Pattern[str]:
    return re.compile(rf"<(/?)(?i:{re.escape(name)})\b[^>]{{0,4000}}+>")


def _has_source(markup: str) -> bool:
    return "data-mathml" in markup or "<math" in markup


def _source(markup: str, found: re.Match[str]) -> str | None:
    """The LaTeX of one formula; None where the markup holds no formula after all."""
    if found["script"]:
        inner = markup[markup.index(">") + 1 : markup.rindex("<")]
        return _clean(
            latex_of(inner) if "math/mml" in found["attributes"] else unescape(inner.removeprefix("% <![CDATA["))
        )
    attributes = {key.lower(): unescape(a or b or c) for key, a, b, c in ATTRIBUTE.findall(found["attributes"])}
    if told := attributes.get("data-tex") or (found["mjx"] and attributes.get("data-latex")):
        return _clean(told)
    if annotation := ANNOTATION.search(markup):
        return _clean(unescape(annotation[1]))
    if source := SOURCE.search(markup):
        return _clean(unescape(source[1] or source[2] or source[3]))
    if mathml := MATHML.search(markup):
        return _clean(latex_of(markup[mathml.start() :]))
    if "<math" in attributes.get("data-mathml", ""):
        return _clean(latex_of(attributes["data-mathml"]))
    if texts := KATEX_TEXT.search(markup):  # a copy without its tags: the rendering's text, then the source
        return _clean(unescape(texts[1].split("\n\n")[-1] if "\n\n" in texts[1] else texts[1].strip().split("\n")[-1]))
    if image := IMAGE.search(markup):
        return _image_source(image[1])
    return None


def _image_source(attributes: str) -> str | None:
    """The formula that an image shows: its `alt` text, or the query of a service that draws it."""
    values = {key.lower(): unescape(a or b or c) for key, a, b, c in ATTRIBUTE.findall(attributes)}
    alternative = values.get("alt") or values.get("title") or ""
    if drawn := CODECOGS.search(values.get("src", "")):
        alternative = drawn[1]
        for written, sign in WRITTEN_SIGNS:
            alternative = alternative.replace(written, sign)
        alternative = unquote(alternative)
        while setting := SETTINGS.match(alternative):
            alternative = alternative[setting.end() :]
    elif service := SERVICES.search(values.get("src", "")):
        alternative = unquote_plus(service[1])
    return _clean(alternative) or None


def _clean(latex: str) -> str:
    """Without what renderers wrap around it: `{\\displaystyle …}`, comments, line breaks, dollars."""
    latex = " ".join(COMMENT.sub(lambda said: said[1] or said[0], latex).replace("%]]>", " ").split()).strip("$ ")
    for opening, closing in DELIMITERS:
        if latex.startswith(opening) and latex.endswith(closing) and latex.find(opening, 1) < 0:
            latex = latex[len(opening) : -len(closing)].strip()
    wrapped = WRAPPER.fullmatch(latex)
    if wrapped and wrapped[1].count("{") == wrapped[1].count("}"):
        return wrapped[1]
    return latex


def _dollars(latex: str, display: bool) -> str:
    text = escape(" ".join(latex.split()), quote=False)
    return f"<p>$${text}$$</p>" if display else f"${text}$"
