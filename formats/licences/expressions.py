"""Licences as SPDX expressions: from a licence's text, a file's header, a package's metadata; and their categories.

Texts are matched by `licenseclassifier`, Go's `licensecheck` for Python: word templates of 693 SPDX licences, found
where they stand among other text. What an expression is and which category it has is told by `winnow.filters.license`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from winnow.filters.license import PERMISSIVE, category, normalize

MAXIMAL_TEXT = 200_000  # characters of a licence file that are looked at
HEADER = 3000  # characters of a source file that can be its header
NOTICE_WORDS = 500  # of a text that can be no more than a notice

_TAG = re.compile(r"SPDX-License-Identifier:\s*([^\n\r]+)")
_LIKELY = re.compile(
    r"(?i)licen[cs]|\bgpl|redistribution and use|permission (?:is hereby granted|to use)|public domain"
)
_TAG_END = re.compile(r"(?:(?<!\s)\s++)?+(?:\*/|-->|--\}\}|#\}|\*\)|\"\"\"|'''|\"|'|<br>|;|\\n).*$")


def declared(metadata: str | None) -> str | None:
    """The expression of a package's own licence field: SPDX, a trove classifier, or a name that people write there."""
    if not metadata or len(metadata) > 200 or metadata.count(",") > 1:  # a list of several says no expression
        return None
    if " :: " in metadata:
        return _CLASSIFIERS.get(metadata.rpartition(" :: ")[2].strip())
    said = metadata.strip().strip("()") if metadata.count("(") == metadata.count(")") == 1 else metadata.strip()
    return normalize(said) or _notice(said) or (_COLLOQUIAL.get(re.sub(r"[\s,.-]+", " ", said.lower()).strip()))


def any_of(expressions: Iterable[str]) -> str | None:
    """The licences that a table lists for a file, as The Stack does: any of them may be chosen."""
    known = sorted({spdx for said in expressions if (spdx := declared(said)) is not None})
    return normalize(" OR ".join(f"({spdx})" for spdx in known)) if known else None


def of_header(text: str) -> str | None:
    """The licence that the head of a source file declares: its SPDX tag, else a notice it is known to carry."""
    head = text[:HEADER]
    tags = [_TAG_END.sub("", match[1]).strip() for match in _TAG.finditer(head)]
    found = [spdx for tag in tags if (spdx := normalize(tag)) is not None]
    if found:
        return all_of(found)
    return _notice(head) if _LIKELY.search(head) else None


def of_text(text: str) -> str | None:
    """The licence, or all the licences, whose text a licence file holds; its tag or notice where it holds none."""
    return _of_text(text[:MAXIMAL_TEXT])


@lru_cache(maxsize=128)
def _of_text(text: str) -> str | None:
    if (titled := _titled(text)) is not None:
        return titled
    if _RESTRICTED.search(text):
        return None
    if known := _known(text):
        found = all_of(known)
        changed = known <= _BRIEF and _is_restricted(found, text.lower())
        changed |= category(found) in PERMISSIVE and _MODIFIED.search(text) is not None
        changed |= known == {"Apache-2.0"} and _TENTH_SECTION.search(text) is not None
        return None if changed else found
    # What nobody knows and is long is a licence of its own: a notice that it quotes doesn't speak for it.
    return of_header(text) if len(text.split()) < NOTICE_WORDS else None


def _known(text: str) -> set[str]:
    """The licences whose texts make up most of a text: 75 % of its words, as Go's `licensecheck` asks."""
    from licenseclassifier import identify_license

    names = {_spelled(match.id) for match in identify_license(text)} - _MISJUDGED
    return names - {name.removesuffix("-or-later") + "-only" for name in names if name.endswith("-or-later")}


def _spelled(name: str) -> str:
    """A licence's text doesn't say `or later`; the GNU licences' identifiers must."""
    return re.sub(r"^((?:[AL]?GPL|GFDL)-\d\.\d)$", r"\1-only", name)


