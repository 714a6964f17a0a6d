"""Formulas survive as LaTeX, from every kind of markup that carries them."""

from __future__ import annotations

import json
import re
from collections import Counter
from html import unescape
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.formulas.mathml import latex_of
from winnow.formats.html.extraction import Engine, extract
from winnow.formats.html.formulas import has_mathematics, replace_formulas

MATHML = "<math><mrow><msup><mi>x</mi><mn>2</mn></msup><mo>+</mo><mfrac><mn>1</mn><mi>y</mi></mfrac></mrow></math>"
ANNOTATED = (
    '<math xmlns="http://www.w3.org/1998/Math/MathML" alttext="ignored"><semantics><mrow><mi>x</mi></mrow>'
    '<annotation encoding="application/x-tex">{\\displaystyle \\mathbf {x} &lt;1}</annotation></semantics></math>'
)
MARKUP = {
    MATHML: r"$x^{2}+\frac{1}{y}$",
    ANNOTATED: r"$\mathbf {x} <1$",
    f'<span class="katex"><span class="katex-mathml">{ANNOTATED}</span><span aria-hidden="true">x</span></span>': (
        r"$\mathbf {x} <1$"
    ),
    f'<span class="katex-display"><span class="katex">{ANNOTATED}</span></span>': r"<p>$$\mathbf {x} <1$$</p>",
    '<script type="math/tex">a_1 &lt; b</script>': "$a_1 &lt; b$",
    '<script type="math/tex; mode=display">a_1 % note\n+ b</script>': "<p>$$a_1 + b$$</p>",
    "<mjx-container class=MathJax><mjx-math data-latex=O(n)><mjx-mi>O</mjx-mi></mjx-math></mjx-container>": "$O(n)$",
    '<img class="mwe-math-fallback-image-inline" alt="{\\displaystyle E=mc^{2}}" src="x.svg">': "$E=mc^{2}$",
    '<img src="https://s0.wp.com/latex.php?latex=%5Cfrac%7Ba%7D%7Bb%7D&amp;bg=fff" alt="a" class="latex">': r"$\frac{a}{b}$",
    f'<span class="mwe-math-element"><span>{ANNOTATED}</span><img alt="x" class="mwe-math-fallback"></span>': (
        r"$\mathbf {x} <1$"
    ),
    "x<sup>2</sup>": "$x^{2}$",
    "10<sup>−6</sup> m": "$10^{-6}$ m",
    "<i>a</i><sub>i</sub><sup>2</sup>": "$a_{i}^{2}$",
    "(a+b)<sup>2</sup>": "$(a+b)^{2}$",
    "C<sub>6</sub>H<sub>12</sub>O<sub>6</sub>, Fe<sub>2</sub>O<sub>3</sub>, H<sub>2</sub>O.": (
        "$C_{6}H_{12}O_{6}$, $Fe_{2}O_{3}$, $H_{2}O$."
    ),
    "Ca<sup>2+</sup>": "$Ca^{2+}$",
    "5 km<sup>−2</sup>, log<sub>2</sub> n": r"5 $km^{-2}$, $\log_{2}$ n",
    "<em>e</em><sup>−<i>x</i></sup>": "$e^{-x}$",
    "e<sup>x<sup>2</sup></sup>": "$e^{x^{2}}$",
    "<B>x</B><SUB>1</SUB>": "$x_{1}$",
    "R<sup>n×m</sup>": r"$R^{n\times m}$",
    '<span class="ztext-math" data-tex="\\alpha">\\alpha</span>': r"$\alpha$",
    '<span class="katex"><span class="katex-mathml">\n \n  O ( n )\n \n O(n)\n</span><span class="katex-html">O(n)</span></span>': (
        "$O(n)$"
    ),
    '<img src="https://www.example.org/equation?tex=x%5E2%2B1" alt="">': "$x^2+1$",
    '<img src="/cgi-bin/mimetex.cgi?\\frac{a}{b}">': r"$\frac{a}{b}$",
    '<math alttext="\\displaystyle=b"><mi>b</mi></math>': "<p>$$=b$$</p>",
    '<span class="math inline">\\(a_1\\)</span>': '<span class="math inline">$a_1$</span>',
}


@pytest.mark.parametrize("markup", MARKUP)
def test_each_markup_of_a_formula_becomes_latex(markup: str) -> None:
    assert has_mathematics(markup)
    assert unescape(replace_formulas(markup)) == unescape(MARKUP[markup])


