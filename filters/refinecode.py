"""RefineCode's rules for program code, language by language.

Source: Huang et al. 2024, "OpenCoder: The Open Cookbook for Top-Tier Code Large Language Models", arXiv 2411.04905,
appendix A, with the thresholds of the filters published beside it (opc_data_filtering).

Three things differ from the published program and are told here: n-grams are made of words as whitespace cuts them
(there of lower-case words without punctuation); comments and strings come from a lexer (there from a library and from
regular expressions that take every apostrophe for a quote); and where it keeps a fifth of the documents without logic
by chance, a hash of the document's id decides. The abstract syntax tree is Python's own, for Python.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.code import (
    GENERATED,
    code_columns,
    code_counts,
    encoded_data,
    languages_and_paths,
    ratio,
    text_column,
    where,
)
from winnow.filters.kernels.code import Count
from winnow.filters.python_source import PYTHON_MEASURES, measure_python
from winnow.filters.recipes import Recipe, Rule
from winnow.filters.statistics import measure as measure_words

DATA = frozenset({"CSV", "INI", "JSON", "JSON Lines", "SVG", "TOML", "XML", "YAML"})
PROSE = frozenset({"Markdown", "Text", "reStructuredText"})
SHELL, C_FAMILY = frozenset({"Shell"}), frozenset({"C", "C++"})
PRINTING = frozenset({"C", "C#", "C++", "Go", "Java", "JavaScript", "Python", "TypeScript"})
HEADERS = re.compile(r"(?i)\.(?:h|hh|hpp|hxx|h\+\+)$")
MAIN_FUNCTION = r"(?m)^\s*(?:int|void|auto)\s+main\s*\("
TAGS = r"(?is)<script\b.*?</script>|<style\b.*?</style>|<!--.*?-->|<[^>]*>"
GENERATED_HEAD = rf"{GENERATED}|generate|autogen|do not edit"
HEAD_CHARACTERS = 200
XML_CHARACTERS = 100
SPARED = 0.2
"""Share of the documents that would fall for want of logic, or for being Go tests, and are kept all the same."""

_WORDS = frozenset(
    {"words.count", "words.mean_length"}
    | {f"ngrams.top_{length}_word_fraction" for length in (2, 3, 4)}
    | {f"ngrams.covered_{length}_fraction" for length in range(5, 11)}
)


def measure(documents: pa.Table) -> pa.Table:
    """What RefineCode's rules look at, n rows: `code.*`, `words.*`, `ngrams.*`, and `refinecode.*` where a rule holds
    for some languages only (null for the others). Columns read: `text`, and `id`, `language`, `path` where there are
    any.
    """
    languages, paths = languages_and_paths(documents)
    counts = code_counts(documents["text"], languages)
    columns = code_columns(counts) | _for_languages(documents, counts, languages, paths)
    words = measure_words(documents, columns=_WORDS)
    return pa.table(columns | {name: words[name] for name in words.column_names})


def _chance(documents: pa.Table) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each document that follows from its id (or its text) alone."""
    names = [
        identity or text[:4096]
        for identity, text in zip(text_column(documents, "id"), documents["text"].to_pylist(), strict=True)
    ]
    digests = [hashlib.blake2b(f"refinecode:{name}".encode(), digest_size=8).digest() for name in names]
    return np.array([int.from_bytes(digest, "little") for digest in digests], np.float64) / 2**64