def all_of(expressions: Iterable[str]) -> str | None:
    """All these licences at once, sorted; None for none."""
    unique = sorted({_spelled(name) for name in expressions})
    joined = " AND ".join(f"({name})" if " OR " in name and len(unique) > 1 else name for name in unique)
    return normalize(joined)


# Licences that are another's wording with a restriction, told by their titles; and words of restriction in any other.
_TITLES: tuple[tuple[str, str], ...] = (
    (r"business source license 1\.1|\bbusl-1\.1", "BUSL-1.1"),
    (r"server side public license", "SSPL-1.0"),
    (r"elastic license 2\.0", "Elastic-2.0"),
    (r"common public license", "CPL-1.0"),
    (r"attribution-noncommercial-sharealike (\d\.\d)", "CC-BY-NC-SA-{}"),
    (r"attribution-noncommercial-noderiv\w* (\d\.\d)", "CC-BY-NC-ND-{}"),
    (r"attribution-noncommercial (\d\.\d)", "CC-BY-NC-{}"),
    (r"attribution-noderiv\w* (\d\.\d)", "CC-BY-ND-{}"),
    (r"attribution-sharealike (\d\.\d)", "CC-BY-SA-{}"),
    (r"attribution (\d\.\d)", "CC-BY-{}"),
)
_RESTRICTED = re.compile(
    r"(?i)non-?commercial (?:use|purpose)|commons clause|no military|licensed for use in the design, construction"
    r"|shall be used for good, not evil|nuclear facility|\bmilitary\b|not for commercial|academic (?:use|purposes) only"
    r"|all advertising materials mentioning"
)

_MODIFIED = re.compile(
    r"(?i)\(as modified\)|\bas (?:modified|amended) by\b|\bmodified (?:version of the )?(?:apache|mit|bsd|isc)\b"
    r"|with the following (?:modif|restrict|limit|exception|addition)"
)
_TENTH_SECTION = re.compile(r"\n[^\S\n]*+1\d\. \S")
"""A permissive licence's text that somebody has changed, or Apache's, which has nine sections, gone on with."""


def _titled(text: str) -> str | None:
    """The licence that the first lines name by a title which no notice would."""
    head = re.sub(r"\s+", " ", text[:600].lower())
    for pattern, name in _TITLES:
        if match := re.search(pattern, head):
            return normalize(name.format(*match.groups()))
    return None


