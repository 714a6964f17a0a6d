"""Formulas that pages show as images: the LaTeX in `alt` or in the address, however the site's software writes it."""

from __future__ import annotations

import pytest

from winnow.formats.html.extraction import extract
from winnow.formats.html.formulas import has_mathematics, replace_formulas

IMAGES = [
    (r'<img class="math" src="../_images/math/0d.png" alt="\theta_1"/>', r"$\theta_1$"),  # Sphinx, imgmath
    (
        r'<div class="math"><p><img src="../_images/math/aa.png" alt="x = \frac{1}{2}"/></p></div>',
        r"$$x = \frac{1}{2}$$",
    ),
    ('<IMG WIDTH="20" SRC="img3.png" ALT="$x^{2}$">', "$x^{2}$"),  # LaTeX2HTML
    (r'<IMG SRC="img4.png" ALT="\begin{displaymath}a+b\end{displaymath}">', "$$a+b$$"),
    ('<img class="formulaInl" alt="$y_1$" src="form_0.png"/>', "$y_1$"),  # Doxygen
    (r'<img class="formulaDsp" alt="\[ y_1 \]" src="form_1.png"/>', "$$y_1$$"),
    (r'<img src="http://latex.codecogs.com/gif.latex?\dpi{120}&space;\gamma&plus;1"/>', r"$\gamma+1$"),
    ('<img src="https://latex.codecogs.com/svg.latex?x%5E2&plus;y">', "$x^2+y$"),
    ('<img class="texrender" title="TeX" alt="q^2" src="http://m.ex/filter/tex/pix.php/ab.gif">', "$q^2$"),  # Moodle
    (r'<img src="/ql-cache/quicklatex.com-ab_l3.png" class="ql-img-inline-formula" alt="\delta"/>', r"$\delta$"),
    (r'<img src="https://s0.wp.com/latex.php?latex=a%2Bb" alt="a+b" class="latex">', "$a+b$"),  # WordPress
    (r'<img src="https://www.zhihu.com/equation?tex=%5Calpha" alt="\alpha" eeimg="1">', r"$\alpha$"),
    ('<img class="math-inline" src="https://math.jianshu.com/math?formula=x%5E2" alt="x^2" mathimg="1">', "$x^2$"),
    ('<img src="/images/equations/X/Inline1.svg" class="inlineformula" alt="x+1">', "$x+1$"),  # MathWorld
    ('<mjx-container data-latex="n^2"><svg></svg></mjx-container>', "$n^2$"),
]


@pytest.mark.parametrize(("markup", "formula"), IMAGES)
def test_the_latex_of_an_image_is_read(markup: str, formula: str) -> None:
    page = f"<p>Before {markup} after.</p>"
    assert has_mathematics(page)
    assert formula in replace_formulas(page)


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="/photos/mathematics.jpg" alt="The department of mathematics">',
        '<img class="aligncenter" src="/uploads/equation.png" alt="A blackboard">',
        '<img src="price.png" alt="$5 off">',
        "<p>Formula one and maths</p>",
    ],
)
def test_other_images_are_none(markup: str) -> None:
    assert not has_mathematics(markup)


@pytest.mark.parametrize(
    ("reference", "sign"),
    [
        ("&#xD83D;&#xDE00;", "😀"),
        ("&#55357;&#56832;", "😀"),
        ("&#128512;", "😀"),
        ("&#0;", "\ufffd"),
        ("&#x110000;", "\ufffd"),
        ("&#99999999999999999999;", "\ufffd"),
        ("&#xD83D;", "\ufffd"),
        ("&#x80;", "€"),
        ("&#x000000041;", "A"),
        ("&#;", "&#;"),
    ],
)
def test_numeric_references_are_read_as_browsers_do_and_halves_of_utf_16_joined(reference: str, sign: str) -> None:
    sentence = "The mill stood by the river, and the river turned the wheel all day."
    page = f"<html><body><article><h1>Mill</h1><p>{sentence}</p><p>{sentence} A{reference}Z. {sentence}</p></article></body></html>"
    assert f"A{sign}Z." in extract(page).text