def _for_languages(
    documents: pa.Table, counts: npt.NDArray[np.int64], languages: Sequence[str], paths: Sequence[str]
) -> dict[str, pa.Array]:
    def among(names: frozenset[str]) -> npt.NDArray[np.bool_]:
        return np.array([language in names for language in languages], bool)

    texts = documents["text"]
    data, prose, html = among(DATA), among(PROSE), among(frozenset({"HTML"}))
    sql, shell, c_family, printing = among(frozenset({"SQL"})), among(SHELL), among(C_FAMILY), among(PRINTING)
    go_tests = np.array([path.endswith("_test.go") for path in paths], np.int64)
    headers = np.array([HEADERS.search(path) is not None for path in paths], bool)
    code_lines = counts[:, Count.CODE_LINES]
    digits = ratio(counts[:, Count.DIGITS], counts[:, Count.CHARACTERS])
    code = ~prose
    plain = code & ~data & ~html
    longest_run, encoded_share = encoded_data(texts)
    encoded = ((longest_run > 1024) | (encoded_share > 0.5)).astype(np.int64)
    generated = pc.match_substring_regex(pc.utf8_slice_codeunits(texts, 0, HEAD_CHARACTERS), GENERATED_HEAD)
    xml = pc.match_substring(pc.utf8_slice_codeunits(texts, 0, XML_CHARACTERS), "<?xml version=")
    spared = _chance(documents) < SPARED
    mains = pc.count_substring_regex(texts, MAIN_FUNCTION).to_numpy()
    columns = {
        "bytes": where(np.ones(len(counts), bool), pc.binary_length(texts).to_numpy()),
        "data_characters": where(data, counts[:, Count.CHARACTERS]),
        "letters": where(
            code, ratio(counts[:, Count.LETTERS], counts[:, Count.CHARACTERS] - counts[:, Count.WHITESPACE])
        ),
        "digits": where(code & ~sql, digits),
        "sql_digits": where(sql, digits),
        "comments": where(code & ~html, ratio(counts[:, Count.COMMENT_CHARACTERS], counts[:, Count.CHARACTERS])),
        "long_string_lines": where(plain & ~shell, ratio(counts[:, Count.LONG_STRING_LINES], code_lines)),
        "strings": where(plain & ~shell, ratio(counts[:, Count.STRING_CHARACTERS], counts[:, Count.CODE_CHARACTERS])),
        "long_words": where(
            code & ~html, ratio(counts[:, Count.LONG_WORD_CHARACTERS], counts[:, Count.CODE_CHARACTERS])
        ),
        "prompts": where(plain, ratio(counts[:, Count.PROMPT_LINES], counts[:, Count.LINES])),
        "asserts": where(plain & ~shell, ratio(counts[:, Count.ASSERT_LINES], code_lines)),
        "prints": where(printing, ratio(counts[:, Count.PRINT_LINES], code_lines)),
        "generated": where(code, pc.fill_null(generated, False).to_numpy().astype(np.int64)),
        "xml_start": where(code & ~data, pc.fill_null(xml, False).to_numpy().astype(np.int64)),
        "encoded": where(code, encoded),
        "main_functions": where(c_family, mains),
        "directives": where(c_family & ~headers, ratio(counts[:, Count.DIRECTIVE_LINES], code_lines)),
        "go_test": where(among(frozenset({"Go"})) & ~spared, go_tests),
    }
    columns |= _html(texts, html) | _python(texts, counts, languages, spared)
    return {f"refinecode.{name}": column for name, column in columns.items()}


