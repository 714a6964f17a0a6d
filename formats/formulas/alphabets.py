r"""Letters that Unicode styles by their code point: 𝐯 is `\mathbf{v}`, ℳ `\mathcal{M}`, 𝔤 `\mathfrak{g}`, 𝑥 plain `x`.

Unicode 16, Mathematical Alphanumeric Symbols (U+1D400 … U+1D7FF) and Letterlike Symbols (U+2100 … U+214F).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

STYLES = {
    "BOLD": r"\mathbf", "ITALIC": "", "BOLD ITALIC": r"\boldsymbol", "SCRIPT": r"\mathcal", "FRAKTUR": r"\mathfrak",
    "BOLD SCRIPT": r"\boldsymbol{\mathcal", "BOLD FRAKTUR": r"\boldsymbol{\mathfrak", "DOUBLE-STRUCK": r"\mathbb",
    "SANS-SERIF": r"\mathsf", "SANS-SERIF BOLD": r"\boldsymbol{\mathsf", "SANS-SERIF ITALIC": r"\mathsf",
    "SANS-SERIF BOLD ITALIC": r"\boldsymbol{\mathsf", "MONOSPACE": r"\mathtt", "BLACK-LETTER": r"\mathfrak",
}  # fmt: skip
STYLED = re.compile(
    r"(?:MATHEMATICAL )?"
    r"((?:SANS-SERIF )?(?:BOLD )?(?:DOUBLE-STRUCK|SANS-SERIF|MONOSPACE|SCRIPT|FRAKTUR|BLACK-LETTER|ITALIC|BOLD)"
    r"(?: BOLD)?(?: ITALIC)?) (?:CAPITAL|SMALL|DIGIT|PARTIAL|NABLA|EPSILON|THETA|KAPPA|PHI|RHO|PI|DOTLESS)\b"
)
FIRST, LAST = "\u2102", "\u2149"


@lru_cache(maxsize=4096)
def style(sign: str) -> tuple[str, str] | None:
    """The command of a styled letter or digit and the plain one it styles; None for any other sign.

    Upright and italic letters have the command "".
    """
    if not (FIRST <= sign <= LAST or "\U0001d400" <= sign <= "\U0001d7ff"):
        return None
    found = STYLED.match(unicodedata.name(sign, ""))
    plain = unicodedata.normalize("NFKC", sign)
    if found is None or plain == sign or len(plain) != 1:
        return None
    named = found[1]
    return STYLES.get(named, STYLES.get(" ".join(sorted(named.split())), "")), plain


def styled(command: str, letter: str) -> str:
    """A letter in a style: the braces of a style within another are closed."""
    return f"{command}{{{letter}{'}' * (1 + command.count('{'))}" if command else letter