@pytest.mark.parametrize(
    "text",
    [
        *("the 1<sup>st</sup> time", "as shown<sup>[1]</sup>", "said so<sup>1</sup>", "A<sup>TM</sup>"),
        *("in 1998<sup>3</sup>", "la 3<sup>ème</sup>", "(see there)<sup>2</sup>"),
        *("<pre>x<sup>2</sup></pre>", "<code>a<sub>1</sub></code>"),
    ],
)
def test_what_only_looks_like_a_formula_stays(text: str) -> None:
    assert replace_formulas(text) == text


def test_mathjax_renderings_beside_their_source_are_dropped() -> None:
    rendered = '<span class="MathJax_Preview">x1</span><span class="MathJax"><span>x</span>1</span>'
    assert replace_formulas(rendered + '<script type="math/tex">x_1</script>') == "$x_1$"


def test_a_rendering_that_has_mathml_beside_its_source_is_dropped_too() -> None:
    rendered = f'<span class="MathJax" data-mathml="&lt;math&gt;"><nobr>x1</nobr>{MATHML}</span>'
    assert replace_formulas(f'{rendered}<script type="math/tex">x_1</script>') == "$x_1$"
    display = f'<div class="MathJax_Display">{rendered}</div><script type="math/tex; mode=display">x_2</script>'
    assert replace_formulas(display) == "<p>$$x_2$$</p>"


def test_typesetters_leave_listings_alone() -> None:
    page = r"<script src=katex.js></script><pre>\(a\)</pre> \(b\) <code>\(c\)</code>"
    assert replace_formulas(page).endswith(r"<pre>\(a\)</pre> $b$ <code>\(c\)</code>")


def test_delimiters_count_only_where_a_typesetter_is_loaded() -> None:
    source = r"let \(a_1\) be, and \[b\]"
    assert replace_formulas(source) == source
    assert replace_formulas(f"{source}<script src=mathjax.js></script>").startswith("let $a_1$ be, and <p>$$b$$</p>")


