"""Algorithms of `algorithm2e` become lines in which every keyword can be read."""

from __future__ import annotations

import pytest

from winnow.formats.markup.latex import read_latex

MANUAL = r"""
\begin{algorithm}[H]
  \SetKwData{Left}{left}\SetKwData{This}{this}\SetKwData{Up}{up}
  \SetKwFunction{Union}{Union}\SetKwFunction{FindCompress}{FindCompress}
  \SetKwInOut{Input}{input}\SetKwInOut{Output}{output}
  \Input{A bitmap $Im$ of size $w\times l$}
  \Output{A partition of the bitmap}
  \BlankLine
  \emph{special treatment of the first line}\;
  \For{$i\leftarrow 2$ \KwTo $l$}{
    \For{$j\leftarrow 2$ \KwTo $w$}{\label{forins}
      \Left$\leftarrow$ \FindCompress{$Im[i,j-1]$}\;
      \If(\tcp*[f]{O(\Up,\This)==1}){\Up compatible with \This}{\label{ut}
        \lIf{\Up $<$ \This}{\Union{\Up,\This}}
        \lElse{\Union{\This,\Up}}
      }
    }
    \lForEach{element $e$ of the line $i$}{\FindCompress{p}}
  }
  \caption{disjoint decomposition}\label{algo_disjdecomp}
\end{algorithm}
"""
READ = r"""input: A bitmap $Im$ of size $w\times l$
output: A partition of the bitmap
*special treatment of the first line*
for $i\leftarrow 2$ to $l$ do
for $j\leftarrow 2$ to $w$ do
left$\leftarrow$ FindCompress($Im[i,j-1]$)
if up compatible with this then // O(up,this)==1
if up $<$ this then Union(up,this)
else Union(this,up)
end if
end for
for each element $e$ of the line $i$ do FindCompress(p)
end for
disjoint decomposition
"""


def test_the_example_of_the_manual_is_read() -> None:
    assert read_latex(MANUAL).text == READ


def algorithm(body: str) -> str:
    return read_latex(rf"Before.\begin{{algorithm}}{body}\end{{algorithm}}After.").text


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (r"\KwIn{a}\KwOut{b}\KwData{c}\KwResult{d}", "Input: a|Output: b|Data: c|Result: d"),
        (r"\eIf{$a$}{x\;}{y\;}", "if $a$ then|x|else|y|end if"),
        (
            r"\uIf{a}{x\;}\uElseIf{b}{y\;}\ElseIf{c}{z\;}\Else{w\;}",
            "if a then|x|else if b then|y|else if c then|z|end if|else|w|end if",
        ),
        (r"\leIf{a}{x}{y}", "if a then x else y"),
        (r"\While{a}{\ForAll{b}{x}}", "while a do|for all b do|x|end for|end while"),
        (r"\Repeat{$i \geq n$}{x\;}\lRepeat{b}{y}", "repeat|x|until $i \\geq n$|repeat y until b"),
        (
            r"\Switch{c}{\Case{0}{x\;}\Other{y\;}}",
            "switch c do|case 0 do|x|end case|otherwise|y|end case|end switch",
        ),
        (r"\Begin{x\;\KwRet{$y$}\;\Return $z$\;\Return\;}", "begin|x|return $y$|return $z$|return|end"),
        (r"x\tcp*{one}y \tcc{two}z\tcc*[r]{three}", "x // one|y /* two */|z /* three */"),
        (r"\SetKwComment{Note}{\# }{}x\Note*[l]{why}y", "x # why|y"),
        (
            r"\SetKwProg{Fn}{Function}{:}{}\SetKwFunction{F}{Grind}\Fn{\F{$a$}}{x\;\F{}\;}",
            "Function Grind($a$):|x|Grind()",
        ),
        (
            r"\SetKwFor{Par}{for}{in parallel}{end par}\Par{i}{x}\lPar{j}{y}",
            "for i in parallel|x|end par|for j in parallel y",
        ),
        (
            r"\SetKwIF{Ob}{Od}{Sonst}{falls}{dann}{sonst falls}{sonst}{Ende}\eOb{a}{x}{y}\lSonst{z}",
            "falls a dann|x|sonst|y|Ende|sonst z",
        ),
        (
            r"\SetKw{\By}{\textbf{by}}\SetKwArray{A}{A}\SetKwData{N}{n}$i$ \By 2\;\A{i}, \N{}.\;",
            "$i$ **by** 2|A[i], n.",
        ),
        (r"\SetAlgoLined\DontPrintSemicolon\SetAlCapSkip{1em}\IncMargin{1em}x\;", "x"),
        (r"\If{a{x", "if then|end if|ax"),
    ],
)
def test_keywords_can_be_read(body: str, lines: str) -> None:
    assert algorithm(body).strip().split("\n\n") == ["Before.", lines.replace("|", "\n"), "After."]


def test_keywords_declared_in_the_preamble_and_settings_between_algorithms() -> None:
    source = (
        r"\SetKwInput{Needs}{Needs}\begin{document}\IncMargin{1em}\SetKwFunction{F}{Grind}"
        r"\begin{procedure}\Needs{flour}\F{x}\;\end{procedure}\DecMargin{1em}\end{document}"
    )
    assert read_latex(source).text == "Needs: flour\nGrind(x)\n"


def test_other_packages_and_theorems_keep_their_meaning() -> None:
    algorithmic = (
        r"\begin{algorithm}\caption{A}\begin{algorithmic}\If{$a$}\State $x$\;\EndIf\end{algorithmic}\end{algorithm}"
    )
    assert read_latex(algorithmic).text == "A\n\nif $a$ then\n$x$\nend if\n"
    theorem = r"\newtheorem{algorithm}{Algorithm}\begin{algorithm}Grind.\end{algorithm}"
    assert read_latex(theorem).text == "**Algorithm.** Grind.\n"
    assert read_latex(r"\begin{function}Grind\end{function}").text == "Grind\n"
