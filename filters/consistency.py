"""Language consistency: sentences that fall from Chinese into English or back without a reason.

`机器学习 is a subset of AI that focuses on data` mixes two grammars; `用 Docker 部署 Redis` names things, and
`他说“to be or not to be”` quotes. A sentence is first stripped of what may be foreign in any text: code, links,
formulas, quotations, glosses in brackets, titles. In what is left, English grammar gives itself away by function words
in lower case:

- a function word of English between a Chinese character and another English word (`学习 is a`, `needs of 数据`), or
- a run of `RUN_WORDS` or more English words in lower case with at least `RUN_FUNCTION_WORDS` function words, in a
  sentence that has Chinese characters as well, or
- Chinese characters inside a sentence that is English by most of its words.

A sentence that speaks about words may name them: Chinese behind "character", "called" and the like, English in a
Chinese sentence with 单词, 短语 or 关键字. What follows a colon is judged by itself.

Source: rules of this project, tried on a labelled set of sentences (tests/filters/consistency_sentences.jsonl).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.filters.recipes import Recipe, Rule

RUN_WORDS, RUN_FUNCTION_WORDS = 4, 2
LONG_RUN_WORDS = 6
"""A run this long needs one function word only."""
ENGLISH_WORDS = 5
"""English words from which on a sentence with more of them than Chinese characters counts as English."""

FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the is are was were be been being am of to in on at by for from with without into onto about over under
    between through during before after and or but nor so yet because although while if then than that which who whom
    whose this these those it its they them their we us our you your he him his she her i me my as not no do does did
    doing done has have had having can could will would shall should may might must there here when where why how what
    all any some each every both very also just only too more most such via per""",
    )
)
# Function words that stand alone between Chinese in ordinary writing: parts of names, operators, letters, versions.
AMBIGUOUS = frozenset(re.findall(r"\w+", "a i in or and no not all any do on at by it me per via if may can over"))

FOREIGN = re.compile(
    r"`[^`\n]*`|\$[^$\n]{1,200}\$|https?://\S+|www\.\S+|[^\s@]{1,64}@\S+|<[^<>\n]{1,200}>|\\\w+|(?:(?<![\w.-])(?:[^\W_]|[.-])++)?[/_\\][\w./_\\-]+"
    r"|“[^”\n]{0,400}”|\"[^\"\n]{0,400}\"|『[^』]{0,400}』|「[^」\n]{0,400}」|《[^》\n]{0,400}》|〈[^〉\n]{0,400}〉|‘[^’\n]{0,200}’|(?<!\w)'[^'\n]{1,200}'(?!\w)"
    r"|\([^()\n]{0,200}\)|（[^（）\n]{0,200}）|\[[^\[\]\n]{0,200}\]|【[^【】\n]{0,200}】|\*\*?[^*\n]{1,100}\*\*?",
    re.DOTALL,
)
SENTENCE_END = re.compile(r"(?<=[。！？!?；;：])|(?<=:)\s|(?<=\.)\s+(?=[A-Z\u4e00-\u9fff])|\n+")
TOKEN = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*|[\u3400-\u4dbf\u4e00-\u9fff]|[0-9]+|[^\sA-Za-z0-9]")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
INTRODUCED = re.compile(
    r"(?i)\b(?:called|named|means?|meaning|characters?|words?|terms?|phrases?|idioms?|chinese|mandarin|cantonese|pinyin|spelled|written|"
    r"surname|name|pronounced|radical|romani[sz]ed|translat\w+|say|says|said|titled|e\.g|i\.e|mr|mrs|ms|dr|city|dynasty|poet)\b[^.]{0,24}$"
)
MENTIONS_ENGLISH = re.compile(
    r"单词|词组|短语|关键字|保留字|介词|动词|连词|冠词|代词|语句|句型|运算符|标签|命令|意思是|翻译"
)
_LOWER = re.compile(r"[a-z]{2}")
FENCED = r"(?s)```.*?(?:```|\z)"
_ENGLISH = rf"\b(?:{'|'.join(sorted(FUNCTION_WORDS))})\b"
# What RE2 asks of a text, and then of each line, before anything else looks at it.
_WORTH_A_LOOK = rf"\p{{Han}}[^\n]*{_ENGLISH}|{_ENGLISH}[^\n]*\p{{Han}}"


