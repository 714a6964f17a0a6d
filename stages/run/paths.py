"""What is known of each of a run's files by its path, in some twenty bytes a file: its size, or its digest.

A run of 100,000 parts has more than five million files. As a `dict` of strings their paths, sizes and digests take 2 GB.
Most files bear the name of a part or a bucket, the same in each folder: a name is held once, with a number, and a folder
holds pages of values by these numbers.
"""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any, Generic, TypeVar, overload

PAGE = 64  # values that are held together: names that come together have numbers that follow each other

V = TypeVar("V")
P = TypeVar("P")
D = TypeVar("D")


class _Paths(MutableMapping[str, V], Generic[V, P]):
    """A mapping from paths, of pages of type `P`. Nought at a place of a page means that there is nothing."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []  # by their numbers
        self._folders: dict[str, dict[int, P]] = {}

    @abstractmethod
    def _empty(self) -> P:
        """A page of noughts."""

    @abstractmethod
    def _value(self, page: P, place: int) -> V | None: ...

    @abstractmethod
    def _put(self, page: P, place: int, value: V | None) -> None: ...

    @overload
    def get(self, path: str, default: None = None, /) -> V | None: ...
    @overload
    def get(self, path: str, default: V, /) -> V: ...
    @overload
    def get(self, path: str, default: D, /) -> V | D: ...
    def get(self, path: str, default: Any = None, /) -> Any:
        cut = path.rfind("/") + 1
        try:
            number = self._numbers[path[cut:]]
            page = self._folders[path[:cut]][number // PAGE]
        except KeyError:
            return default
        found = self._value(page, number % PAGE)
        return default if found is None else found

    def __getitem__(self, path: str) -> V:
        cut = path.rfind("/") + 1
        try:
            number = self._numbers[path[cut:]]
            found = self._value(self._folders[path[:cut]][number // PAGE], number % PAGE)
        except KeyError:
            found = None
        if found is None:
            raise KeyError(path)
        return found

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path) is not None

    def __setitem__(self, path: str, value: V) -> None:
        cut = path.rfind("/") + 1
        try:
            number = self._numbers[path[cut:]]
            page = self._folders[path[:cut]][number // PAGE]
        except KeyError:
            self.put(path[:cut], (path[cut:],), (value,))
        else:
            self._put(page, number % PAGE, value)

    def put(self, folder: str, names: Iterable[str], values: Iterable[V]) -> None:
        """Sets the values of files of one folder, which ends with `/` or is nothing, by their names in it."""
        pages = self._folders.get(folder)
        if pages is None:
            pages = self._folders[folder] = {}
        numbers, put = self._numbers, self._put
        for name, value in zip(names, values, strict=True):
            number = numbers.get(name)
            if number is None:
                number = numbers[name] = len(self._names)
                self._names.append(name)
            page = pages.get(number // PAGE)
            if page is None:
                page = pages[number // PAGE] = self._empty()
            put(page, number % PAGE, value)

    def __delitem__(self, path: str) -> None:
        self[path]  # raises `KeyError` where there is none
        cut = path.rfind("/") + 1
        number = self._numbers[path[cut:]]
        self._put(self._folders[path[:cut]][number // PAGE], number % PAGE, None)

    def __iter__(self) -> Iterator[str]:
        """By folder; in the order in which names came."""
        for folder, pages in self._folders.items():
            yield from self._within(folder, pages)

    def _within(self, folder: str, pages: dict[int, P]) -> Iterator[str]:
        for number, page in pages.items():
            for place, name in enumerate(self._names[number * PAGE : (number + 1) * PAGE]):
                if self._value(page, place) is not None:
                    yield folder + name

    def folders(self) -> Iterator[str]:
        """Every folder that files lie in: `a/b/`, and nothing for files that lie in none."""
        return iter(self._folders)

    def below(self, folder: str) -> Iterator[str]:
        """Every file in a folder, which ends with `/`, and in those below it."""
        for name, pages in self._folders.items():
            if name.startswith(folder):
                yield from self._within(name, pages)

    def __len__(self) -> int:
        """Counted anew each time."""
        return sum(1 for _ in self)


class Sizes(_Paths[int, "array[int]"]):
    """Bytes of each file."""

    def _empty(self) -> array[int]:
        return array("q", bytes(8 * PAGE))

    def _value(self, page: array[int], place: int) -> int | None:
        return page[place] - 1 if page[place] else None

    def _put(self, page: array[int], place: int, value: int | None) -> None:
        page[place] = 0 if value is None else value + 1

    def __len__(self) -> int:
        return sum(PAGE - page.count(0) for pages in self._folders.values() for page in pages.values())

    def total(self) -> int:
        """Bytes of all files."""
        return sum(sum(page) for pages in self._folders.values() for page in pages.values()) - len(self)


class Digests(_Paths[str, bytearray]):
    """The digest of each file: `BYTES` bytes, in hexadecimal. Raises `ValueError` for one of another length, or of noughts."""

    BYTES = 16
    _NONE = bytes(BYTES)

    def _empty(self) -> bytearray:
        return bytearray(PAGE * self.BYTES)

    def _value(self, page: bytearray, place: int) -> str | None:
        found = page[place * self.BYTES : (place + 1) * self.BYTES]
        return None if found == self._NONE else found.hex()

    def _put(self, page: bytearray, place: int, value: str | None) -> None:
        found = self._NONE if value is None else bytes.fromhex(value)
        if len(found) != self.BYTES or (value is not None and found == self._NONE):
            raise ValueError(f"{value!r} is no digest of {self.BYTES} bytes")
        page[place * self.BYTES : (place + 1) * self.BYTES] = found
