"""What a document declares to stand verbatim comes out as it stands, in a fence that names its language."""

from __future__ import annotations

import pytest
from pygments import highlight
from pygments.formatters import LatexFormatter
from pygments.lexers.python import PythonLexer

from winnow.formats.markup.latex import read_latex

CODE = 'x = {"a_b": 5 % 3}  # \\R, $y$\n\n    [1]'


@pytest.mark.parametrize(
    ("declaration", "name", "language"),
    [
        (r"\lstnewenvironment{python}[1][]{\lstset{language=Python,#1}}{}", "python", "python"),
        (r"\lstnewenvironment{code}{\lstset{}\csname lst@SetFirstLabel\endcsname}{}", "code", ""),
        (r"\newminted{python}{linenos}", "pythoncode", "python"),
        (r"\newminted[spec]{bash}{}", "spec", "bash"),
        (r"\DefineVerbatimEnvironment{Code}{Verbatim}{fontsize=\small}", "Code", ""),
        (r"\newenvironment{code}{\verbatim}{\endverbatim}", "code", ""),
        (
            r"\renewenvironment{shell}[1][x]{\small\VerbatimEnvironment\begin{Verbatim}[a=b]}{\end{Verbatim}}",
            "shell",
            "",
        ),
        (r"\newtcblisting{mine}[2][]{listing only, listing options={language=C++}, #1}", "mine", "c++"),
        ("", "minted}{Python", "python"),
        ("", "lstlisting}[caption={Of [b]}, language={[x86]Assembler}", "assembler"),
        ("", "Verbatim*", ""),
    ],
)
def test_declared_listings_stand_verbatim(declaration: str, name: str, language: str) -> None:
    closing = name.partition("}")[0]
    opening = name + ("]" if "[" in name.partition("}")[2] else "}")
    source = f"{declaration}\\begin{{document}}Before.\n\\begin{{{opening}\n{CODE}\n\\end{{{closing}}}After.\\end{{document}}"
    assert read_latex(source).text == f"Before.\n\n```{language}\n{CODE}\n```\n\nAfter.\n"


def test_environments_that_declare_no_listing_are_text() -> None:
    source = (
        r"%\lstnewenvironment{note}{}{}" + "\n" + r"\newenvironment{note}[1][x]{\begin{center}}{\end{center}}"
        r"\begin{document}\begin{note}50\% of \emph{it}\end{note}\end{document}"
    )
    assert read_latex(source).text == "50% of *it*\n"


def test_listings_of_preambles_count_in_the_document() -> None:
    from winnow.formats.markup.verbatim import listings_of

    listings = listings_of([r"\newminted{c}{}"])
    assert read_latex("\\begin{ccode}\n% \\a\n\\end{ccode}", listings=listings).text == "```c\n% \\a\n```\n"


def test_colours_of_pygments_and_pandoc_are_taken_off() -> None:
    code = 'def f(x):\n    return {"a_b%": \'~^&<>#$-@\\\\n\'}["x"]  # é `x`'
    assert read_latex(highlight(code, PythonLexer(), LatexFormatter())).text == f"```\n{code}\n```\n"
    pandoc = (
        r"\DefineVerbatimEnvironment{Highlighting}{Verbatim}{commandchars=\\\{\}}\begin{Shaded}\begin{Highlighting}[]"
        "\n"
        r"\NormalTok{x }\OperatorTok{=}\NormalTok{ \{}\StringTok{\textquotesingle{}\textbackslash{}n\_\textquotesingle{}}\NormalTok{\}}"
        "\n"
        r"\end{Highlighting}\end{Shaded}"
    )
    assert read_latex(pandoc).text == "```\nx = {'\\n_'}\n```\n"


def test_code_with_a_fence_gets_a_longer_one() -> None:
    assert read_latex("\\begin{verbatim}\n```\na\n```\n\\end{verbatim}").text == "````\n```\na\n```\n````\n"


@pytest.mark.parametrize(
    "shown", ["\\documentclass{article}\n\\begin{document}\nHello\n\\end{document}", "\\usepackage{a}"]
)
def test_an_environment_that_shows_a_preamble_is_a_listing(shown: str) -> None:
    """Of whatever package: a document that shows another one neither begins nor ends where that one does."""
    chapter = f"\\section{{One}}\n\\begin{{latexcode}}\n{shown}\n\\end{{latexcode}}\nLast words."
    whole = f"\\documentclass{{x}}\n\\begin{{document}}\n{chapter}\n\\end{{document}}\n"
    expected = f"## One\n\n```\n{shown}\n```\n\nLast words.\n"
    assert read_latex(chapter).text == expected
    assert read_latex(whole).text == expected
    around = "\\begin{center}\n\\begin{document}\nText.\n\\end{document}"  # never closed: no environment of a listing
    assert read_latex(around).text == "Text.\n"
