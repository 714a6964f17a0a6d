"""Elements and their attributes: what a tag opens, closes and says of itself, for the loop that cuts a page into blocks."""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import kernel
from winnow.formats.html.characters import find_byte, find_key, hash_byte, hash_name, hash_start, is_letter, lower
from winnow.formats.html.tags import DROPPED, TAG, TRAITS, Role, fnv

DEEPEST = 512  # elements below are read as if they stood in the 512th
LONGEST_VALUE = 256  # bytes of a class attribute that are looked at for words
WINDOWS_1252 = np.array([ord(bytes([byte]).decode("cp1252", "replace")) for byte in range(128, 160)], np.int64)

# Columns of the table of blocks; LINKED and CODED are bytes inside <a> and <code>, INLINE the traits of inline elements.
START, END, ELEMENT, LINKED, LINKS, CODED, INLINE, PRESERVED = range(8)
BLOCK_COLUMNS = 8
# Columns of the table of elements; ORDINAL counts from 0 among the children of the parent, SIGNATURE is of tag and class,
# FIGURE is what `colspan`, `start` or `value` say, plus 65,536 times `rowspan`, CLASS where the class stands in the source.
PARENT, NUMBER, DEPTH, ORDINAL, CHILDREN, SIGNATURE, FIGURE, CLASS_START, CLASS_END = range(9)
ELEMENT_COLUMNS = 9
# Columns of the table of links, all in bytes: of the text, and of the address in the source.
TEXT_START, TEXT_END, ADDRESS_START, ADDRESS_END = range(4)
LINK_COLUMNS = 4

BLOCK, RAW, HIDDEN, VOID = int(Role.BLOCK), int(Role.RAW), int(Role.HIDDEN), int(Role.VOID)
BREAK, PRE, LINK, CODE, SCOPE = (int(r) for r in (Role.BREAK, Role.PREFORMATTED, Role.LINK, Role.CODE, Role.SCOPE))
OPENS = BLOCK | HIDDEN | PRE
P, LI, UL, OL, TD, TH, TR, TABLE, DD, DT, DL, RT, RP, RUBY, BODY, HTML, Q = (
    TAG[name]
    for name in [
        *("p", "li", "ul", "ol", "td", "th", "tr", "table", "dd", "dt", "dl", "rt", "rp", "ruby", "body", "html", "q"),
    ]
)
TBODY, THEAD, TFOOT = TAG["tbody"], TAG["thead"], TAG["tfoot"]
CLASS, ID, ROLE, ITEM, HREF, STYLE, ARIA = (
    np.uint64(fnv(name)) for name in ["class", "id", "role", "itemprop", "href", "style", "aria-hidden"]
)
COLUMNS, ROWS, FIRST, VALUE = (np.uint64(fnv(name)) for name in ["colspan", "rowspan", "start", "value"])
ROW_FIGURE = 1 << 16
DISPLAY, NONE = np.uint64(fnv("display")), np.uint64(fnv("none"))
HIDDEN_TRAIT = np.int64(1 << TRAITS.index("hidden"))
DROPPED_TRAIT = np.int64(1 << DROPPED)
LONGEST_DROPPED = 2048  # bytes of such a span that are passed over at once
SPACE, NEWLINE, BANG, DOUBLE, SINGLE, HYPHEN, SLASH = 32, 10, 33, 34, 39, 45, 47
LESS, EQUALS, GREATER, QUESTION, BRACKET = 60, 61, 62, 63, 91


@kernel
def words_of(data, start, end, keys, values):
    """The traits that the words of a class name, an id or a style tell. `camelCase` and `kebab-case` are several words."""
    traits = np.int64(0)
    state, length, after_lower, before = hash_start(), 0, False, np.uint64(0)
    for at in range(start, min(end, start + LONGEST_VALUE) + 1):
        byte = data[at] if at < end else 0
        capital = 65 <= byte <= 90
        if is_letter(byte) and not (capital and after_lower):
            state = hash_byte(state, lower(byte))
            length += 1
            after_lower = not capital
            continue
        if length:
            slot = find_key(keys, state)
            if slot >= 0:
                traits |= np.int64(1) << values[slot]
            if state == NONE and before == DISPLAY:
                traits |= HIDDEN_TRAIT
            before = state
        state, length, after_lower = hash_start(), 0, False
        if capital:
            state, length = hash_byte(state, lower(byte)), 1
    return traits


@kernel
def number_at(data, start, end):
    """The number that the digits from `start` on write, below ten thousand; 0 where there is none."""
    number = np.int64(0)
    while start < end and 48 <= data[start] <= 57 and number < 1000:
        number = number * 10 + data[start] - 48
        start += 1
    return number


