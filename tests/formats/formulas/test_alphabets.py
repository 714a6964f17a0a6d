"""Every letter that Unicode styles keeps its style as a command, and its plain letter."""

from __future__ import annotations

import re
import unicodedata

import pytest

from winnow.formats.formulas.alphabets import style
from winnow.formats.formulas.mathml import latex_of, symbols
from winnow.formats.formulas.signs import SYMBOLS

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


CONSTRUCTS = {
    "<mi mathvariant='double-struck'>𝟘</mi>": r"\mathbb{0}",
    "<mi mathvariant='bold'>v</mi>": r"\mathbf{v}",
    "<menclose notation='box'><mi>a</mi><mo>+</mo><mi>b</mi></menclose>": r"\boxed{a+b}",
    "<menclose notation='updiagonalstrike'><mi>m</mi></menclose>": r"\cancel{m}",
    "<menclose notation='updiagonalstrike downdiagonalstrike'><mi>m</mi></menclose>": r"\xcancel{m}",
    "<menclose notation='circle'><mi>m</mi></menclose>": "m",
    "<mo>(</mo><mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac><mo>)</mo>": r"\binom{n}{k}",
    "<mi>a</mi><mo>⪯̸</mo><mi>b</mi>": r"a\not\preceq b",
    "<mi>x̄</mi><mo>+</mo><mi>𝐯⃗</mi>": r"\bar{x}+\vec{\mathbf{v}}",
    "<mo>{</mo><mtable><mtr><mtd><mi>a</mi></mtd></mtr></mtable><mo>}</mo>": r"\begin{Bmatrix}a\end{Bmatrix}",
    "<mi>A</mi><mo>\\</mo><mi>B</mi>": r"A\backslash B",
}


@pytest.mark.parametrize(("mathml", "latex"), CONSTRUCTS.items())
def test_constructs(mathml: str, latex: str) -> None:
    assert latex_of(f"<math>{mathml}</math>") == latex


def test_signs_of_operators_relations_and_arrows_are_commands_between_which_and_letters_a_space_stands() -> None:
    written = {
        "a⊑b": r"a\sqsubseteq b", "a⨌b": r"a\iiiint b", "p⊸q": r"p\multimap q", "x↷y": r"x\curvearrowright y",
        "a⪅b": r"a\lessapprox b", "A⋐B": r"A\Subset B", "a⋋b": r"a\leftthreetimes b", "√": r"\surd", "f∷g": "f::g", "ϱ2": r"\varrho2",
    }  # fmt: skip
    assert {text: symbols(text) for text in written} == written


def test_every_command_of_a_sign_is_one_word_or_closes_its_braces() -> None:
    for sign, latex in SYMBOLS.items():
        assert len(sign) == 1 and latex.isascii(), sign
        assert re.fullmatch(r"\\[A-Za-z]+|\\[{}%#&|]|\\not\\[a-z]+|\\mathbb\{[A-Z]\}|\^\\circ|[-':*/ ]*|", latex), latex
