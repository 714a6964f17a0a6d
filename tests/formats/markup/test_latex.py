"""LaTeX becomes Markdown whose formulas are the source's own, and no macro or brace costs more than its bound."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.markup.latex import read_latex
from winnow.formats.markup.macros import expand, take_macros
from winnow.formats.markup.projects import Project, projects
from winnow.formats.markup.verbatim import without_comments

PAPER = r"""
\documentclass[11pt]{article} % a comment
\usepackage{amsmath}
\newtheorem{satz}{Satz}[section]
\newcommand{\R}{\mathbb{R}}
\newcommand{\norm}[2][2]{\left\| #2 \right\|_{#1}}
\def\inner#1#2{\langle #1, #2\rangle}
\DeclareMathOperator{\rank}{rank}
\title{On \emph{Mills}}
\author{A. Miller\thanks{Supported}}
\begin{document}
\maketitle
\begin{abstract}
We grind 100\% of it.
\end{abstract}
\section{Stones \& water}\label{sec:stones}
Let $x \in \R$ % not shown
and \(y\). Then, as in \cite{miller} and Section~\ref{sec:stones}, ``flour'' --- G\"odel, na\"{\i}ve, \c{c}a.
\begin{satz}[Miller]\label{thm:m}
$\norm{x} \le \norm[1]{x}$.
\end{satz}
\begin{proof} Clear. \qed \end{proof}
\begin{align*}
  a &= \inner{u}{v} \label{eq:a}\\
  b &= \rank A
\end{align*}
\[ \int_0^1 f \]
\begin{itemize}
\item one
\item two \footnote{a note}
\end{itemize}
\begin{figure}\includegraphics[width=2cm]{mill.png}\caption{The mill.}\end{figure}
\begin{verbatim}
% kept $x$ \R
\end{verbatim}
\begin{thebibliography}{9}\bibitem{miller} Miller.\end{thebibliography}
\end{document}
"""

EXPECTED = """# On *Mills*

**Abstract.** We grind 100% of it.

## Stones & water

Let $x \\in \\mathbb{R}$ and $y$. Then, as in [miller] and Section [sec:stones], “flour” — Gödel, naïve, ça.

**Satz (Miller).** $\\left\\| x \\right\\|_{2} \\le \\left\\| x \\right\\|_{1}$.

*Proof.* Clear. □

$$
\\begin{align*}
  a &= \\langle u, v\\rangle\\\\
  b &= \\operatorname{rank} A
\\end{align*}
$$

$$
\\int_0^1 f
$$

- one
- two (a note)

The mill.

```
% kept $x$ \\R
```
"""


def spaceless(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_paper_is_read_as_a_person_would_write_it_down() -> None:
    paper = read_latex(PAPER)
    assert paper.title == "On Mills"
    assert spaceless(paper.text) == spaceless(EXPECTED)
    assert re.findall(r"(?m)^#.*", paper.text) == re.findall(r"(?m)^#.*", EXPECTED)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a % b\nc", "a c"),
        ("50\\% d", "50\\% d"),
        ("a \\\\% b\n  c", "a \\\\c"),
        ("% whole line\nrest", "rest"),
        ("a\n\n% note\nb", "a\n\nb"),
    ],
)
def test_comments_end_as_tex_ends_them(source: str, expected: str) -> None:
    assert without_comments(source) == expected


@pytest.mark.parametrize(
    ("definitions", "use", "expected"),
    [
        (r"\newcommand{\a}{A}", r"\a\alpha\a{}b", r"A\alphaAb"),
        (r"\newcommand\a[1]{(#1)}", r"\a x\a{yz}\a\b", r"(x)(yz)(\b)"),
        (r"\newcommand{\a}[2][d]{#1#2}", r"\a{x}\a[e]{x}", "dxex"),
        (r"\def\a#1{#1#1}\def\b{\a{2}}", r"\b", "22"),
        (r"\newcommand{\a}{\alpha}", r"\a x", r"\alpha x"),
        (r"\newcommand{\a}{\alpha}", r"$\a_2$", r"$\alpha_2$"),
        (r"\newcommand{\a}{\a b}", r"\a", r"\a"),
        (r"\newcommand{\a}{\ifmmode x\fi}", r"\a", r"\newcommand{\a}{\ifmmode x\fi}\a"),
        (r"\renewcommand{\a}{1}\renewcommand{\a}{2}", r"\a", "2"),
    ],
)
def test_simple_macros_expand_and_others_stay(definitions: str, use: str, expected: str) -> None:
    source, macros = take_macros(definitions + use)
    assert expand(source, macros) == expected


def test_billion_laughs_in_macros_stay_within_their_bound() -> None:
    levels = "".join(
        "\\newcommand{\\l" + name + "}{" + ("\\l" + below) * 10 + "}" for below, name in pairwise("abcdefghijklm")
    )
    source = r"\newcommand{\la}{lol}" + levels + r"\begin{document}" + r"\lm " * 50 + r"\end{document}"
    assert len(read_latex(source).text) < 1_000_000


OPENINGS = (
    r"{ $ \( \begin{align} \begin{itemize} \begin{verbatim} \begin{lstlisting}[ \textbf{ \item[ % \ \newcommand{\a}{"
)


@pytest.mark.parametrize("sign", [*OPENINGS.split(), r"\b{"])
def test_many_of_any_opening_are_read(sign: str) -> None:
    """Work that grows with the square of the length would not end."""
    assert read_latex(r"\newcommand{\b}[1]{(#1)}" + sign * (200_000 // len(sign))).text


def test_deep_nesting_is_read(sign: str = r"\textbf{") -> None:
    assert "x" in read_latex(sign * 5000 + "x" + "}" * 5000).text


PIECES = (
    r"\ { } $ $$ % [ ] x & \\ \item \newcommand \section{a} \emph \def\a#1{#1\a} \a \label{x} \'e \c{c} \verb|a| #1"
)
pieces = st.sampled_from([*PIECES.split(), "\n", " ", r"\begin{align}", r"\end{align}", r"\begin{itemize}"])


@settings(max_examples=400)
@given(st.lists(pieces, max_size=40).map("".join) | st.text(max_size=80))
def test_any_source_is_read(source: str) -> None:
    assert read_latex(source).text.endswith("\n")


def formulas(text: str) -> list[str]:
    return [re.sub(r"\s+", "", found) for found in re.findall(r"(?<![\\$])\$([^$]+)\$(?!\$)", text)]


def test_inline_formulas_of_real_chapters_survive_as_they_stand(gold: Any) -> None:
    kept = total = 0
    for row in gold("math/stacks_tex"):
        if row["path"] in ("adequate.tex", "categories.tex", "sets.tex"):
            body = without_comments(row["tex"]).partition(r"\begin{document}")[2]
            wanted = formulas(re.sub(r"(?s)\$\$.*?\$\$|\\begin\{(equation|align)\*?\}.*?\\end\{\1\*?\}", "", body))
            found = set(formulas(read_latex(row["tex"]).text))
            total += len(wanted)
            kept += sum(formula in found for formula in wanted)
    assert total > 1000
    assert kept / total > 0.99


def test_tables_become_rows_of_cells() -> None:
    source = r"""
\begin{tabular*}{5cm}[t]{l@{\,}p{10.5cm}|c}
\toprule Mill & Flour \& grain & $a & b$ \\ \midrule
\multicolumn{2}{c}{Both} & x|y \\[2pt] \cline{1-2}
\multirow{2}{*}{Tall} & \textbf{bold
text} & \begin{tabular}{l}in\\side\end{tabular} \tabularnewline \bottomrule
\end{tabular*}
after"""
    assert read_latex(source.replace("$a & b$", "$a$")).text == (
        "| Mill | Flour & grain | $a$ |\n| --- | --- | --- |\n| Both | | x\\|y |\n| Tall | **bold text** | in side |\n\nafter\n"
    )


def test_a_table_of_one_column_is_lines_and_one_without_end_is_text() -> None:
    assert read_latex(r"\begin{tabular}{c}Ann\\Oslo\end{tabular}").text == "Ann\nOslo\n"
    assert read_latex(r"\begin{tabular}{p{3cm}c}Ann & Oslo").text.split() == ["Ann", "&", "Oslo"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            r"\begin{verbatim}" + "\n% pip install\nx   = 1\n" + r"\end{verbatim} % gone",
            "```\n% pip install\nx   = 1\n```",
        ),
        ("a\n% " + r"\begin{verbatim}" + "\nb", "a\nb"),
        ("a % gone\n\nb", "a\n\nb"),
        (r"\title{%" + "\n  Of\n  mills}" + r"\begin{document}x\end{document}", "# Of mills\n\nx"),
        ("One\n    two.\n\n    Three", "One\ntwo.\n\nThree"),
        ("$a\n    = b$", "$a = b$"),
        (r"\newcommand{\x}{\ensuremath{x}}\x, $\x^2$", "$x$, ${x}^2$"),
        (
            r"\citep[see][p.~3]{a,b} \citet*{c} \citealt[][]{d} \cite[Theorem 2]{e}",
            "[see a,b, p. 3] [c] [d] [e, Theorem 2]",
        ),
        (r"\dataset[Zenodo]{https://doi.org/1}", "https://doi.org/1"),
        (r"\newcommand\odd[2][a]{\if#1b#2\fi}\def\even#1{\let\a=#1}x", "x"),
        (r"\author[0000-0001]{A. Miller}\affil{Mill}\vskip 3pt plus 1fil\hrule height 2pt x", "x"),
        (r"a\endnote{b} \char`\# \char92 \textquotesingle{}c\textquotesingle", "a (b) # \\ 'c'"),
        (
            r"\begin{algorithmic}[1]\Require $n$\For{$i<n$}\State $x \gets i$ \Comment{each}\EndFor\State \Return $x$\end{algorithmic}",
            "Require: $n$\nfor $i<n$ do\n$x \\gets i$ // each\nend for\nreturn $x$",
        ),
        (
            r"\begin{deluxetable}{ll}\tablecaption{Mills}\tablewidth{3pt}\tablehead{\colhead{A} & \colhead{B}}"
            r"\startdata 1 & \nodata \\ 2 & 3 \enddata\end{deluxetable}",
            "Mills\n\n| A | B |\n| --- | --- |\n| 1 | … |\n| 2 | 3 |",
        ),
    ],
)
def test_what_real_papers_hold_is_read(source: str, expected: str) -> None:
    assert read_latex(source).text == expected + "\n"


def test_commands_of_a_class_keep_their_meaning() -> None:
    macros = take_macros(
        r"\newcommand{\title}[1]{\uppercase{#1}}\newcommand{\author}[2][]{#1 #2}\newcommand{\R}{\mathbb{R}}"
    )[1]
    paper = read_latex(r"\title{Mills}\author{A}\begin{document}$\R$\end{document}", macros)
    assert paper.text == "# Mills\n\n$\\mathbb{R}$\n"


TEXTS = [
    (r"See \url{http://ex.org/a%20b} now.", "See http://ex.org/a%20b now."),
    (r"At \url{http://ex.org/~ann/x\_y\#z}.", "At http://ex.org/~ann/x_y#z."),
    (r"\href{http://ex.org/c%20d}{The page} tells.", "The page tells."),
    (r"A tool.\footnote{At \url{http://ex.org/e%20f}.} More.", "A tool. (At http://ex.org/e%20f.) More."),
    (r"A \SI{3}{\kilo\metre} B \num{1e3} C \ang{90}.", "A 3 km B 1 × 10^3 C 90°."),
    (r"5\,\textmu m, \textpm 2, 3\texttimes 4, \texteuro 5, \textonehalf{}.", "5 µm, ±2, 3×4, €5, ½."),
    (
        r"10\textsuperscript{6}, H\textsubscript{2}O, 10\textsuperscript{12}, 1\textsuperscript{st}.",
        "10^6, H_2O, 10^{12}, 1st.",
    ),
    (r"A \begin{CJK*}{UTF8}{gbsn}春天\end{CJK*} B", "A 春天 B"),
    (r"A \foreignlanguage{french}{mot} B \begin{otherlanguage*}{german}Wort\end{otherlanguage*}.", "A mot B Wort."),
    (r"\parbox[t]{3cm}{In the box} and \fcolorbox{red}{white}{here}.", "In the box and here."),
    (r"\mintinline{python}{d = {}} and \lstinline{x = {1}}.", "`d = {}` and `x = {1}`."),
    (r"$x \mbox{ for all $n$ in } N$ and $y$.", r"$x \mbox{ for all $n$ in } N$ and $y$."),
    (r"\newif\ifx A \iffalse OUT \else IN \fi", "A IN"),
]


@pytest.mark.parametrize(("source", "said"), TEXTS)
def test_what_is_typeset_is_read(source: str, said: str) -> None:
    assert read_latex(rf"\begin{{document}}{source}\end{{document}}").text.strip() == said


def test_imports_are_followed_from_their_folder_and_by_the_only_file_of_a_name() -> None:
    files = {
        "main.tex": r"\documentclass{book}\begin{document}\import{parts/}{one}\subimport{parts/deep/}{two}\input{four}\end{document}",
        "parts/one.tex": r"One. \input{three}",
        "parts/three.tex": "Three.",
        "parts/deep/two.tex": "Two.",
        "elsewhere/four.tex": "Four.",
    }
    [project] = [found for found in projects(files) if isinstance(found, Project)]
    assert read_latex(project.source).text.split() == ["One.", "Three.", "Two.", "Four."]


def test_a_table_of_many_pages_has_its_head_once() -> None:
    head, more = "a & b \\\\ \\sphinxmidrule", "\\multicolumn{2}{r}{\\makebox[0pt][r]{more}}\\\\"
    table = f"\\begin{{longtable}}{{ll}}{head}\\endfirsthead {more}{head}\\endhead {more}\\endfoot notes \\\\ \\endlastfoot 1 & 2 \\\\ \\end{{longtable}}"
    assert read_latex(table).text == "| a | b |\n| --- | --- |\n| 1 | 2 |\n| notes | |\n"
    once = "\\begin{longtable}{ll}a & b \\\\ \\endhead 1 & 2 \\\\ \\end{longtable}"
    assert read_latex(once).text == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def test_internal_commands_and_places_in_a_font_are_no_text() -> None:
    assert read_latex(r"One \@totalleftmargin two\@. Three \char157 four \char65").text == "One two. Three four A\n"
