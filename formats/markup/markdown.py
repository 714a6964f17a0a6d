"""The structure of a Markdown page: its sections in order, and the prose and code blocks of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

HEADING = re.compile(r"^(#{1,6})[ \t](.+)$")
SETEXT = re.compile(r"^(=+|-{2,})[ \t]*$")
FENCE = re.compile(r"^( {0,3}+)(`{3,}+|~{3,}+) *+([^\s`{]*+)[^`]*+$")
FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
ATTRIBUTES = re.compile(r"(?:(?<!\s)\s++)?+\{\s*+#[^{}]*+\}\s*+$")
IMAGE = re.compile(r"!\[[^\[\]]*\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)")


LAYOUT = re.compile(
    r"^[ \t]*</?(?:div|p|center|a|img|br|details|summary|style|font|span)\b[^<>]*>[ \t]*$", re.MULTILINE
)
ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)]|#\.|\[[\w#*.-]+\])\s+")
STARTS = re.compile(r"^\s*(?:[#>|]|\$\$|:\w[\w ]*:|\.\. |[=+~^-]{2,}|\*\*[^*]+:\*\*)")
HAN_EDGE = re.compile(r"[\u3000-\u9fff\uff00-\uffef].?$")
INLINE_TAG = re.compile(r"</?(?:a|abbr|span|font|small|img|dfn|u|br|picture|source)(?:\s[^<>]*)?/?>", re.IGNORECASE)
COLOUR = re.compile(r"</?(?:span|font|u)(?:\s+style=[^<>]*)?>")  # terminal colours inside listings
MARKED = re.compile(r"\{[.:][^{}\n]*\}")  # attribute lists: {.internal-link target=_blank}
INCLUDED = re.compile(
    r"^[^\S\n]*+(?:\{!.*!\}|--8<--.*)[^\S\n]*+$", re.MULTILINE
)  # code that mkdocs would fetch from another file
ADMONITION = re.compile(r"^!!! *(\w+)(?: +\"([^\"\n]*)\")?[ \t]*\n((?:(?: {4}|\t)[^\n]*\n|[ \t]*\n)*)", re.MULTILINE)


CHUNK = re.compile(
    r"^([ \t]*`{3,})\{[.=]?([\w+#-]++)[^\n]*\}[ \t]*\n((?:[ \t]*(?:#|//|--|%%)\| [^\n]*\n)*)", re.MULTILINE
)
"""The head of a chunk of code as knitr and Quarto have it, with its settings below."""


@dataclass(frozen=True)
class Block:
    """A run of prose (`language` None) or one code block with the language it declares (perhaps empty).

    `output` is what running the code printed, where the page is a notebook that says so.
    """

    text: str
    language: str | None = None
    output: str | None = None


@dataclass
class Section:
    """A heading and what stands under it, up to the next one of any level; the text before the first has level 0."""

    level: int
    title: str
    blocks: list[Block] = field(default_factory=list)

    def body(self) -> str:
        return "\n\n".join(render(block) for block in self.blocks)


def render(block: Block) -> str:
    if block.language is None:
        return block.text
    fence = "````" if "```" in block.text else "```"
    code = f"{fence}{block.language}\n{block.text}\n{fence}"
    return f"{code}\n\n{render(Block(block.output, 'text'))}" if block.output else code


def render_section(section: Section) -> str:
    heading = f"{'#' * section.level} {section.title}\n\n" if section.title else ""
    return heading + section.body()


def sections(text: str) -> list[Section]:
    """The page cut at its headings; code fences are respected, blocks without content left out."""
    found = [Section(0, "")]
    prose: list[str] = []

    def end_prose() -> None:
        if block := "\n".join(prose).strip("\n").rstrip():
            found[-1].blocks.append(Block(block))
        prose.clear()

    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        if (fence := FENCE.match(line)) is not None:
            end_prose()
            code = "\n".join(_fenced(lines, fence[2], len(fence[1])))
            if code.strip():
                found[-1].blocks.append(Block(code, fence[3].strip(".").lower()))
        elif (heading := HEADING.match(line)) is not None:
            end_prose()
            found.append(Section(len(heading[1]), ATTRIBUTES.sub("", _title(heading[2]))))
        elif SETEXT.match(line) and prose and prose[-1].strip() and (len(prose) < 2 or not prose[-2].strip()):
            title = prose.pop().strip()
            end_prose()
            found.append(Section(1 if line[0] == "=" else 2, title))
        else:
            prose.append(line)
    end_prose()
    return found if found[0].blocks else found[1:]


def _title(said: str) -> str:
    """A heading without the blanks around it and the number signs that close it; one sign at least stays."""
    said = said.lstrip(" \t") or said[-1:]
    return said.rstrip("#").rstrip(" \t") or said[:1]


def clean(text: str) -> str:
    """The page without front matter, comments, images and layout tags, links as their text; code stays as it is."""
    text = FRONT_MATTER.sub("", text.replace("\r\n", "\n").removeprefix("\ufeff"), count=1)
    kept: list[str] = []
    prose: list[str] = []
    lines = iter(text.split("\n"))
    for line in lines:
        fence = FENCE.match(line)
        if fence is None:
            prose.append(line)
            continue
        kept.append(_clean_prose("\n".join(prose)))
        prose = []
        code = COLOUR.sub("", "\n".join(_fenced(lines, fence[2], 0)))
        if not INCLUDED.search(code):
            kept += [line, code, fence[1] + fence[2]]
    kept.append(_clean_prose("\n".join(prose)))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"


def chunked(text: str) -> str:
    """R Markdown and Quarto as plain Markdown: `{r name, echo=FALSE}` says the language alone, settings are left out."""
    return CHUNK.sub(r"\1\2\n", text.replace("\r\n", "\n"))


def _clean_prose(prose: str) -> str:
    prose = LINK.sub(lambda link: link[1], IMAGE.sub("", LAYOUT.sub("", _without_comments(prose))))
    prose = MARKED.sub("", INLINE_TAG.sub("", prose)) if "<" in prose or "{" in prose else prose
    prose = ADMONITION.sub(_admonition, prose) if "!!!" in prose else prose
    return unwrap("\n".join(ATTRIBUTES.sub("", line) for line in prose.split("\n")))


def _without_comments(prose: str) -> str:
    parts: list[str] = []
    position = 0
    while (start := prose.find("<!--", position)) >= 0 and (stop := prose.find("-->", start)) >= 0:
        parts.append(prose[position:start])
        position = stop + 3
    return "".join([*parts, prose[position:]])


def _admonition(found: re.Match[str]) -> str:
    """mkdocs' `!!! tip "title"` with its indented body, as a bold lead and paragraphs."""
    body = re.sub(r"^(?: {4}|\t)", "", found[3], flags=re.MULTILINE)
    return f"**{found[2] or found[1].capitalize()}:**\n\n{body}"