def measure(documents: pa.Table) -> pa.Table:
    """How consistent the language is, n rows:

    - `consistency.sentences` int64: sentences with Chinese on a line with an English function word (no others can be
      mixed)
    - `consistency.mixed` int64: those of them that mix two grammars
    - `consistency.mixed_share` float64: their characters as a share of the text's; 0 for an empty text
    """
    texts = documents["text"]
    rows = documents.num_rows
    seen, mixed, characters = np.zeros(rows, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    worth = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(texts, _WORTH_A_LOOK), False))
    lines = pc.split_pattern(pc.replace_substring_regex(pc.take(texts, worth), FENCED, "\ufffc"), "\n")
    owners = np.repeat(worth.to_numpy(), pc.list_value_length(lines).to_numpy())
    lines = pc.list_flatten(lines)
    chosen = pc.indices_nonzero(pc.match_substring_regex(lines, _WORTH_A_LOOK))
    for row, line in zip(owners[chosen.to_numpy()].tolist(), pc.take(lines, chosen).to_pylist(), strict=True):
        for sentence, is_mixed in judged_sentences(line):
            seen[row] += 1
            mixed[row] += is_mixed
            characters[row] += len(sentence) if is_mixed else 0
    length = pc.fill_null(pc.utf8_length(texts), 0).to_numpy()
    return pa.table(
        {
            "consistency.sentences": pa.array(seen),
            "consistency.mixed": pa.array(mixed),
            "consistency.mixed_share": pa.array(characters / np.maximum(length, 1)),
        }
    )


def judged_sentences(line: str) -> Iterator[tuple[str, bool]]:
    """The sentences of a line that hold both languages, what may be foreign taken out, and whether each mixes
    grammars.
    """
    plain = FOREIGN.sub(" \ufffc ", line)
    for sentence in SENTENCE_END.split(plain):
        if sentence and HAN.search(sentence) and _LOWER.search(sentence):
            yield sentence, mixes_grammars(sentence)


def mixes_grammars(sentence: str) -> bool:
    """True when a sentence, stripped of foreign matter, runs on in two grammars."""
    tokens = TOKEN.findall(sentence)
    chinese = [HAN.match(token) is not None for token in tokens]
    english = [token[0].isascii() and token[0].isalpha() for token in tokens]
    function: list[bool] = [
        is_english and token in FUNCTION_WORDS for token, is_english in zip(tokens, english, strict=True)
    ]
    lower = sum(is_english and token.islower() for token, is_english in zip(tokens, english, strict=True))
    is_english_sentence = sum(english) >= ENGLISH_WORDS and sum(english) > sum(chinese)
    if is_english_sentence:
        if all(INTRODUCED.search(sentence[: run.start()]) for run in HAN_RUN.finditer(sentence)):
            return False
        return lower >= RUN_WORDS and sum(function) >= RUN_FUNCTION_WORDS
    if MENTIONS_ENGLISH.search(sentence):
        return False
    for place in range(1, len(tokens) - 1):
        if function[place] and len(tokens[place]) > 1 and tokens[place] not in AMBIGUOUS:
            before, behind = place - 1, place + 1
            if (chinese[before] and english[behind]) or (english[before] and chinese[behind]):
                return True
    return _has_english_run(tokens, english, function)


def _has_english_run(tokens: list[str], english: list[bool], function: list[bool]) -> bool:
    """A run of English words in lower case, long enough and with function words; a capital letter doesn't end it."""
    words = functions = lower = 0
    for token, is_english, is_function in zip(tokens, english, function, strict=True):
        if is_english:
            words += 1
            lower += token.islower()
            functions += is_function
            if (lower >= RUN_WORDS and functions >= RUN_FUNCTION_WORDS) or (lower >= LONG_RUN_WORDS and functions):
                return True
        elif token not in {",", "-", "'"}:
            words = functions = lower = 0
    return False


RECIPES = (
    Recipe(
        name="consistency",
        summary="Sentences that mix Chinese and English grammar without need",
        source="rules of this project; accuracy on its own labelled sentences in docs",
        measure=measure,
        rules=(Rule(name="mixed_share", measure="consistency.mixed_share", maximum=0.2),),
        cost=4,
    ),
)
