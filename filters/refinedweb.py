"""RefinedWeb's corrections line by line, and DCLM's chain around them.

Sources: Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", arXiv 2306.01116, appendix G.2; Li et al. 2024,
"DataComp-LM", arXiv 2406.11794, and its `baselines/mappers/modifiers.py`, whose patterns stand here: lines that
are more than half capitals, nothing but digits, a counter ("3 likes") or a single word go; out of lines of at most ten
words "items in cart" is cut, "Sign-in" at the beginning and "Read more..." at the end. A page goes that loses more than
5 % of its words, here those between whitespace.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.editing import edit_texts
from winnow.filters.gopher import DCLM_QUALITY_RULES, DCLM_REPETITION_RULES
from winnow.filters.recipes import Recipe, Rule
from winnow.filters.statistics import measure

_REMOVED = Rule(name="removed_words", measure="web_lines.removed_word_fraction", maximum=0.05)


def edit(documents: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Drops lines and cuts phrases as said above.

    Measures: `web_lines.removed_word_fraction` (float64, null without words) and, int64, `web_lines.words` as they
    were, `web_lines.removed_words`, and lines by what befell them: `web_lines.uppercase_lines`, `.numeric_lines`,
    `.counter_lines`, `.short_lines`, `.cut_lines`.
    """
    from winnow.filters.kernels import web_lines
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.characters import class_table

    phrases = text_buffers(pa.array(web_lines.PHRASES, pa.large_string()))
    counted = text_buffers(pa.array(web_lines.COUNTED, pa.large_string()))

    def rewrite(data: Any, offsets: Any, *outputs: Any) -> None:
        web_lines.edit(data, offsets, class_table(), *phrases, *counted, *outputs)

    columns = {
        "web_lines.words": web_lines.WORDS,
        "web_lines.removed_words": web_lines.REMOVED_WORDS,
        "web_lines.uppercase_lines": web_lines.UPPERCASE_LINES,
        "web_lines.numeric_lines": web_lines.NUMERIC_LINES,
        "web_lines.counter_lines": web_lines.COUNTER_LINES,
        "web_lines.short_lines": web_lines.SHORT_LINES,
        "web_lines.cut_lines": web_lines.CUT_LINES,
    }
    edited, counts = edit_texts(documents, rewrite, columns)
    words = counts["web_lines.words"].cast(pa.float64())
    some = pc.if_else(pc.equal(words, 0), None, words)
    fraction = pc.divide(counts["web_lines.removed_words"].cast(pa.float64()), some)
    return edited, counts.append_column("web_lines.removed_word_fraction", fraction)


def edit_and_measure_behind(documents: pa.Table, *, columns: frozenset[str]) -> tuple[pa.Table, pa.Table]:
    """`edit` for a recipe that then measures `columns`."""
    return edit(documents)


_DCLM_RULES = (
    *DCLM_QUALITY_RULES,
    *(Rule(**{**vars(rule), "name": f"repetition_{rule.name}"}) for rule in DCLM_REPETITION_RULES),
    _REMOVED,
)

RECIPES = (
    Recipe(
        name="refinedweb_lines",
        summary="Drops shouting, numbers, counters and single words; cuts out web furniture",
        source="Penedo et al. 2023, arXiv 2306.01116, appendix G.2; patterns of DCLM, mappers/modifiers.py",
        edit=edit,
        rules=(_REMOVED,),
    ),
    Recipe(
        name="dclm",
        summary="DCLM's heuristic chain: its Gopher rules and RefinedWeb's line corrections, which come first here",
        source="Li et al. 2024, arXiv 2406.11794, appendix; baselines_configs/dclm_baseline_refinedweb.yaml",
        edit=edit_and_measure_behind,
        measure=measure,
        rules=_DCLM_RULES,
        options={"columns": frozenset(rule.measure for rule in _DCLM_RULES if rule is not _REMOVED)},
        cost=4,
    ),
)
