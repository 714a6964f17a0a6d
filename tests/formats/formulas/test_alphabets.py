"""Every letter that Unicode styles keeps its style as a command, and its plain letter."""

from __future__ import annotations

import unicodedata

import pytest

from winnow.formats.formulas.alphabets import style
from winnow.formats.formulas.mathml import latex_of, symbols

BY_HAND = {
    "ℳ": r"\mathcal{M}", "𝐯": r"\mathbf{v}", "𝔤": r"\mathfrak{g}", "ℵ": r"\aleph", "⟹": r"\Longrightarrow", "𝑥": "x",
    "ℎ": "h", "𝒜": r"\mathcal{A}", "𝓐": r"\boldsymbol{\mathcal{A}}", "𝔸": r"\mathbb{A}", "𝖠": r"\mathsf{A}",
    "𝙰": r"\mathtt{A}", "ℌ": r"\mathfrak{H}", "𝛂": r"\boldsymbol{\alpha}", "𝛼": r"\alpha", "𝟎": r"\mathbf{0}", "𝟙": r"\mathbb{1}",
    "𝕜": r"\mathbb{k}", "ℓ": r"\ell", "ℝ": r"\mathbb{R}",
}  # fmt: skip


@pytest.mark.parametrize(("sign", "latex"), BY_HAND.items())
def test_letters(sign: str, latex: str) -> None:
    assert symbols(sign) == latex
    assert latex_of(f"<math><mi>{sign}</mi></math>") == latex


def test_every_assigned_letter_of_the_block_has_a_style_and_its_braces_close() -> None:
    for point in range(0x1D400, 0x1D800):
        if not (name := unicodedata.name(chr(point), "")):
            continue
        found = style(chr(point))
        assert found is not None, name
        assert ("ITALIC" in name and "BOLD" not in name and "SANS" not in name) == (found[0] == "")
        assert ("FRAKTUR" in name) == ("mathfrak" in found[0])
        assert ("SCRIPT" in name) == ("mathcal" in found[0])
        latex = symbols(chr(point))
        assert latex.count("{") == latex.count("}")