def _html(texts: pa.ChunkedArray, html: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
    """How much of an HTML file is text that its readers see, in characters and as a share."""
    visible = np.zeros(len(html), np.int64)
    whole = pc.utf8_length(texts).to_numpy()
    rows = np.flatnonzero(html)
    if rows.size:
        stripped = pc.replace_substring_regex(pc.take(texts, pa.array(rows)), TAGS, "")
        visible[rows] = pc.utf8_length(stripped).to_numpy()
    return {"text_characters": where(html, visible), "text_share": where(html, ratio(visible, whole))}


def _python(
    texts: pa.ChunkedArray, counts: npt.NDArray[np.int64], languages: Sequence[str], spared: npt.NDArray[np.bool_]
) -> dict[str, pa.Array]:
    """What the syntax tree of Python files tells, and words that stand on their lines."""
    python = np.array([language == "Python" for language in languages], bool)
    found = np.full((len(python), len(PYTHON_MEASURES)), np.nan)
    for row in np.flatnonzero(python).tolist():
        found[row] = measure_python(texts[row].as_py(), int(counts[row, Count.CODE_LINES]))
    columns = {name: where(python, found[:, column]) for column, name in enumerate(PYTHON_MEASURES)}
    columns["no_logic"] = where(python & ~spared, found[:, PYTHON_MEASURES.index("no_logic")])
    code_lines = counts[:, Count.CODE_LINES]
    columns["passes"] = where(python, ratio(counts[:, Count.PASS_LINES], code_lines))
    columns["imports"] = where(python, ratio(counts[:, Count.IMPORT_LINES], code_lines))
    return columns


_RULES = (
    Rule(name="bytes", measure="refinecode.bytes", maximum=3e6),
    Rule(name="lines", measure="code.lines", minimum=10, maximum=100_000),
    Rule(name="longest_line", measure="code.longest_line", maximum=1000),
    Rule(name="mean_line", measure="code.mean_line", minimum=5, maximum=100),
    Rule(name="letters", measure="refinecode.letters", minimum=0.5),
    Rule(name="digits", measure="refinecode.digits", maximum=0.2),
    Rule(name="sql_digits", measure="refinecode.sql_digits", maximum=0.3),
    Rule(name="whitespace", measure="code.whitespace_fraction", maximum=0.5),
    Rule(name="comments", measure="refinecode.comments", maximum=0.8),
    Rule(name="words", measure="words.count", minimum=30),
    Rule(name="characters", measure="code.characters", minimum=50),
    Rule(name="data_characters", measure="refinecode.data_characters", maximum=5000),
    Rule(name="mean_word_length", measure="words.mean_length", minimum=2, maximum=10),
    Rule(name="replacements", measure="code.replacement_fraction", maximum=0.01),
    *(
        Rule(name=f"top_{length}_gram", measure=f"ngrams.top_{length}_word_fraction", maximum=most)
        for length, most in {2: 0.20, 3: 0.18, 4: 0.16}.items()
    ),
    *(
        Rule(name=f"repeated_{length}_grams", measure=f"ngrams.covered_{length}_fraction", maximum=most)
        for length, most in {5: 0.80, 6: 0.70, 7: 0.70, 8: 0.70, 9: 0.70, 10: 0.60}.items()
    ),
    Rule(name="repeated_lines", measure="code.repeated_line_fraction", maximum=0.7),
    Rule(name="generated", measure="refinecode.generated", maximum=0),
    Rule(name="xml_start", measure="refinecode.xml_start", maximum=0),
    Rule(name="encoded", measure="refinecode.encoded", maximum=0),
    Rule(name="hex_words", measure="code.hex_fraction", maximum=0.4),
    Rule(name="long_string_lines", measure="refinecode.long_string_lines", maximum=0.2),
    Rule(name="strings", measure="refinecode.strings", maximum=0.6),
    Rule(name="long_words", measure="refinecode.long_words", maximum=0.4),
    Rule(name="prompts", measure="refinecode.prompts", maximum=0.01),
    Rule(name="asserts", measure="refinecode.asserts", maximum=0.4),
    Rule(name="prints", measure="refinecode.prints", maximum=0.4),
    Rule(name="main_functions", measure="refinecode.main_functions", maximum=1),
    Rule(name="directives", measure="refinecode.directives", maximum=0.8),
    Rule(name="go_test", measure="refinecode.go_test", maximum=0),
    Rule(name="parses", measure="refinecode.parses", minimum=1),
    Rule(name="functions", measure="refinecode.functions", maximum=0.2),
    Rule(name="variables", measure="refinecode.variables", minimum=1),
    Rule(name="simple_functions", measure="refinecode.simple_functions", maximum=0.1),
    Rule(name="no_logic", measure="refinecode.no_logic", maximum=0.5),
    Rule(name="passes", measure="refinecode.passes", maximum=0.05),
    Rule(name="imports", measure="refinecode.imports", maximum=0.3),
    Rule(name="text_share", measure="refinecode.text_share", minimum=0.2),
    Rule(name="text_characters", measure="refinecode.text_characters", minimum=100),
)

RECIPES = (
    Recipe(
        name="refinecode",
        summary="Shape, repetition, comments, strings and logic of program files, with rules of single languages",
        source="Huang et al. 2024, OpenCoder, arXiv 2411.04905, appendix A, and the filters published with it",
        measure=measure,
        columns=("id", "language", "path"),
        rules=_RULES,
        cost=5,
    ),
)
