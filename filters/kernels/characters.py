"""What kind of character a code point is: one table for all of Unicode, read by every kernel that looks at characters.

The classes follow `str` of the running Python (its Unicode version), so that a plain Python loop is an oracle for them.
Two sets are conventions of the field and not of Unicode: what counts as punctuation and as the end of a sentence. Both
are those of datatrove 0.10 (`datatrove.utils.text`), which follow CCNet and the Unicode property Sentence_Terminal.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Classes = npt.NDArray[np.uint16]

SPACE = 1  # str.isspace
LETTER = 2  # str.isalpha
PUNCTUATION = 4  # `PUNCTUATION_CHARACTERS`, terminal marks and control characters except tab's neighbours \t \n
TERMINAL = 8  # ends a sentence
LINE_BREAK = 16  # str.splitlines cuts here
UPPER = 32  # str.isupper
DIGIT = 64  # str.isdigit
HAN = 128  # Unified ideographs with their extensions, and 々〆〇
ALPHANUMERIC = 256  # str.isalnum

PUNCTUATION_CHARACTERS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~´«»–—’“”„…∶━►、。〈〉《》「」【】！％（），．：；？～１"
"""The odd digit at the end stands in the published set."""

_CONTROL_RANGES = ((0, 8), (11, 31), (127, 159))  # \t and \n are absent from the published set

_TERMINAL_RANGES = """
21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 17D4-17D6
17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E
2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52
FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6
111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944
11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F
1DA88
"""

HAN_RANGES = ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))

_LINE_BREAKS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
_CODE_POINTS = 0x110000
_SURROGATES = range(0xD800, 0xE000)
_LAST_CLASSIFIED = 0x323AF  # nothing assigned beyond it has any of the classes


def terminal_ranges() -> tuple[tuple[int, int], ...]:
    """The inclusive ranges of code points that end a sentence: 159 characters of all scripts, 。！？．｡ among them."""
    bounds = (item.partition("-") for item in _TERMINAL_RANGES.split())
    return tuple((int(low, 16), int(high or low, 16)) for low, _, high in bounds)


@cache
def class_table() -> Classes:
    """The classes of every code point, uint16 of 1,114,112 entries; read only. Built once a process, in 0.15 s."""
    table = np.zeros(_CODE_POINTS, np.uint16)
    for code_point in range(_LAST_CLASSIFIED + 1):
        if code_point not in _SURROGATES:
            table[code_point] = _classes_of(chr(code_point))
    for character in PUNCTUATION_CHARACTERS:
        table[ord(character)] |= PUNCTUATION
    for low, high in _CONTROL_RANGES:
        table[low : high + 1] |= PUNCTUATION
    for low, high in terminal_ranges():
        table[low : high + 1] |= TERMINAL | PUNCTUATION
    for low, high in HAN_RANGES:
        table[low : high + 1] |= HAN
    for character in _LINE_BREAKS:
        table[ord(character)] |= LINE_BREAK
    table.flags.writeable = False
    return table


def _classes_of(character: str) -> int:
    classes = 0
    if character.isalnum():
        classes |= ALPHANUMERIC
        if character.isalpha():
            classes |= LETTER
        if character.isdigit():
            classes |= DIGIT
    elif character.isspace():
        classes |= SPACE
    if character.isupper():
        classes |= UPPER
    return classes
