"""The loop that cuts a page into blocks: one pass over the bytes, a stack of open elements, no tree.

White space is run together as browsers do it, except inside `<pre>`, which stays as it is, and except that a line break
between two Chinese or Japanese characters leaves nothing: their lines are wrapped without spaces.
"""

from __future__ import annotations

import numpy as np

from winnow.filters.kernels.bytes import kernel
from winnow.formats.html.characters import (
    AMPERSAND,
    BACKTICK,
    end_of_text,
    find_byte,
    find_key,
    hash_name,
    is_letter,
    is_wide,
    is_wide_before,
    put,
    put_blank,
    read_blank,
    read_entity,
)
from winnow.formats.html.elements import (
    ADDRESS_END,
    ADDRESS_START,
    BANG,
    BLOCK,
    BRACKET,
    BREAK,
    CLASS_END,
    CLASS_START,
    CODE,
    CODED,
    DEEPEST,
    DOUBLE,
    DROPPED_TRAIT,
    ELEMENT,
    END,
    FIGURE,
    GREATER,
    INLINE,
    LESS,
    LINK,
    LINKED,
    LINKS,
    NEWLINE,
    OPENS,
    PARENT,
    PRE,
    PRESERVED,
    QUESTION,
    RAW,
    RUBY,
    SIGNATURE,
    SLASH,
    SPACE,
    START,
    TEXT_END,
    TEXT_START,
    VOID,
    Q,
    after_closing,
    before_opening,
    open_element,
    read_attributes,
    skip_declaration,
    skip_inline,
    skip_raw,
)