# Notices that people put into headers, and names they give to licences where an identifier is meant.
_NOTICES: tuple[tuple[str, str], ...] = (
    (r"apache software licen[cs]e,? (?:version )?2"
     r"|apache licen[cs]e,?\s*\(?v(?:ersion|\.)?\s*2|apache[ -]licen[cs]e[ -]2"
     r"|apache 2(?:\.0)?(?: licen|$)", "Apache-2.0"),
    (r"mozilla public licen[cs]e,? ?(?:v\.?|version)? ?2", "MPL-2.0"),
    (r"mozilla public licen[cs]e,? ?(?:v\.?|version)? ?1\.1", "MPL-1.1"),
    (r"eclipse public licen[cs]e,? ?-? ?(?:v\.?|version)? ?2", "EPL-2.0"),
    (r"eclipse public licen[cs]e,? ?-? ?(?:v\.?|version)? ?1", "EPL-1.0"),
    (r"boost software licen[cs]e", "BSL-1.0"),
    (r"gnu affero general public licen[cs]e|\bagpl", "AGPL-3.0"),
    (r"gnu (?:lesser|library) general public licen[cs]e|\blgpl", "LGPL"),
    (r"gnu general public licen[cs]e|\bgpl(?:v|-| |,|\()", "GPL"),
    (r"creative commons zero|\bcc0\b", "CC0-1.0"),
    (r"\bunlicen[cs]e\b", "Unlicense"),
    (r"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee", "ISC"),
    (r"neither the name of .{0,120}nor the names of (?:its|the) contributors", "BSD-3-Clause"),
    (r"\b(?:mit|expat)[ -]licen[cs]e|licen[cs]e:? ?:? ?\bmit\b|under (?:the )?mit\b"
     r"|permission is hereby granted, free of charge",
     "MIT"),
    (r"\b(?:new|modified|revised|3-clause|three-clause) bsd|bsd[ -]3[ -]clause|bsd 3", "BSD-3-Clause"),
    (r"\b(?:simplified|2-clause|two-clause) bsd|bsd[ -]2[ -]clause|bsd 2", "BSD-2-Clause"),
    (r"redistribution and use in source and binary forms", "BSD-2-Clause"),
    (r"bsd[ -]style licen[cs]e|\bbsd licen[cs]e", "BSD-3-Clause"),
    (r"\bisc licen[cs]e", "ISC"),
    (r"python software foundation licen[cs]e", "PSF-2.0"),
    (r"\b(?:in|into|to|is|are) (?:the )?public domain|^\W*(?:licen[cs]e:? )?(?:the )?public domain|public domain\W*$",
     "LicenseRef-scancode-public-domain"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), name) for pattern, name in _NOTICES)
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": "ZPL-2.1",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
}
_COLLOQUIAL = {
    "apache": "Apache-2.0", "apache 2": "Apache-2.0", "apache2": "Apache-2.0", "apache 2 0": "Apache-2.0",
    "bsd": "BSD-3-Clause", "mit": "MIT", "psf": "PSF-2.0", "zpl 2 1": "ZPL-2.1", "mpl 2 0": "MPL-2.0",
    "gplv2": "GPL-2.0-only", "gplv3": "GPL-3.0-only", "gpl 3": "GPL-3.0-only", "lgplv3": "LGPL-3.0-only",
    "wtfpl": "WTFPL", "zlib": "Zlib", "isc": "ISC",
}  # fmt: skip
_VERSION = re.compile(r"(?:version|v\.?|gpl[- (]*+)\s*+([123](?:\.[01])?)")
_LATER = re.compile(r"or (?:\(at your option\) )?(?:any )?later|any later version|\+\)|v?\d(?:\.\d)?\+")