def unwrap(text: str) -> str:
    """Paragraphs and list items that were wrapped by hand, each on one line; between Han characters without a space.

    Lines that begin something (items, quotes, table rows, line blocks, headings) or are indented otherwise stay.
    """
    joined: list[str] = []
    margin = 0  # where the text of the line above begins, behind its list mark
    for line in text.split("\n"):
        item = ITEM.match(line)
        indent = len(line) - len(line.lstrip())
        above = joined[-1] if joined else ""
        if item is None and line.strip() and indent == margin and above.strip() and not _stays(line, above):
            joined[-1] = (
                above.rstrip() + ("" if HAN_EDGE.search(above.rstrip()[-1] + line.lstrip()[0]) else " ") + line.strip()
            )
        else:
            joined.append(line)
            margin = item.end() if item else indent
    return "\n".join(joined)


def _stays(line: str, above: str) -> bool:
    return bool(STARTS.match(line) or STARTS.match(above) or above.endswith(("  ", "\\")))


def front_matter(text: str) -> dict[str, str]:
    """The plain `key: value` lines of a page's front matter; nested values are left out."""
    match = FRONT_MATTER.match(text.replace("\r\n", "\n").removeprefix("\ufeff"))
    pairs = re.findall(r"^(\w[\w-]*+):[ \t]*+(\S.*)$", match[1] if match else "", re.MULTILINE)
    return {key.lower(): value.rstrip(" \t").strip("\"'") for key, value in pairs}


def _fenced(lines: Iterator[str], fence: str, indent: int) -> Iterator[str]:
    for line in lines:
        if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            return
        yield line[indent:] if line[:indent].isspace() else line
