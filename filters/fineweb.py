"""FineWeb's own rules on lists and boilerplate, which follow Gopher's and C4's in its chain.

Source: Penedo et al. 2024, "The FineWeb Datasets: Decanting the Web for the Finest Text Data at Scale",
arXiv 2406.17557, section 3.6; counted as in datatrove 0.10 `FineWebQualityFilter`.
"""

from __future__ import annotations

from winnow.filters.recipes import Rule
from winnow.filters.statistics import statistical_recipe


def fineweb_rules(words: str) -> tuple[Rule, ...]:
    """The rules in datatrove's order over the words of family `words`."""
    return (
        Rule(name="empty", measure="lines.filled", minimum=1),
        Rule(name="terminal_lines", measure="lines.terminal_fraction", minimum=0.12),
        Rule(name="short_lines", measure="lines.short_fraction", maximum=0.67),
        Rule(name="duplicate_line_characters", measure="lines.filled_repeat_character_fraction", maximum=0.01),
        Rule(name="newlines", measure=f"{words}.newlines_per_word", maximum=0.3),
    )


RECIPES = (
    statistical_recipe(
        name="fineweb",
        summary="Lines that end a sentence, short lines, repeated lines, line feeds to words",
        source="Penedo et al. 2024, arXiv 2406.17557, section 3.6; datatrove 0.10 FineWebQualityFilter",
        rules=fineweb_rules("words"),
    ),
    statistical_recipe(
        name="fineweb_datatrove",
        summary="The same over words like those of spaCy",
        source="Penedo et al. 2024, arXiv 2406.17557, section 3.6; datatrove 0.10 FineWebQualityFilter as shipped",
        rules=fineweb_rules("spacy_words"),
        cost=3,
    ),
)
