"""The Chinese dictionary and character model of jieba, laid out for kernels.

jieba (Sun Junyi, MIT licence) cuts Chinese by a dictionary of 349,046 words with frequencies and, where the dictionary
knows nothing, by a hidden Markov model over characters that begin a word (B), end one (E), stand inside (M) or alone
(S). Its data files are read from the installed package; none of its code runs.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from winnow.filters.kernels.bytes import PADDING, Bytes, byte_at, combine_hashes, decode, first_slot, inlined, kernel

Weights = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Runes = npt.NDArray[np.int32]

PLANE = 0x10000
"""The dictionary and the model know characters of the first plane only."""
UNKNOWN = math.nan
"""Weight of a character that begins no word."""
PREFIX = -math.inf
"""Weight of what begins a word and is none."""

BEGIN, END, MIDDLE, SINGLE = range(4)  # in the order of their letters, which decides ties
_LETTERS = "BEMS"
IMPOSSIBLE = -3.14e100
"""jieba's logarithm of zero; sums of it tie, so the very number matters."""

_SLOTS = 1 << 20  # for half a million words and beginnings of words
_LONGEST_WORD = 64
_FREQUENCY_SEPARATOR, _LINE_FEED = 0x20, 0x0A


@dataclass(frozen=True)
class Lexicon:
    """Word weights (logarithms of relative frequencies, float64) and the character model, all read only.

    `characters[c]` weighs the word of one character; `keys` and `weights` are a hash table of longer words and of their
    beginnings; `missing` weighs a character that the dictionary doesn't know. `emissions` (4 × 65,536), `starts` (4)
    and
    `transitions` (4 × 4) are logarithms of the model's probabilities.
    """

    characters: Weights
    keys: Hashes
    weights: Weights
    missing: float
    emissions: Weights
    starts: Weights
    transitions: Weights

    def tables(self) -> tuple[Weights, Hashes, Weights, float, Weights, Weights, Weights]:
        """All of it in the order in which `winnow.filters.kernels.chinese` takes it."""
        return (
            self.characters,
            self.keys,
            self.weights,
            self.missing,
            self.emissions,
            self.starts,
            self.transitions,
        )


@inlined
def find_slot(keys: Hashes, key: np.uint64) -> int:
    """The slot of `key`, or the empty one where it belongs."""
    slot = first_slot(key, keys.size)
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + 1) & (keys.size - 1)
    return slot


@kernel
def _read_dictionary(data: Bytes, size: int, characters: Weights, keys: Hashes, weights: Weights) -> float:
    """Fills the tables with frequencies from lines of `word frequency tag`; returns the sum of frequencies."""
    total = 0.0
    at = 0
    while at < size:
        key = np.uint64(0)
        length = 0
        last = 0
        slot = 0
        while data[at] != _FREQUENCY_SEPARATOR:
            code_point, width = decode(data, at)
            at += width
            length += 1
            last = code_point
            key = np.uint64(code_point) if length == 1 else combine_hashes(key, np.uint64(code_point))
            if length == 1:
                if np.isnan(characters[code_point]):
                    characters[code_point] = 0.0
            else:
                slot = find_slot(keys, key)
                keys[slot] = key
        at += 1
        frequency = 0
        while 0x30 <= data[at] <= 0x39:
            frequency = 10 * frequency + byte_at(data, at) - 0x30
            at += 1
        if length == 1:
            characters[last] = frequency
        else:
            weights[slot] = frequency
        total += frequency
        while at < size and data[at] != _LINE_FEED:
            at += 1
        at += 1
    return total


@kernel
def _weigh(frequencies: Weights, total: float) -> None:
    """Turns frequencies into logarithms of shares of `total`; 0 becomes `PREFIX`, NaN stays."""
    for index in range(frequencies.size):
        if frequencies[index] > 0:
            frequencies[index] = math.log(frequencies[index]) - math.log(total)
        elif frequencies[index] == 0:
            frequencies[index] = PREFIX


@cache
def load_lexicon() -> Lexicon:
    """jieba's dictionary and model. Takes 0.3 s once a process and 30 MB.

    Raises `ModuleNotFoundError` when the package isn't installed.
    """
    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("Chinese words are cut by the dictionary of the package jieba: pip install jieba")
    text = (Path(spec.origin).parent / "dict.txt").read_bytes()
    data = np.frombuffer(text + bytes(PADDING), np.uint8)
    characters = np.full(PLANE, UNKNOWN)
    keys, weights = np.zeros(_SLOTS, np.uint64), np.zeros(_SLOTS)
    total = _read_dictionary(data, len(text), characters, keys, weights)
    _weigh(characters, total)
    _weigh(weights, total)
    return Lexicon(characters, keys, weights, -math.log(total), *_load_model())


def _load_model() -> tuple[Weights, Weights, Weights]:
    from jieba.finalseg import prob_emit, prob_start, prob_trans

    emissions = np.full((4, PLANE), IMPOSSIBLE)
    transitions = np.full((4, 4), IMPOSSIBLE)
    for state, letter in enumerate(_LETTERS):
        for character, probability in prob_emit.P[letter].items():
            emissions[state, ord(character)] = probability
        for following, probability in prob_trans.P[letter].items():
            transitions[state, _LETTERS.index(following)] = probability
    return emissions, np.array([prob_start.P[letter] for letter in _LETTERS]), transitions
