"""Texts that try a regular expression: made of what it accepts, its repeats pumped, then something that makes it fail."""

from __future__ import annotations

import random
import re
import re._compiler as compiler
import re._constants as opcodes
import re._parser as parser
from collections.abc import Iterator
from functools import cached_property
from typing import Any

PER_PATTERN = 40
COMMON = " \t\n\r0aAfzZ_-.,:;/\\<>\"'=@#é一あ　"
SINGLE = (opcodes.LITERAL, opcodes.NOT_LITERAL, opcodes.IN, opcodes.ANY)
REPEATS = (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT)


class Adversary:
    """Texts that try a pattern, made from its own syntax tree."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self.pattern = pattern
        self.flags = pattern.flags
        source = pattern.pattern
        self.tree = parser.parse(source, self.flags & ~re.DEBUG)
        self.binary = isinstance(source, bytes)
        self.groups: dict[int, Any] = {}
        self.alphabet = list(dict.fromkeys([*self._literals(self.tree), *COMMON]))
        if self.binary:
            self.alphabet = [letter for letter in self.alphabet if ord(letter) < 256]

    def _literals(self, tree: Any) -> Iterator[str]:
        for code, value in tree:
            if code in (opcodes.LITERAL, opcodes.NOT_LITERAL):
                yield chr(value)
            elif code is opcodes.IN:
                for kind, item in value:
                    if kind is opcodes.LITERAL:
                        yield chr(item)
                    elif kind is opcodes.RANGE:
                        yield from (chr(item[0]), chr(item[1]))
            elif code is opcodes.SUBPATTERN and value[0]:
                self.groups[value[0]] = value[3]
            for inner in _inner(code, value):
                yield from self._literals(inner)

    def _accepts(self, node: Any) -> frozenset[str]:
        part = compiler.compile(parser.SubPattern(self.tree.state, [node]), self.flags & ~re.DEBUG)
        return frozenset(
            letter for letter in self.alphabet if part.fullmatch(letter.encode("latin-1") if self.binary else letter)
        )

    @cached_property
    def classes(self) -> dict[Any, frozenset[str]]:
        return {}

    def accepts(self, node: Any) -> frozenset[str]:
        key = repr(node)
        if key not in self.classes:
            self.classes[key] = self._accepts(node)
        return self.classes[key]

    @cached_property
    def kinds(self) -> list[str]:
        """One letter for each set of the pattern's classes that hold it."""
        self._visit(self.tree)
        held: dict[frozenset[str], str] = {}
        for letter in self.alphabet:
            held.setdefault(frozenset(key for key, letters in self.classes.items() if letter in letters), letter)
        return list(held.values())

    def _visit(self, tree: Any) -> None:
        for code, value in tree:
            if code in SINGLE:
                self.accepts((code, value))
            for inner in _inner(code, value):
                self._visit(inner)

    def sample(self, tree: Any, choice: int, least: int = 0) -> str:
        """A text that `tree` is likely to accept; `choice` takes other branches and letters, `least` repeats at least."""
        out = []
        for code, value in tree:
            if code in SINGLE:
                letters = [letter for letter in self.kinds if letter in self.accepts((code, value))]
                letters = letters or sorted(self.accepts((code, value))) or ["a"]
                out.append(letters[choice % len(letters)])
            elif code is opcodes.BRANCH:
                out.append(self.sample(value[1][choice % len(value[1])], choice, least))
            elif code in REPEATS:
                out.append(self.sample(value[2], choice, least) * min(max(value[0], min(least, value[1])), 40))
            elif code is opcodes.GROUPREF:
                out.append(self.sample(self.groups.get(value, ()), choice, least))
            elif code in (opcodes.ASSERT_NOT, opcodes.ASSERT):
                continue
            else:
                inner = _inner(code, value)
                out.append(self.sample(inner[0], choice, least) if inner else "")
        return "".join(out)

    def pumps(self, tree: Any, before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
        """What leads to each wide repeat, and texts that it repeats."""
        for code, value in tree:
            if code in REPEATS and value[1] >= 200:
                yield before, list(dict.fromkeys(self.sample(value[2], choice, 1) for choice in range(5)))
            for inner in _inner(code, value):
                yield from self.pumps(inner, before)
            node = [(code, value)]
            before = tuple(
                dict.fromkeys(
                    text + self.sample(node, choice, least)
                    for choice, (text, least) in enumerate([(before[0], 0), (before[-1], 1)])
                )
            )

    def texts(self) -> list[tuple[str, str, str]]:
        """`(before, repeated, after)`, those of the most promise first."""
        made: dict[tuple[str, str, str], None] = {}
        pumps = list(self.pumps(self.tree, ("",)))
        for before, bodies in pumps:
            for body in bodies:
                for lead in before:
                    made[lead, body, "\x00"] = None
                    made["", lead + body, "\x00"] = None
        for before, bodies in pumps:
            for body in bodies:
                for lead in before:
                    made["", body, lead or "\n"] = None
                    made[lead, body, "\n!"] = None
                    made["", lead, body * 3] = None
        whole = [self.sample(self.tree, choice, least) for choice in range(3) for least in (0, 1)]
        for text in whole:
            made["", text, "\x00"] = None
            made["", text[: len(text) // 2], ""] = None
            made["", text[:-1], "\x00"] = None
        for letter in self.kinds:
            made["", letter, ""] = None
            made["", letter, "\x00"] = None
        dice = random.Random(len(self.pattern.pattern))
        for _ in range(4):
            made["", "".join(dice.choices(self.kinds, k=97)), ""] = None
        return [text for text in made if text[1]][:PER_PATTERN]


def _inner(code: Any, value: Any) -> list[Any]:
    """The trees below a node."""
    if code in REPEATS:
        return [value[2]]
    if code is opcodes.BRANCH:
        return list(value[1])
    if code is opcodes.SUBPATTERN:
        return [value[3]]
    if code in (opcodes.ASSERT, opcodes.ASSERT_NOT):
        return [value[1]]
    if code is opcodes.ATOMIC_GROUP:
        return [value]
    if code is opcodes.GROUPREF_EXISTS:
        return [tree for tree in value[1:] if tree is not None]
    return []
