"""Lists of words that recipes count: stop words, by which prose is told from word salad, and the words of spam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt
import pyarrow as pa

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that are written without spaces between words, inside the brackets of an RE2 expression."""

GOPHER = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher", appendix A.1.1."""

_CHINESE_SPAM = """
博彩 彩票 赌博 赌场 赌球 下注 娱乐城 百家乐 时时彩 六合彩 棋牌 返水 开户 彩金 送彩金 代孕 代开
发票 办证 刻章 贷款 套现 私服 外挂 加微 QQ
客服 热线 招商 加盟 优惠 折扣 包邮 秒杀
特价 正品 批发 厂家 直销 报价 迷药 壮阳 包夜 小姐 楼凤 激情 裸聊 在线观看 无码 破解版
"""
CHINESE_SPAM = tuple(_CHINESE_SPAM.split())
"""Ours: words of gambling, forged papers, loans, sales talk and pornography that Chinese spam repeats."""

_FINEWEB2 = {
    "cmn_Hani": "的 年 在 月 是 和 日 了 於 · 為 有 被 人 中 为 他 與 後 也 而 由",
    "deu_Latn": "der und die in von im den des mit das er dem als wurde für",
    "fra_Latn": "de la le et à en l' des du les est d' un une il dans par au",
    "rus_Cyrl": "в и на с года по году из был к не от что за для его как а он также до после",
}
"""FineWeb-2, `configs/` at commit 05e6729 (Penedo et al. 2025, arXiv 2506.20920)."""

WORD_LISTS: Mapping[str, tuple[str, ...]] = {
    "gopher_stop_words": GOPHER,
    "gopher_stop_words_any_case": GOPHER,
    "chinese_spam_words": CHINESE_SPAM,
    **{f"{language}_stop_words": tuple(words.split()) for language, words in _FINEWEB2.items()},
}
"""By the name of the list; `_any_case` lists take capitals and small letters for the same."""

_ANY_CASE = "_any_case"
_SLOTS_PER_WORD = 8  # a nearly empty table: most words of a text are refused at the first look
_MOST_WORDS = 64  # distinct words are kept as bits


@cache
def word_table(name: str) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8]]:
    """The list called `name` as the hash table that `winnow.filters.kernels.words.count_listed` reads.

    Raises `KeyError` for an unknown list and `ValueError` for one of more than 64 words.
    """
    words = WORD_LISTS[name]
    if len(words) > _MOST_WORDS:
        raise ValueError(f"the list {name!r} has {len(words)} words; {_MOST_WORDS} is the most")
    return hash_table([(spelling, number) for number, word in enumerate(words) for spelling in _spellings(name, word)])


def hash_table(entries: Sequence[tuple[str, int]]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8]]:
    """Hashes of words and the small numbers that go with them, in the slot that the hash names or in the next.

    0 is an empty slot. The table grows until no word is further away.
    """
    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.words import hash_strings, insert_listed

    data, offsets = text_buffers(pa.array([spelling for spelling, _ in entries], pa.large_string()))
    hashes = np.empty(len(entries), np.uint64)
    hash_strings(data, offsets, hashes)
    size = 1 << (len(entries) * _SLOTS_PER_WORD - 1).bit_length()
    while True:
        listed, numbers = np.zeros(size, np.uint64), np.zeros(size, np.int8)
        if insert_listed(hashes, np.array([number for _, number in entries], np.int8), listed, numbers) <= 1:
            return listed, numbers
        size *= 2


def _spellings(name: str, word: str) -> Iterable[str]:
    """The word as it stands, or in every mixture of capitals and small letters."""
    if not name.endswith(_ANY_CASE):
        return [word]
    return sorted("".join(letters) for letters in product(*({letter, letter.upper()} for letter in word)))