@kernel
def tokenise(
    data, size, out, blocks, elements, traits, links, stack, counts, windows,
    tag_keys, tag_values, word_keys, word_values, entity_keys, entity_values,
):  # fmt: skip
    """Fills `out`, `blocks`, `elements`, `traits`, `links` and `counts`: how many rows of blocks, elements and links."""
    at, end = np.int64(0), np.int64(size)
    write = start = linked_from = coded_from = np.int64(0)
    block_count, element_count, link_count = np.int64(0), np.int64(1), np.int64(0)
    top = overflow = np.int64(0)
    in_link = in_cdata = ticked = False
    in_code = np.int64(0)
    linked = block_links = coded = inline = np.int64(0)
    pending = 0  # white space not yet written: 1 some, 2 with a line break in it
    elements[0, PARENT] = -1
    while True:
        byte = data[at] if at < end else LESS
        hidden = stack[top, 1] > 0
        preserved = stack[top, 2] > 0
        if byte == LESS:
            number, roles, trait, closing, name = np.int64(0), np.int64(0), np.int64(-1), False, np.uint64(0)
            traits_here, signature = np.int64(0), np.int64(0)
            named, named_end = np.int64(0), np.int64(0)
            address, address_end, figure, self_closed = np.int64(0), np.int64(0), np.int64(0), False
            if at < end:
                if at + 1 < end and data[at + 1] == BANG:
                    in_cdata |= at + 2 < end and data[at + 2] == BRACKET
                    at = skip_declaration(data, at, end)
                    continue
                closing = at + 1 < end and data[at + 1] == SLASH
                if not (at + 1 + closing < end and is_letter(data[at + 1 + closing])):
                    if closing or (at + 1 < end and data[at + 1] == QUESTION):
                        at = min(find_byte(data, at, end, GREATER) + 1, end)
                        continue
                    if not hidden:
                        write, pending = put_blank(out, start, write, pending), 0
                        write = put(out, write, LESS)
                    at += 1
                    continue
                name, stop = hash_name(data, at + 1 + closing, end)
                slot = find_key(tag_keys, name)
                if slot >= 0:
                    number, roles, trait = tag_values[slot, 0], tag_values[slot, 1], tag_values[slot, 2]
                if closing:
                    at = min(find_byte(data, stop, end, GREATER) + 1, end)
                else:
                    traits_here, signature, named, named_end, address, address_end, figure, self_closed, at = (
                        read_attributes(data, stop, end, word_keys, word_values)
                    )
                    if roles & RAW and not self_closed:
                        at = skip_raw(data, at, end, name)
                        continue
            else:
                roles = np.int64(BLOCK)  # the end of the page ends the last block
            if preserved and roles & (BLOCK | BREAK) and not roles & PRE and at < end:
                if write > start and (roles & BREAK or out[write - 1] != NEWLINE):
                    out[write] = NEWLINE  # the lines of a listing may be elements
                    write += 1
            elif roles & BREAK:
                if not hidden and write > start:
                    if out[write - 1] == NEWLINE:
                        roles |= np.int64(BLOCK)  # two in a row separate paragraphs
                    else:
                        out[write] = NEWLINE
                        write += 1
                pending = 0
            if roles & BLOCK and (not preserved or roles & PRE or at >= end):
                stop = end_of_text(out, start, write, coded_from if ticked else np.int64(-1))
                ticked = False
                if stop > start and (block_count < blocks.shape[0] - 1 or at >= end):
                    if in_link:
                        linked += max(stop - linked_from, 0)
                    if in_code:
                        coded += max(stop - coded_from, 0)
                    blocks[block_count, START] = start
                    blocks[block_count, END] = stop
                    blocks[block_count, ELEMENT] = stack[top, 0]
                    blocks[block_count, LINKED] = min(linked, stop - start)
                    blocks[block_count, LINKS] = block_links
                    blocks[block_count, CODED] = min(coded, stop - start)
                    blocks[block_count, INLINE] = inline
                    blocks[block_count, PRESERVED] = preserved
                    block_count += 1
                    out[stop] = NEWLINE
                    write = stop + 1
                    start = write
                elif stop == start:
                    write = start
                linked = block_links = coded = inline = np.int64(0)
                linked_from = coded_from = write
                pending = 0
            if at >= end and name == np.uint64(0):
                break
            if roles & LINK:
                if in_link:
                    linked += max(write - linked_from, 0)
                    links[link_count - 1, TEXT_END] = write
                in_link = not closing and link_count < links.shape[0]
                if in_link:
                    linked_from = write
                    block_links += 1
                    inline |= traits_here
                    links[link_count, TEXT_START] = write
                    links[link_count, ADDRESS_START] = address
                    links[link_count, ADDRESS_END] = address_end
                    link_count += 1
                continue
            if roles & CODE and preserved and named_end > named and elements[stack[top, 0], CLASS_END] == 0:
                elements[stack[top, 0], CLASS_START] = named
                elements[stack[top, 0], CLASS_END] = named_end
            elif roles & CODE and not preserved and not hidden:
                if closing and in_code > 0:
                    in_code -= 1
                    if in_code == 0:
                        coded += max(write - coded_from, 0)
                        if ticked and write > start and out[write - 1] == BACKTICK and write - 1 == coded_from:
                            write -= 1
                        elif ticked:
                            write = put(out, write, BACKTICK)
                        ticked = False
                elif not closing:
                    in_code += 1
                    if in_code == 1:
                        write, pending = put_blank(out, start, write, pending), 0
                        ticked, coded_from = True, write
                        write = put(out, write, BACKTICK)
            if number == Q and not hidden:
                if not closing and not preserved:
                    write, pending = put_blank(out, start, write, pending), 0
                write = put(out, write, DOUBLE)
            if traits_here & DROPPED_TRAIT and not roles & OPENS:
                at = skip_inline(data, at, end, name)
                continue
            if roles & VOID or self_closed or number == 0:
                continue
            if closing:
                if roles & OPENS or number == RUBY:
                    if overflow > 0:
                        overflow -= 1
                    else:
                        top = after_closing(elements, stack, top, number)
            elif roles & OPENS:
                top = before_opening(elements, stack, top, number, roles)
                if top >= DEEPEST - 1 or element_count >= elements.shape[0]:
                    overflow += 1
                    continue
                if trait >= 0:
                    traits_here |= np.int64(1) << trait
                open_element(elements, traits, stack, top, element_count, number, roles, traits_here)
                elements[element_count, SIGNATURE] = signature * 128 + number
                elements[element_count, FIGURE] = figure
                elements[element_count, CLASS_START] = named
                elements[element_count, CLASS_END] = named_end
                top += 1
                element_count += 1
                if roles & PRE and at < end:  # as browsers do
                    at += data[at] == 13
                    at += at < end and data[at] == NEWLINE
            else:
                inline |= traits_here
            continue
        if hidden:
            at = find_byte(data, at, end, LESS)
            continue
        if preserved:
            if byte == 13:
                at += 1
                if at < end and data[at] == NEWLINE:
                    continue
                byte = np.uint8(NEWLINE)
                at -= 1
            if byte != AMPERSAND and byte != 0xC2:
                out[write] = byte
                write += 1
                at += 1
                continue
        elif byte <= SPACE:
            pending = max(pending, 2 if byte == NEWLINE else 1)
            at += 1
            continue
        point, second, stop = np.int64(-1), np.int64(0), at
        if byte == AMPERSAND:
            point, second, stop = read_entity(data, at, end, entity_keys, entity_values, windows)
            if point <= 0:
                point = np.int64(AMPERSAND)
                stop = at + 1
        elif byte >= 0xC2:
            point, stop = read_blank(data, at)
        if point == 0xAD or point == 0x200B or point == 0xFEFF:
            at = stop
            continue
        if point == 0xA0 or point == 0x3000 or (0 < point <= SPACE):
            if preserved:
                write = put(out, write, SPACE if point == 0xA0 else point)
            else:
                pending = max(pending, 1)
            at = stop
            continue
        if pending:
            if write > start and out[write - 1] != NEWLINE:
                wide = pending == 2 and is_wide_before(out, write) and is_wide(data, at)
                if not wide:
                    out[write] = SPACE
                    write += 1
            pending = 0
        if point >= 0:
            write = put(out, write, point)
            if second > 0:
                write = put(out, write, second)
            at = stop
            continue
        if byte == GREATER and in_cdata and write > start + 1 and out[write - 1] == 93 and out[write - 2] == 93:
            in_cdata = False
            write -= 2  # ]]>
            if out[write - 1] == SPACE:
                write -= 1
                pending = 1
            at += 1
            continue
        out[write] = byte
        write += 1
        at += 1
    counts[0], counts[1], counts[2] = block_count, element_count, link_count
