"""The commands and environments of LaTeX, by what becomes of them in a text to be read."""

from __future__ import annotations

import re

SECTIONS = {
    "part": 1,
    "chapter": 1,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "paragraph": 5,
    "subparagraph": 6,
}
MATHEMATICS = {
    "equation",
    "displaymath",
    "math",
    "align",
    "alignat",
    "flalign",
    "gather",
    "multline",
    "eqnarray",
    "dmath",
}
MATHEMATICS |= {"xalignat", "subequations", "dgroup", "tikzcd", "prooftree", "IEEEeqnarray"}
BARE = {"equation", "displaymath", "math", "dmath", "subequations"}
THEOREMS = {"theorem": "Theorem", "lemma": "Lemma", "proposition": "Proposition", "corollary": "Corollary"}
THEOREMS |= {"definition": "Definition", "remark": "Remark", "example": "Example", "conjecture": "Conjecture"}
THEOREMS |= {"thm": "Theorem", "lem": "Lemma", "prop": "Proposition", "cor": "Corollary", "defn": "Definition"}
THEOREMS |= {"claim": "Claim", "exercise": "Exercise", "problem": "Problem", "solution": "Solution", "rem": "Remark"}
THEOREMS |= {"proof": "Proof", "defish": "Definition", "eg": "Example", "abstract": "Abstract", "prob": "Problem"}
DROPPED_ENVIRONMENTS = {
    "thebibliography",
    "tikzpicture",
    "pspicture",
    "picture",
    "comment",
    "filecontents",
    "asy",
    "forest",
}
DROPPED_ENVIRONMENTS |= {"diagram", "CCSXML"}
BOXES = {"colhead", "makecell", "thead", "caption", "shortstack"}
"""Commands whose optional argument says how their text is laid out, or stands for it in a list."""
LAID_OUT = {"array": 1, "minipage": 1, "multicols": 1, "wrapfigure": 2, "adjustbox": 1, "tabular": 1, "longtable": 1}
IN_LINE = {"CJK", "otherlanguage"}
"""Environments that begin no line."""
LAID_OUT |= {"CJK": 2, "otherlanguage": 1, "tcolorbox": 0, "spacing": 1, "changemargin": 2}
"""Environments whose text stays, and how many arguments before it say how it is laid out."""
DROPPED_ARGUMENT = {
    "label": 1,
    "index": 1,
    "vspace": 1,
    "hspace": 1,
    "bibliographystyle": 1,
    "bibliography": 1,
    "pagestyle": 1,
}
DROPPED_ARGUMENT |= {
    "thispagestyle": 1,
    "includegraphics": 1,
    "input": 1,
    "include": 1,
    "usepackage": 1,
    "documentclass": 1,
}
DROPPED_ARGUMENT |= {
    "setcounter": 2,
    "addtocounter": 2,
    "setlength": 2,
    "addtolength": 2,
    "addcontentsline": 3,
    "color": 1,
}
DROPPED_ARGUMENT |= {
    "pdfbookmark": 2,
    "hypersetup": 1,
    "newtheorem": 2,
    "theoremstyle": 1,
    "tag": 1,
    "indexdef": 1,
    "indexsee": 2,
}
DROPPED_ARGUMENT |= {
    "newenvironment": 3,
    "renewenvironment": 3,
    "DeclareMathOperator": 2,
}
DROPPED_ARGUMENT |= {
    "textcolor": 1,
    "colorbox": 1,
    "fontsize": 2,
    "addbibresource": 1,
    "newgeometry": 1,
    "fancypagestyle": 2,
    "fancyhead": 1,
    "fancyfoot": 1,
    "fancyhf": 1,
    "graphicspath": 1,
    "subjclass": 1,
}
DROPPED_ARGUMENT |= {
    "sindex": 2,
    "symlabel": 1,
    "define": 0,
    "email": 1,
    "address": 1,
    "thanks": 1,
    "date": 1,
    "author": 1,
    "title": 1,
}
DROPPED_ARGUMENT |= {
    "affil": 1,
    "affiliation": 1,
    "altaffiliation": 1,
    "altaffilmark": 1,
    "altaffiltext": 2,
    "correspondingauthor": 1,
    "institute": 1,
    "institution": 1,
    "orcid": 1,
}
DROPPED_ARGUMENT |= {
    "authorrunning": 1,
    "titlerunning": 1,
    "shorttitle": 1,
    "shortauthors": 1,
    "markboth": 2,
    "markright": 1,
    "nocite": 1,
    "pacs": 1,
}
DROPPED_ARGUMENT |= {
    "newcounter": 1,
    "stepcounter": 1,
    "refstepcounter": 1,
    "newtheoremstyle": 9,
    "numberwithin": 2,
    "definecolor": 3,
    "captionsetup": 1,
    "lstset": 1,
}
DROPPED_ARGUMENT |= {
    "linespread": 1,
    "rule": 2,
    "raisebox": 1,
    "rotatebox": 1,
    "scalebox": 1,
    "resizebox": 2,
    "phantom": 1,
    "urlstyle": 1,
}
DROPPED_ARGUMENT |= {"lstnewenvironment": 3, "DefineVerbatimEnvironment": 3, "RecustomVerbatimEnvironment": 3}
DROPPED_ARGUMENT |= {"newminted": 2, "setminted": 1, "newtcblisting": 2, "lstdefinestyle": 2, "lstdefinelanguage": 2}
DROPPED_ARGUMENT |= {
    "parbox": 1,
    "foreignlanguage": 1,
    "textlanguage": 1,
    "fcolorbox": 2,
    "selectlanguage": 1,
    "inputencoding": 1,
}
DROPPED_ARGUMENT |= {
    "CJKfamily": 1,
    "newif": 0,
    "settoggle": 2,
    "newtoggle": 1,
    "setboolean": 2,
    "setbool": 2,
    "newboolean": 1,
    "newbool": 1,
}
DROPPED_ARGUMENT |= {"toggletrue": 1, "togglefalse": 1, "booltrue": 1, "boolfalse": 1, "sisetup": 1, "includeonly": 1}
DEFINITIONS = {"def": 1, "edef": 1, "gdef": 1, "xdef": 1, "newcommand": 1, "renewcommand": 1, "providecommand": 1}
DEFINITIONS |= {"DeclareRobustCommand": 1, "NewDocumentCommand": 2, "RenewDocumentCommand": 2}
"""What gives a command a meaning too involved to expand, and the groups after its name."""
LENGTHS = {"vskip", "hskip", "kern", "vrule", "hrule", "parskip", "parindent", "baselineskip", "textwidth", "hsize"}
"""What a bare length, not a group, may follow."""
NOTES = {"footnote", "footnotetext", "endnote", "sidenote", "marginpar", "marginnote", "tablenotetext"}
REFERENCES = {"ref", "eqref", "cref", "Cref", "autoref", "pageref", "nameref", "vref"}
CITATION = re.compile(r"(?:[Cc]ite|parencite|Parencite|textcite|Textcite|footcite|autocite)[a-z]*$")
STYLES = {"emph": "*", "textit": "*", "textsl": "*", "textbf": "**", "texttt": "`", "define": "*", "term": "*"}
ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307"}
LETTER_ACCENTS = {"c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a"}
SIGNS = {
    "ss": "ß",
    "o": "ø",
    "O": "Ø",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "aa": "å",
    "AA": "Å",
    "l": "ł",
    "L": "Ł",
}
SIGNS |= {"i": "ı", "j": "ȷ", "ldots": "…", "dots": "…", "textellipsis": "…", "S": "§", "P": "¶", "copyright": "©"}
SIGNS |= {
    "textquotesingle": "'",
    "textquotedbl": '"',
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "nodata": "…",
}
SIGNS |= {"textunderscore": "_", "textdollar": "$", "textasciicircum": "^", "textdegree": "°", "texttrademark": "™"}
SIGNS |= {
    "textregistered": "®",
    "pounds": "£",
    "euro": "€",
    "dag": "†",
    "ddag": "‡",
    "lq": "‘",
    "rq": "’",
    "slash": "/",
}
SIGNS |= {
    "textendash": "–",
    "textemdash": "—",
    "LaTeX": "LaTeX",
    "TeX": "TeX",
    "qed": "□",
    "qedhere": "□",
    "par": "\n\n",
}
SIGNS |= {"textbackslash": "\\", "textasciitilde": "~", "quad": " ", "qquad": " ", "newline": "\n", "linebreak": "\n"}
SIGNS |= {
    "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ", "NG": "Ŋ", "SS": "SS", "IJ": "Ĳ",
    "ij": "ĳ",
    "degree": "°", "celsius": "°C", "micro": "µ", "ohm": "Ω", "perthousand": "‰", "textmu": "µ", "textpm": "±",
    "texttimes": "×",
    "textdiv": "÷", "texteuro": "€", "EUR": "€", "textsterling": "£", "textyen": "¥", "textcent": "¢",
    "textflorin": "ƒ",
    "textcurrency": "¤", "textonehalf": "½", "textonequarter": "¼", "textthreequarters": "¾", "textonesuperior": "¹",
    "texttwosuperior": "²", "textthreesuperior": "³", "textordfeminine": "ª", "textordmasculine": "º", "textohm": "Ω",
    "textmho": "℧", "textcelsius": "℃", "textperthousand": "‰", "textpertenthousand": "‱", "textnumero": "№",
    "textsection": "§", "textparagraph": "¶", "textdagger": "†", "textdaggerdbl": "‡", "textbullet": "•",
    "textperiodcentered": "·", "textcopyright": "©", "textcircledP": "℗", "textservicemark": "℠", "textestimated": "℮",
    "textlnot": "¬", "textminus": "−", "textsurd": "√", "textfractionsolidus": "⁄", "textbrokenbar": "¦",
    "textbardbl": "‖",
    "textleftarrow": "←", "textrightarrow": "→", "textuparrow": "↑", "textdownarrow": "↓", "textquoteleft": "‘",
    "textquoteright": "’", "textquotedblleft": "“", "textquotedblright": "”", "textquotestraightbase": "‚",
    "quotesinglbase": "‚",
    "quotedblbase": "„", "glqq": "„", "grqq": "“", "flqq": "«", "frqq": "»", "guillemotleft": "«",
    "guillemotright": "»",
    "guillemetleft": "«", "guillemetright": "»", "guilsinglleft": "‹", "guilsinglright": "›", "og": "« ", "fg": " »",
    "textexclamdown": "¡", "textquestiondown": "¿", "textasciiacute": "´", "textasciidieresis": "¨",
    "textasciigrave": "`",
    "textasciimacron": "¯", "textinterrobang": "‽", "textreferencemark": "※", "textmusicalnote": "♪",
    "textbraceleft": "{",
    "textbraceright": "}", "textbackslash": "\\", "textvisiblespace": "␣", "textalpha": "α", "textbeta": "β",
    "textgamma": "γ",
    "textomega": "ω", "textpi": "π", "BibTeX": "BibTeX", "LaTeXe": "LaTeX2e", "XeTeX": "XeTeX", "XeLaTeX": "XeLaTeX",
    "LuaTeX": "LuaTeX", "LuaLaTeX": "LuaLaTeX", "pdfTeX": "pdfTeX", "AmS": "AMS",
}  # fmt: skip
SCRIPTS = {"textsuperscript": "^", "textsubscript": "_", "textsu": "^", "textinferior": "_"}
NUMBER = re.compile(r"[+\-−–±]?\d[\d.,]*[+\-−]?|[+\-−]|[a-z]")
"""What is a power or an index where it is raised or lowered; `st` and `e` of ordinals are not."""
TYPOGRAPHY = {"``": "“", "''": "”", "--": "–", "---": "—", "~": " "}
DINGBATS = {"51": "✓", "52": "✔", "55": "✗", "56": "✘"}