@kernel
def read_attributes(data, at, end, keys, values):
    """The attributes from `at` to the end of a tag.

    Traits, a hash of the class and where it stands, the address, the figure, whether it is `/>`, and where the tag ends.
    """
    traits, signature, figure = np.int64(0), np.int64(0), np.int64(0)
    address, address_end = np.int64(0), np.int64(0)
    named, named_end = np.int64(0), np.int64(0)
    closed = False
    while at < end and data[at] != GREATER:
        byte = data[at]
        if byte <= SPACE or byte == SLASH:
            closed = byte == SLASH
            at += 1
            continue
        closed = False
        name = hash_start()
        begin = at
        while at < end and data[at] > SPACE and data[at] != GREATER and (data[at] != EQUALS or at == begin):
            if data[at] == SLASH and at + 1 < end and data[at + 1] == GREATER:
                break
            name = hash_byte(name, lower(data[at]))
            at += 1
        after = at
        while after < end and data[after] <= SPACE:
            after += 1
        if after >= end or data[after] != EQUALS:
            continue
        at = after + 1
        while at < end and data[at] <= SPACE:
            at += 1
        quote = data[at] if at < end else 0
        if quote == DOUBLE or quote == SINGLE:
            start = at + 1
            stop = find_byte(data, start, end, quote)
            at = stop + 1
        else:
            start = at
            while at < end and data[at] > SPACE and data[at] != GREATER:
                at += 1
            stop = at
        if name == CLASS or name == ID or name == ROLE or name == ITEM or name == STYLE:
            traits |= words_of(data, start, stop, keys, values)
            if name == CLASS:
                named, named_end = start, stop
                state = hash_start()
                for position in range(start, min(stop, start + LONGEST_VALUE)):
                    state = hash_byte(state, data[position])
                signature = np.int64(state >> np.uint64(40))
        elif name == HREF:
            address, address_end = start, stop
        elif name == ARIA and stop - start == 4 and lower(data[start]) == 116:  # aria-hidden="true"
            traits |= HIDDEN_TRAIT
        elif name == COLUMNS or name == FIRST or name == VALUE:
            figure += number_at(data, start, stop)
        elif name == ROWS:
            figure += number_at(data, start, stop) * ROW_FIGURE
    return traits, signature, named, named_end, address, address_end, figure, closed, min(at + 1, end)


@kernel
def skip_raw(data, at, end, name):
    """Past the closing tag of an element whose content is no markup; the end of the page where it has none."""
    while at < end:
        at = find_byte(data, at, end, LESS)
        if at + 1 < end and data[at + 1] == SLASH:
            found, stop = hash_name(data, at + 2, end)
            if found == name:
                return min(find_byte(data, stop, end, GREATER) + 1, end)
        at += 1
    return end


@kernel
def skip_inline(data, at, end, name):
    """Past the closing tag of a short element, elements of its own name inside it counted; where it stood if it is long."""
    depth, start, end = 1, at, min(end, at + LONGEST_DROPPED)
    while at < end:
        at = find_byte(data, at, end, LESS)
        closing = at + 1 < end and data[at + 1] == SLASH
        found, stop = hash_name(data, at + 1 + closing, end)
        if found == name:
            depth += -1 if closing else 1
        if depth == 0:
            return min(find_byte(data, stop, end, GREATER) + 1, end)
        at += 1
    return start


@kernel
def skip_declaration(data, at, end):
    """Past a comment, a doctype or a CDATA section's opening."""
    if at + 3 < end and data[at + 2] == HYPHEN and data[at + 3] == HYPHEN:
        at += 2
        while True:
            at = find_byte(data, at + 1, end, GREATER)
            if at >= end or (data[at - 1] == HYPHEN and data[at - 2] == HYPHEN):
                return min(at + 1, end)
    if at + 8 < end and data[at + 2] == BRACKET:  # <![CDATA[
        return at + 9
    return min(find_byte(data, at, end, GREATER) + 1, end)


@kernel
def level_of(elements, stack, top, first, second, stop, other_stop):
    """Where on the stack the innermost `first` or `second` is open, -1 if `stop` or `other_stop` comes before it."""
    level = top
    while level > 0:
        number = elements[stack[level, 0], NUMBER]
        if number == first or number == second:
            return level
        if number == stop or number == other_stop:
            return -1
        level -= 1
    return -1


@kernel
def before_opening(elements, stack, top, number, roles):
    """The top of the stack after what the opening of a tag closes by itself."""
    if roles & BLOCK:
        while top > 0 and (elements[stack[top, 0], NUMBER] == RT or elements[stack[top, 0], NUMBER] == RP):
            top -= 1
        if elements[stack[top, 0], NUMBER] == P:
            top -= 1
    level = -1
    if number == LI:
        level = level_of(elements, stack, top, LI, LI, UL, OL)
    elif number == TD or number == TH:
        level = level_of(elements, stack, top, TD, TH, TR, TABLE)
    elif number == TR:
        level = level_of(elements, stack, top, TR, TR, TABLE, TABLE)
    elif number == DD or number == DT:
        level = level_of(elements, stack, top, DD, DT, DL, DL)
    elif number == TBODY or number == THEAD or number == TFOOT:
        level = level_of(elements, stack, top, TBODY, THEAD, TABLE, TABLE)
    elif number == RT or number == RP:
        level = level_of(elements, stack, top, RT, RP, P, TD)
    return level - 1 if level > 0 else top


@kernel
def open_element(elements, traits, stack, top, element, number, roles, own_traits):
    """Puts an element below the one on top of the stack, and on top of it."""
    parent = stack[top, 0]
    elements[element, PARENT] = parent
    elements[element, NUMBER] = number
    elements[element, DEPTH] = elements[parent, DEPTH] + 1
    elements[element, ORDINAL] = elements[parent, CHILDREN]
    elements[parent, CHILDREN] += 1
    traits[element] = traits[parent] | own_traits
    stack[top + 1, 0] = element
    stack[top + 1, 1] = stack[top, 1] + (1 if roles & HIDDEN else 0)
    stack[top + 1, 2] = stack[top, 2] + (1 if roles & PRE else 0)


@kernel
def after_closing(elements, stack, top, number):
    """The top of the stack after a closing tag; one that nothing opened, or opened too far out, changes nothing."""
    if number == BODY or number == HTML:
        return top
    if number == RUBY:
        level = level_of(elements, stack, top, RT, RP, P, TD)
        return level - 1 if level > 0 else top
    structural = number == TABLE or number == TR or number == TBODY or number == TD or number == TH
    level = top
    while level > 0:
        found = elements[stack[level, 0], NUMBER]
        if found == number:
            return level - 1
        if found == TABLE or (not structural and (found == TD or found == TH)):
            return top
        level -= 1
    return top
