"""Recipes for Chinese: MAP-NEO's and ChineseWebText's as published, garbled text, spam, forms of full width.

A word is what jieba cuts (`winnow.filters.kernels.chinese`). Sentences end at . ! ? ; … and 。！？；“ ” alike; terminal
punctuation of lines is that of `winnow.filters.kernels.characters`, in which 。！？｡．are.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.editing import replace_text
from winnow.filters.recipes import Recipe, Rule
from winnow.filters.statistics import statistical_recipe

MAPNEO_TOP = {2: 0.20, 3: 0.18, 4: 0.16}
MAPNEO_COVERED = 0.60

_MAPNEO_RULES = (
    Rule(name="brackets", measure="nfkc.bracketed_fraction", maximum=0.1),
    Rule(name="sentences", measure="nfkc.sentences", minimum=2),
    Rule(name="characters", measure="nfkc.characters", minimum=50, maximum=10_000),
    Rule(name="mean_word_length", measure="chinese_words.non_symbol_mean_length", minimum=1.3, maximum=10),
    Rule(name="hashes", measure="nfkc.hash_fraction", maximum=0.1),
    Rule(name="ellipses", measure="nfkc.ellipsis_fraction", maximum=0.1),
    Rule(name="digits", measure="nfkc.digit_fraction", maximum=0.3),
    Rule(name="read_more_lines", measure="nfkc.more_line_fraction", maximum=0.3),
    Rule(name="bullet_lines", measure="nfkc.bullet_line_fraction", maximum=0.9),
    Rule(name="punctuation", measure="nfkc.punctuation_fraction", minimum=0, strict=True),
    Rule(name="distinct_characters", measure="nfkc.distinct_fraction", minimum=0.1, strict=True),
    Rule(name="entropy", measure="nfkc.entropy", minimum=3),
    *(
        Rule(name=f"top_{length}_gram", measure=f"nfkc.top_{length}_fraction", maximum=most)
        for length, most in MAPNEO_TOP.items()
    ),
    *(
        Rule(name=f"duplicate_{length}_grams", measure=f"nfkc.covered_{length}_fraction", maximum=MAPNEO_COVERED)
        for length in range(5, 11)
    ),
)
"""MAP-NEO counts characters and n-grams of characters, on text from which it has taken links; it also asks a language
score of 0.4. Where it counts the distinct characters of repeated n-grams, the paper's fraction of characters stands
here."""

_FULL_WIDTH = {chr(narrow + 0xFEE0): chr(narrow) for narrow in range(0x21, 0x7F) if chr(narrow).isalnum()}


def narrow(documents: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Letters and digits of full width (Ａｂ１) as ASCII; Chinese punctuation of full width stays.

    Measure: `full_width.replaced` (int64), characters changed.
    """
    texts = documents["text"].cast(pa.large_string())
    before = pc.binary_length(texts)
    pattern = "[" + "".join(_FULL_WIDTH) + "]"
    if pc.any(pc.match_substring_regex(texts, pattern)).as_py():
        for wide, plain in _FULL_WIDTH.items():
            texts = pc.replace_substring(texts, wide, plain)
    replaced = pc.divide(pc.subtract(before, pc.binary_length(texts)), 2)  # three bytes become one
    edited = replace_text(documents, texts.chunks)
    return edited, pa.table({"full_width.replaced": pc.fill_null(replaced, 0).cast(pa.int64())})


RECIPES = (
    statistical_recipe(
        name="mapneo_zh",
        summary="Length, symbols, digits, entropy and repeated character n-grams of Chinese pages",
        source="Zhang et al. 2024, MAP-NEO, arXiv 2405.19327; its chinese_data_clean_pipeline/filter/filter.py",
        rules=_MAPNEO_RULES,
        cost=5,
    ),
    statistical_recipe(
        name="chinesewebtext",
        summary="Length, lines, share of Chinese, no traditional characters, repeated 13-grams",
        source="Chen et al. 2023, ChineseWebText, arXiv 2311.01149, section 3.1; its preprocess.py",
        rules=[
            Rule(name="characters", measure="text.characters", minimum=200, strict=True),
            Rule(name="mean_line_length", measure="han.mean_line_length", minimum=10),
            Rule(name="chinese_characters", measure="han.fraction", minimum=0.3),
            Rule(name="traditional_characters", measure="han.traditional_fraction", maximum=0),
            Rule(name="repeated_13_grams", measure="han.repeated_13_fraction", maximum=0.5),
        ],
        cost=3,
    ),
    statistical_recipe(
        name="garbled_encoding",
        summary="Replacement characters, controls, UTF-8 read as Latin-1 (Ã©) or as GBK (锛屾槸)",
        source="Winnow; ordinary Chinese has 0.02 of its characters in the GBK set, garbled Chinese 0.69",
        rules=[Rule(name="garbled_characters", measure="han.garbled_fraction", maximum=0.2)],
    ),
    statistical_recipe(
        name="chinese_spam",
        summary="Words of gambling, forged papers, loans, sales talk and pornography",
        source="Winnow; the list is winnow.filters.kernels.word_lists.CHINESE_SPAM",
        rules=[Rule(name="spam_words", measure="chinese_words.chinese_spam_words_fraction", maximum=0.03)],
        cost=4,
    ),
    Recipe(
        name="full_width_forms",
        summary="Letters and digits of full width become ASCII",
        source="Unicode Standard 16, block Halfwidth and Fullwidth Forms",
        edit=narrow,
    ),
)
