"""Mathematics: how much of a text is formulas, whether they are well formed, and OpenWebMath's rules.

Source of `openwebmath`: Paster et al. 2023, "OpenWebMath: An Open Dataset of High-Quality Mathematical Web Text",
arXiv 2310.06786, section 3 and appendix: markup strings or frequent LaTeX commands tell that a page holds
mathematics; a fastText score asks less of such a page (0.15) than of another (0.8). Its score model and its language
model aren't published as files to ship: give a fastText model of your own by `model`, or leave those rules out (they
measure null).

Rules elsewhere that would drop LaTeX (`{` in C4, symbols in Gopher) have no place beside these in a manifest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.formulas import COUNTS, Count, count_formulas
from winnow.filters.recipes import Recipe, Rule

MARKUP = r"MathJax|mathjax|<math|math-container|katex\.min\.css|latex\.php|codecogs|tex\.cgi|class=\"tex\"|class='tex'"
"""What a page's HTML shows that sets formulas; it survives in texts that were extracted with their markup."""
COMMANDS = (
    r"end|begin|ref|frac|label|bf|right|left|rm|alpha|mu|def|it|pi|sigma|"
    r"sum|lambda|beta|nu|partial|int|delta|rho|phi|gamma|omega|over|nonumber|"
    r"bar|sqrt|theta|tau|em|rangle|hat|tilde|cal|hline|item|psi|vec|langle|"
    r"epsilon|eta|cdot|in|xi|infty|quad|mathcal|times|emph|mathbf|prime|be|"
    r"mathrm|ee|vspace|pm|chi|ell|text|qquad|noindent|to|varphi|hspace|leq|"
    r"cos|eqref|overline|sin|kappa|hbox|rightarrow|varepsilon|textit|dagger|big|"
    r"otimes|equiv|zeta|dot|ln"
)

"""The LaTeX commands that OpenWebMath counts, the most frequent of arXiv's sources."""
KNOWN_COMMAND = rf"\\(?:{COMMANDS})\b"
ACCENTED = r"[À-ÖØ-öø-ÿĀ-ſ]"
DEFINITIONS = r"(?m)^.*\\newcommand.*\\newcommand.*$"
MATHEMATICS_LABEL = "math"


def measure(documents: pa.Table, *, model: str | None = None, label: str = MATHEMATICS_LABEL) -> pa.Table:
    """Formulas and the marks of mathematics, n rows:

    - `mathematics.formulas`, `.displayed`, `.unclosed` int64: formulas, those set apart, delimiters that never close
    - `mathematics.density` float64: share of the characters that stand in formulas
    - `mathematics.well_formed` float64: share of the formulas that are (see `kernels.formulas`), null without formulas
    - `mathematics.commands` int64: LaTeX commands of OpenWebMath's list; `.markup` int64: strings of pages with
      formulas
    - `mathematics.found` int64: 1 when there are any of both or of formulas
    - `mathematics.characters` int64, `.accented` float64: characters, and the share of accented ones
    - `mathematics.definition_lines` int64: lines with more than one `\\newcommand`
    - `mathematics.score_found`, `.score_unfound` float64: the probability of `label` by the fastText `model`, in the
      first column where mathematics was found and in the second where not; null in the other, and without a model

    Raises `ValueError` when the model doesn't know `label`, `FileNotFoundError` when there is no such file.
    """
    texts = documents["text"]
    data, offsets = text_buffers(texts)
    counts = np.zeros((offsets.size - 1, COUNTS), np.int64)
    count_formulas(data, offsets, counts)
    characters = pc.fill_null(pc.utf8_length(texts), 0).to_numpy()
    commands, markup = _count(texts, KNOWN_COMMAND), _count(texts, MARKUP)
    found = ((commands + markup + counts[:, Count.FORMULAS]) > 0).astype(np.int64)
    scores = _scores(documents, model, label)
    share = np.maximum(characters, 1)
    formulas = counts[:, Count.FORMULAS]
    columns: dict[str, Any] = {
        "formulas": formulas,
        "displayed": counts[:, Count.DISPLAYED],
        "unclosed": counts[:, Count.UNCLOSED],
        "density": counts[:, Count.CHARACTERS] / share,
        "well_formed": pa.array(counts[:, Count.WELL_FORMED] / np.maximum(formulas, 1), mask=formulas == 0),
        "commands": commands,
        "markup": markup,
        "found": found,
        "characters": characters.astype(np.int64),
        "accented": _count(texts, ACCENTED) / share,
        "definition_lines": _count(texts, DEFINITIONS),
        "score_found": pa.array(scores, mask=(found == 0) | np.isnan(scores)),
        "score_unfound": pa.array(scores, mask=(found == 1) | np.isnan(scores)),
    }
    return pa.table({f"mathematics.{name}": pa.array(values) for name, values in columns.items()})


def _count(texts: pa.ChunkedArray, pattern: str) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = pc.fill_null(pc.count_substring_regex(texts, pattern), 0).to_numpy()
    return found.astype(np.int64)


def _scores(documents: pa.Table, model: str | None, label: str) -> npt.NDArray[np.float64]:
    if model is None:
        return np.full(documents.num_rows, np.nan)
    from winnow.filters.classifier import score

    return score(documents["text"], model, label)


RECIPES = (
    Recipe(
        name="openwebmath",
        summary="Pages that hold mathematics by their markup, their LaTeX commands and, with a model, their score",
        source="Paster et al. 2023, OpenWebMath, arXiv 2310.06786, section 3",
        measure=measure,
        rules=(
            Rule(name="found", measure="mathematics.found", minimum=1),
            Rule(name="score_found", measure="mathematics.score_found", minimum=0.17),
            Rule(name="score_unfound", measure="mathematics.score_unfound", minimum=0.8),
            Rule(name="characters", measure="mathematics.characters", minimum=100),
            Rule(name="accented", measure="mathematics.accented", maximum=0.015),
        ),
        cost=3,
    ),
    Recipe(
        name="mathematics",
        summary="Texts with formulas that are well formed",
        source="bounds of this project",
        measure=measure,
        rules=(
            Rule(name="formulas", measure="mathematics.formulas", minimum=1),
            Rule(name="density", measure="mathematics.density", minimum=0.005),
            Rule(name="well_formed", measure="mathematics.well_formed", minimum=0.9),
            Rule(name="definition_lines", measure="mathematics.definition_lines", maximum=20),
        ),
        cost=3,
    ),
)
