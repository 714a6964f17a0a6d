"""Both ends of the pipe between a program and its tests. Runs inside the sandbox as source text: imports nothing of ours.

    serve(reads, writes, program)      the program's end: runs it, then does as it is asked
    judge(reads, writes, tests, mark)  the tests' end: runs them on what the program defined, and prints the mark at their end

Only data travel: numbers, text, bytes and containers of them, copied. A function, class or object of the program stays where
it is; the tests hold a `Remote` to it, which can be called, asked for attributes and items, and gone through. It can't be
compared or counted with: an object of the program's making would be equal to whatever tests expect. Callables of the tests
can be called by the program while it works for them. What tests expect, and their mark, the program never sees.
"""

from __future__ import annotations

import ast
import builtins
import collections
import decimal
import fractions
import importlib
import json
import os
import struct
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

MOST = 1 << 26  # bytes of a message
PLAIN = (object, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, type)


class Lost(BaseException):
    """The other end is gone, or what it sent is no message; no test that expects an exception takes it for one."""


class Refused(TypeError):
    """A value that can't be handed to the other end, or something that it may not ask."""


class Remote:
    """Something that the other end holds."""

    def __init__(self, wire: Wire, number: int) -> None:
        object.__setattr__(self, "_held", (wire, number))

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._ask("call", list(given), named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._ask("attribute", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("assign", name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._ask("item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._ask("put", key, value)

    def __len__(self) -> int:
        return int(self._ask("length"))

    def __str__(self) -> str:
        return str(self._ask("text"))

    def __repr__(self) -> str:
        return str(self._ask("shown"))

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        through = self._ask("iterate")
        while True:
            more, value = through._ask("next")
            if not more:
                return
            yield value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and other._number() == self._number()

    def __hash__(self) -> int:
        return hash(self._number())

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise Refused("an object of the program can't be copied")

    def _number(self) -> int:
        number: int = object.__getattribute__(self, "_held")[1]
        return number

    def _ask(self, what: str, *given: Any) -> Any:
        wire, number = object.__getattribute__(self, "_held")
        return wire.ask(what, number, *given)


class Wire:
    """Messages of JSON behind their length; one request is under way at a time, and requests within it."""

    def __init__(self, reads: int, writes: int, operations: tuple[str, ...]) -> None:
        self.reads, self.writes, self.operations = reads, writes, operations
        self.held: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.errors: dict[str, type[Exception]] = {}
        self.sound = True

    def send(self, message: Any) -> None:
        said = json.dumps(message).encode()
        rest = struct.pack(">Q", len(said)) + said
        while rest:
            rest = rest[os.write(self.writes, rest) :]

    def receive(self) -> Any:
        (length,) = struct.unpack(">Q", self._read(8))
        if length > MOST:
            self.sound = False
            raise Lost("a message without an end")
        return json.loads(self._read(length))

    def _read(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            part = os.read(self.reads, min(count - len(found), 1 << 16))
            if not part:
                self.sound = False
                raise Lost("the other end is gone")
            found += part
        return bytes(found)

    def ask(self, what: str, number: int, *given: Any) -> Any:
        """What comes of a request; containers that a call was given are then as it left them. Raises what it raised."""
        self.send(["ask", what, number, [self.encode(value) for value in given]])
        while True:
            message = self.receive()
            if message[0] == "ask":
                self.answer(message)
                continue
            if message[0] == "raise":
                raise self._raised(*map(str, message[1:]))
            if what == "call":
                for value, after in zip(given[0], self.decode(message[2]), strict=True):
                    take_over(value, after)
            return self.decode(message[1])

    def answer(self, message: Any) -> None:
        """Does what it is asked and says what came of it."""
        try:
            _, what, number, told = message
            if what not in self.operations:
                raise Refused(f"{what} isn't permitted here")
            given = [self.decode(value) for value in told]
            result = OPERATIONS[what](self.held[number], *given)
            left = [value if isinstance(value, MUTABLE) else None for value in given[0]] if what == "call" else []
            reply = ["done", self.encode(result), self.encode(left)]
        except Lost:
            raise
        except Exception as error:
            reply = ["raise", type(error).__name__, nearest(type(error)), str(error)[:1_000]]
        self.send(reply)

    def _raised(self, own: str, name: str, message: str) -> Exception:
        """The tests' copy of an exception: of the program's own class where they know it, else of Python's nearest."""
        kind = self.errors.get(own) or getattr(builtins, name, None)
        # Those that end a `map` over a program's function, and what is compared with it.
        ends = StopIteration | StopAsyncIteration
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, ends):
            try:
                return kind(message)
            except TypeError:  # it wants more to say
                pass
        return RuntimeError(f"{own}: {message}")

    def encode(self, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return ["int", hex(value)]
        if isinstance(value, float):
            return ["float", float.hex(value)]
        if isinstance(value, Remote) and object.__getattribute__(value, "_held")[0] is self:
            return ["yours", value._number()]
        for name, (kind, parts, _) in KINDS.items():
            if isinstance(value, kind):
                return [name, [self.encode(part) for part in parts(value)]]
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__]
        if isinstance(value, type) and (value in PLAIN or issubclass(value, Exception)):
            return ["class", [value.__name__, nearest(value)]]
        if self.operations == ("call",) and not callable(value):
            raise Refused(f"a {type(value).__name__} of the tests can't be handed to the program")
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.held)
            self.held.append(value)
        return ["mine", self.numbers[id(value)]]

    def decode(self, told: Any) -> Any:
        if told is None or isinstance(told, bool | str):
            return told
        name, rest = told
        match name:
            case "int":
                return int(rest, 16)
            case "float":
                return float.fromhex(rest)
            case "yours":
                return self.held[rest]
            case "mine":
                return Remote(self, int(rest))
            case "module" if rest.partition(".")[0] in sys.stdlib_module_names:
                return importlib.import_module(rest)
            case "class":
                return self._class(*map(str, rest))
        return KINDS[name][2]([self.decode(part) for part in rest])

    def _class(self, own: str, name: str) -> type:
        """One of Python's plain classes, or the tests' copy of an exception's."""
        kind = getattr(builtins, name)
        if not isinstance(kind, type) or not (kind in PLAIN or issubclass(kind, Exception)):
            raise Lost(f"{name} is no class that travels")
        if own == name:
            return kind
        return self.errors.setdefault(own, type(own, (kind,), {}))


Parts = Callable[[Any], Any]
KINDS: dict[str, tuple[type, Parts, Parts]] = {
    "list": (list, list.__iter__, list),
    "tuple": (tuple, tuple.__iter__, tuple),
    "dict": (dict, dict.items, dict),
    "set": (set, set.__iter__, set),
    "frozenset": (frozenset, frozenset.__iter__, frozenset),
    "deque": (collections.deque, collections.deque.__iter__, collections.deque),
    "range": (range, lambda value: (value.start, value.stop, value.step), lambda parts: range(*parts)),
    "bytes": (bytes, bytes.__iter__, bytes),
    "bytearray": (bytearray, bytearray.__iter__, bytearray),
    "complex": (complex, lambda value: (value.real, value.imag), lambda parts: complex(*parts)),
    "decimal": (
        decimal.Decimal,
        lambda value: (decimal.Decimal.__str__(value),),
        lambda parts: decimal.Decimal(*parts),
    ),
    "fraction": (
        fractions.Fraction,
        lambda value: (value.numerator, value.denominator),
        lambda parts: fractions.Fraction(*parts),
    ),
}
"""What travels as data: its class, its parts, and the same made of parts. Subclasses travel as what they are a kind of."""
MUTABLE = (list, dict, set, bytearray, collections.deque)


def _following(through: Iterator[Any]) -> tuple[bool, Any]:
    for value in through:
        return True, value
    return False, None


OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda held, given, named: held(*given, **named),
    "attribute": getattr,
    "assign": setattr,
    "item": lambda held, key: held[key],
    "put": lambda held, key, value: held.__setitem__(key, value),
    "length": len,
    "text": str,
    "shown": repr,
    "iterate": iter,
    "next": _following,
}


def take_over(value: Any, after: Any) -> None:
    """Makes a container that was given what the other end made of it."""
    if type(value) is not type(after) or not isinstance(value, MUTABLE) or value == after:
        return
    if isinstance(value, list | bytearray):
        value[:] = after
        return
    value.clear()
    (value.extend if isinstance(value, collections.deque) else value.update)(after)


def nearest(kind: type) -> str:
    """The name of the nearest of Python's own classes."""
    return next(each.__name__ for each in kind.__mro__ if each.__module__ == "builtins")


def serve(reads: int, writes: int, program: str) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(program, "program", "exec"), scope)
    wire = Wire(reads, writes, tuple(OPERATIONS))
    wire.send({name: wire.encode(value) for name, value in list(scope.items()) if not name.startswith("__")})
    while True:
        try:
            message = wire.receive()
        except Lost:
            os._exit(0)
        wire.answer(message)


def judge(reads: int, writes: int, tests: str, mark: str) -> None:
    parsed = ast.parse(tests, "tests")
    wire = Wire(reads, writes, ("call",))
    told = wire.receive()
    names = meant(parsed, told.keys())
    scope = {name: wire.decode(told[name]) for name in names}
    scope |= {name: importlib.import_module(name) for name in used(parsed) - names if name in sys.stdlib_module_names}
    scope["__name__"] = "__main__"
    exec(compile(parsed, "tests", "exec"), scope)
    if wire.sound:
        os.write(1, mark.encode())
    os._exit(0)


def meant(tests: ast.Module, defined: Any) -> set[str]:
    """The names in tests that mean the program's.

    One that is Python's own too, as `sum` or `math`, means Python's, so that no program changes what its tests do; unless
    the tests use nothing else of the program's.
    """
    both = used(tests) & set(defined)
    return {name for name in both if not hasattr(builtins, name) and name not in sys.stdlib_module_names} or both


def used(tests: ast.Module) -> set[str]:
    """Names that tests use and don't define."""
    found, own = set[str](), set[str]()
    for node in ast.walk(tests):
        if isinstance(node, ast.Name):
            (found if isinstance(node.ctx, ast.Load) else own).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            own |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return found - own
