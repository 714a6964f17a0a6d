"""C4: the lines of a page that look like prose stay, and a page that holds a sign of code or of filler goes.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
JMLR 21(140), section 2.2, and tensorflow-datasets `c4_utils.py`; counted as in datatrove 0.10 `C4QualityFilter`, with
its minimum of three words to a line. A sentence is what `winnow.filters.kernels.c4.count_sentences` says; the original asks
NLTK's punkt and datatrove asks spaCy's sentencizer. C4's list of bad words is left to a list of the user's own.

`c4_fineweb` is the same without the rule on how a line ends, as FineWeb uses it. `mc4_paragraphs` is mC4's rule on
pages (Xue et al. 2021, arXiv 2010.11934): three lines of 200 characters.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from winnow.filters.editing import edit_texts
from winnow.filters.recipes import Recipe, Rule
from winnow.filters.statistics import statistical_recipe


def edit(documents: pa.Table, *, must_finish: bool) -> tuple[pa.Table, pa.Table]:
    """Drops lines and citation marks from `text`; a page that `lorem_ipsum` or `curly_bracket` stopped stays as it was.

    With `must_finish`, lines must end in . ? ! \" or ' and not in three dots. Measures (int64): `c4.lines` as they
    were,
    `c4.kept_lines`, `c4.sentences` in those, `c4.lorem_ipsum` and `c4.curly_bracket` (1 or 0, whichever stands first),
    and lines dropped for each reason, `c4.long_word_lines`, `c4.unfinished_lines`, `c4.short_lines`,
    `c4.javascript_lines`, `c4.policy_lines`.
    """
    from winnow.filters.kernels import c4
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.characters import class_table

    phrases = text_buffers(pa.array(c4.PHRASES, pa.large_string()))
    citations = text_buffers(pa.array(c4.CITATIONS, pa.large_string()))

    def rewrite(data: Any, offsets: Any, *outputs: Any) -> None:
        c4.edit(data, offsets, must_finish, class_table(), *phrases, *citations, *outputs)

    return edit_texts(documents, rewrite, {f"c4.{name}": column for name, column in _columns().items()})


def _columns() -> dict[str, int]:
    from winnow.filters.kernels import c4

    return {
        "lines": c4.LINES,
        "kept_lines": c4.KEPT_LINES,
        "sentences": c4.SENTENCES,
        "lorem_ipsum": c4.LOREM_IPSUM,
        "curly_bracket": c4.CURLY_BRACKET,
        "long_word_lines": c4.LONG_WORD_LINES,
        "unfinished_lines": c4.UNFINISHED_LINES,
        "short_lines": c4.SHORT_LINES,
        "javascript_lines": c4.JAVASCRIPT_LINES,
        "policy_lines": c4.POLICY_LINES,
    }


_RULES = (
    Rule(name="lorem_ipsum", measure="c4.lorem_ipsum", maximum=0),
    Rule(name="curly_bracket", measure="c4.curly_bracket", maximum=0),
    Rule(name="sentences", measure="c4.sentences", minimum=5),
)

RECIPES = (
    Recipe(
        name="c4",
        summary="Keeps lines that end a sentence; drops pages of fewer than five sentences, of filler or with {",
        source="Raffel et al. 2020, JMLR 21(140), section 2.2; datatrove 0.10 C4QualityFilter",
        edit=edit,
        rules=_RULES,
        options={"must_finish": True},
    ),
    Recipe(
        name="c4_fineweb",
        summary="C4 without the rule that a line ends a sentence",
        source="Penedo et al. 2024, arXiv 2406.17557, section 3.5; C4QualityFilter(filter_no_terminal_punct=False)",
        edit=edit,
        rules=_RULES,
        options={"must_finish": False},
    ),
    statistical_recipe(
        name="mc4_paragraphs",
        summary="At least three lines of 200 characters",
        source="Xue et al. 2021, arXiv 2010.11934, section 3.1; datatrove 0.10 C4ParagraphFilter",
        rules=[Rule(name="long_lines", measure="lines.long", minimum=3)],
    ),
)