_SAME = (("BSD-2-Clause", "BSD-3-Clause"), ("MIT", "ISC"))
"""Of two notices of one family found in a text, the second is meant: the first is part of its wording."""
_MISJUDGED = frozenset({"xzoom"})
"""Licences that the LicenseDB calls permissive though their texts ask for the sources of executables: unknown."""
_BRIEF = frozenset({"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause"})
"""Texts that are all permission: a word of restriction in them has been added."""
CHOICE_CHARACTERS = 200
_CHOICE = re.compile(r"\bor\b|\beither\b|\bdual|choice|choose|\bany of\b")
_UNDEFINED = re.compile(r"\bor (?:\(?at your option\)? )?(?:any )?later|\band/or\b|\bsoftware or\b|\buse or\b")
_FORBIDDEN = re.compile(
    r"proprietary|confidential|trade secret|non-?commercial|commercial (?:use|licen|purpose|version|product|agreement)"
    r"|may not(?! use (?:this|the|these) [\w ]{1,30} except)(?: be)? (?:use|cop|distribut|sell|sold|redistribut|modif)"
    r"|(?:may|can) ?not(?: be)? (?:copy|reproduc|rent|lease|disclos|decompil|reverse|published)|may only be|only be used"
    r"|business source|\bbusl|server side public|elastic licen|commons clause|fair source|polyform|source.available"
    r"|evaluation|\btrial\b|end.?user|\beula\b|terms of (?:service|use)|subscription|enterprise edition"
    r"|\bacademic|educational (?:use|purpose|institution)|research (?:use|purpose|only)|personal use|internal use"
    r"|for internal|private use|royalty(?!-| )|licen[cs](?:e|ing) fee|\bno fees|fee free|capitalist|military|nuclear"
    r"|unauthori[sz]ed|strictly prohibited|not (?:for|to be) (?:re)?(?:sale|sold|distribut)|not permitted|not granted"
    r"|(?:purchase|obtain)\w{0,12} a (?:commercial )?licen"
    r"|(?:additional|following|with|or other) (?:patent|intellectual|restriction|term)"
    r"|additional \[?(?:patent|intellectual)|restrictions? (?:below|above|on)|restricted as|that restricts|following exception"
    r"|following modification|\(as modified\)|modified version of the|as modified by|limitations? on use"
    r"|compiled versions|modifications (?:of|to|must|are)"
    r"|subject to the following (?:conditions|terms)\W++(?!.{0,60}copyright)"
    r"|your modifications|excluding|no such rights|open database|contribution licen|imlib|gnu public|creative commons(?! zero)"
    r"|no longer|no explicit|except (?:for|those|as|where)|\*except\*|otherwise noted|separately licen|gpl exception"
    r"|no (?:part of|licen[cs]e is|rights? (?:is|are) granted)|(?:change|sale|usage) (?:date|limit)"
    r"|agreement with|written agreement|prior permission|without (?:the )?(?:express |prior )(?:written )?consent"
    r"|\bnot sell\b|sold by itself|restricted modif|modification of the (?:original )?(?:mit|bsd|isc|apache)|custom version of"
    r"|derived from the (?:mit|bsd|isc|apache)|with the addition of|not public domain|employ an mit|good, not evil"
    r"|including with limitation|complete source code|\bbsl 1|are unmodified|forbids use"
    r"|free of charge, to any person obtaining(?=.{450})(?!.{0,200}without restriction, including without limitation the"
    r" rights? to use, copy, modify, merge, publish, distribute, sublicense, and or sell)"
    r"|\bgpl|general public|\bmozilla public|eclipse public|\bcddl|copyleft|share-?alike|noderiv|open font"
)
"""Words that no permissive notice has: beside them its wording is quoted, restricted or one of several."""


def _notice(text: str) -> str | None:
    """The licences that a notice names: all of them, or any where it gives a choice. None where it restricts, too."""
    said = re.sub(r"[\s*#/;|]+", " ", text.lower()).replace('"', "")
    found: dict[str, int] = {}
    for pattern, name in _COMPILED:
        if match := pattern.search(said):
            found.setdefault(name, match.start())
    for part, whole in _SAME:
        if part in found and whole in found:
            del found[part]
    if not found:
        return None
    names = sorted({_gnu(name, said) if name.endswith("GPL") or name == "AGPL-3.0" else name for name in found})
    first, last = min(found.values()), max(found.values())
    near = last - first < CHOICE_CHARACTERS  # of names further apart nobody says that one of them may be chosen
    choice = (
        near and len(names) > 1 and _CHOICE.search(_UNDEFINED.sub(" ", said[max(first - 80, 0) : last])) is not None
    )
    expression = normalize(" OR ".join(names)) if choice else all_of(names)
    return None if _is_restricted(expression, said) else expression


def _is_restricted(expression: str | None, said: str) -> bool:
    """Whether what passes for permissive stands beside words that take it back. `said` in small letters."""
    if category(expression) not in PERMISSIVE:
        return False
    own = said if "GPL" not in (expression or "") else re.sub(r"\bgpl|general public|copyleft", "", said)
    return _FORBIDDEN.search(own) is not None


def _gnu(name: str, said: str) -> str:
    version = _VERSION.search(said)
    number = version[1] if version else {"GPL": "1.0", "LGPL": "2.0", "AGPL-3.0": "3.0"}[name]
    if version is None:
        return f"{name.removesuffix('-3.0')}-{number}-or-later"
    number = number if "." in number else f"{number}.0"
    ending = "or-later" if _LATER.search(said) else "only"
    return f"{name.removesuffix('-3.0')}-{number}-{ending}"