@pytest.mark.parametrize(
    ("mathml", "latex"),
    [
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_{i}^{2}"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", r"\sum_{i=1}^{n}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        ("<mover><mi>x</mi><mo>^</mo></mover>", r"\hat{x}"),
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>α</mi>", r"\sin\alpha"),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable>", r"\begin{matrix}1 & 0\end{matrix}"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a,b)"),
        ("<mtext>if </mtext><mi>x</mi>", r"\text{if }x"),
        ("<mi mathvariant='double-struck'>R</mi>", r"\mathbb{R}"),
        ("<apply><plus/><ci>a</ci><apply><times/><cn>2</cn><ci>b</ci></apply></apply>", r"a + 2 \cdot b"),
        ("<apply><power/><ci>x</ci><cn>2</cn></apply>", "x^{2}"),
        ("<apply><divide/><cn>1</cn><ci>x</ci></apply>", r"\frac{1}{x}"),
        ("<apply><sin/><ci>x</ci></apply>", r"\sin(x)"),
        ("<mfrac><mn>1</mn></mfrac>", "1"),
        ("<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>", r"\binom{n}{k}"),
        ("<msup><mi>f</mi><mo>′</mo></msup>", "f'"),
        ("<munder><mo>lim</mo><mrow><mi>n</mi><mo>→</mo><mi>∞</mi></mrow></munder>", r"\lim_{n\to\infty}"),
        ("<mmultiscripts><mi>C</mi><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>", "{}_{6}^{14}C"),
        ("<mover><mrow><mi>A</mi><mi>B</mi></mrow><mo>→</mo></mover>", r"\overrightarrow{AB}"),
        ("<mo>(</mo><mtable><mtr><mtd><mi>a</mi></mtd></mtr></mtable><mo>)</mo>", r"\begin{pmatrix}a\end{pmatrix}"),
        ("<mtext>50% &amp; more</mtext>", r"\text{50\% \& more}"),
        ("<semantics><mi>x</mi><annotation-xml><apply><ci>y</ci></apply></annotation-xml></semantics>", "x"),
        ("<apply><minus/><ci>a</ci><apply><minus/><ci>b</ci><ci>c</ci></apply></apply>", "a - (b - c)"),
        ("<apply><times/><apply><plus/><ci>a</ci><ci>b</ci></apply><ci>c</ci></apply>", r"(a + b) \cdot c"),
        ("<apply><power/><apply><minus/><ci>a</ci></apply><cn>2</cn></apply>", "(-a)^{2}"),
        ("<apply><root/><degree><cn>3</cn></degree><ci>x</ci></apply>", r"\sqrt[3]{x}"),
        (
            "<apply><int/><bvar><ci>x</ci></bvar><lowlimit><cn>0</cn></lowlimit><uplimit><ci>b</ci></uplimit>"
            "<apply><ci>f</ci><ci>x</ci></apply></apply>",
            r"\int_{0}^{b} f(x) \, dx",
        ),
        (
            "<apply><sum/><bvar><ci>i</ci></bvar><lowlimit><cn>1</cn></lowlimit><uplimit><ci>n</ci></uplimit><ci>i</ci></apply>",
            r"\sum_{i = 1}^{n} i",
        ),
        (
            "<apply><limit/><bvar><ci>x</ci></bvar><condition><apply><tendsto/><ci>x</ci><cn>0</cn></apply></condition>"
            "<apply><sin/><ci>x</ci></apply></apply>",
            r"\lim_{x \to 0} \sin(x)",
        ),
        (
            "<apply><diff/><bvar><ci>x</ci><degree><cn>2</cn></degree></bvar><apply><ci>f</ci><ci>x</ci></apply></apply>",
            r"\frac{d^{2}}{dx^{2}} f(x)",
        ),
        (
            "<apply><forall/><bvar><ci>x</ci></bvar><apply><geq/><ci>x</ci><cn>0</cn></apply></apply>",
            r"\forall x, x \ge 0",
        ),
        ("<apply><log/><logbase><cn>2</cn></logbase><ci>x</ci></apply>", r"\log_{2}(x)"),
        ("<apply><abs/><ci>x</ci></apply>", "|x|"),
        ("<apply><factorial/><apply><plus/><ci>n</ci><cn>1</cn></apply></apply>", "(n + 1)!"),
        (
            "<set><bvar><ci>x</ci></bvar><condition><apply><lt/><ci>x</ci><cn>1</cn></apply></condition></set>",
            r"\{x \mid x < 1\}",
        ),
        ("<interval closure='closed-open'><cn>0</cn><cn>1</cn></interval>", "[0, 1)"),
        ("<matrix><matrixrow><cn>1</cn><cn>0</cn></matrixrow></matrix>", r"\begin{pmatrix}1 & 0\end{pmatrix}"),
        (
            "<piecewise><piece><cn>0</cn><apply><lt/><ci>x</ci><cn>0</cn></apply></piece><otherwise><cn>1</cn></otherwise></piecewise>",
            r"\begin{cases}0 & \text{if } x < 0 \\ 1 & \text{otherwise}\end{cases}",
        ),
        ("<cn type='rational'>1<sep/>2</cn>", r"\frac{1}{2}"),
    ],
)
def test_mathml_is_translated(mathml: str, latex: str) -> None:
    assert latex_of(f"<math>{mathml}</math>") == latex
    prefixed = re.sub(r"<(/?)(?=[a-z])", r"<\1m:", f"<math>{mathml}</math>")
    assert latex_of(prefixed) == latex


def plain(latex: str) -> str:
    return re.sub(r"\s+", "", latex)


@pytest.mark.parametrize("engine", [Engine.RESILIPARSE, Engine.BLOCKS])
def test_formulas_of_real_pages_are_recalled(corpora: Path, engine: Engine) -> None:
    wanted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    with zstandard.open(corpora / "web" / "oiwiki_zh_math_html_md.jsonl.zst", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line, _ in zip(stream, range(40), strict=False)]
    for row in rows:
        text = extract(row["html"], engine=engine).text
        have = Counter(plain(a or b) for a, b in re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", text, re.DOTALL))
        gold = Counter(plain(formula["tex"]) for formula in row["formulas_md"])
        wanted += gold
        found += gold & have
    assert found.total() >= 0.95 * wanted.total() > 1000


@given(page=st.text(alphabet=st.sampled_from(list("<>/=\"'amthspnukbx1 $\\([")), max_size=200))
def test_any_markup_is_taken(page: str) -> None:
    assert isinstance(replace_formulas(f"<math>{page}"), str)
    assert isinstance(latex_of(f"<math>{page}</math>"), str)


@pytest.mark.parametrize(
    "unit",
    ["<math>", "<span class=katex>", "<mjx-container>", "x<sup>2", "<msup>", "<script type=math/tex>", "<img tex= "],
)
def test_hostile_nesting_costs_linear_time(unit: str) -> None:
    assert replace_formulas(unit * 20_000)
    assert isinstance(latex_of("<math>" + "<mrow>" * 20_000), str)


def test_endless_runs_of_scripts_are_formulas_of_bounded_length() -> None:
    page = replace_formulas("C<sub>6</sub>H<sub>1</sub>" * 5_000)
    assert page.count("_{") == 10_000
    assert max(map(len, page.split("$"))) < 1_000
