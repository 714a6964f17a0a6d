"""What every kind of source answers, and the builder that turns records into Arrow batches.

A kind of source is one module in this folder. It has three public names:

- `Settings`, a pydantic model of the options that a profile may set for it;
- `splits(path, settings) → list[Split]`, which looks at one input's size or footer, never at its content, and cuts it
  into pieces that can be read alone;
- `read(split, settings, builder) → None`, which reads one piece and calls `builder.add(…)` for each document and
  `builder.reject(…)` for each record that can't become one. Every record is one or the other: nothing is lost silently.

It may have more names. `VERSION` is a number, bumped when the kind makes other documents of the same input, so that these
are read again; of a kind of your own, the digest of its code tells that too. `OPTIONAL` names packages with which it reads
more. `CONTENT` says what its texts are (`winnow.stages.document.Content`), where that is always the same: filters are bound
to it. Where it isn't there (`tables` holds anything), a profile says it.
"""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from itertools import accumulate
from types import ModuleType
from typing import Annotated, Any

import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from winnow.formats.charset.labels import known
from winnow.stages.document import DOCUMENT, REJECTION, document_id, metadata_json
from winnow.stages.run.code import brought

FLUSH_BYTES = 16 << 20
EXCERPT_CHARACTERS = 200
COMPUTED = {"id", "text", "source", "kind"}


def _known_charset(label: str | None) -> str | None:
    if label is not None and known(label) is None:
        raise ValueError(f"{label!r} is no charset that is known; there are utf-8, gb18030, big5, cp1251 …")
    return label


Charset = Annotated[
    str | None,
    AfterValidator(_known_charset),
    Field(description="charset of the files, where neither they nor their bytes tell it: `gb18030`, `cp1251` …"),
]
"""The setting by which a user names the charset of an input; nothing else is then asked."""


class SourceSettings(BaseModel):
    """The options of one kind of source; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass
class Builder:
    """Collects documents and rejections in columns and hands them on as tables of about 16 MiB of text."""

    source: str
    kind: str
    emit: Callable[[pa.Table], None]
    root: str = ""  # a prefix taken off every locator, so that ids don't depend on where the inputs lie
    documents: int = 0
    characters: int = 0
    rejections: list[dict[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._texts: list[bytes] = []
        self._ids: list[str] = []
        self._columns: dict[str, list[Any]] = {name: [] for name in DOCUMENT.names if name not in COMPUTED}
        self._pending = 0

    def add(
        self,
        *,
        text: str,
        locator: str,
        metadata: Mapping[str, Any] | None = None,
        **fields: str | None,
    ) -> None:
        """Takes one document. `fields` are the optional columns of `DOCUMENT` (url, title, license, messages …).

        Text that isn't valid Unicode (lone surrogates) or is empty is a rejection, not an error. Raises `TypeError` for what
        is no text, or a column that documents haven't got.
        """
        locator = self.below_root(locator)
        if not isinstance(text, str | None):
            raise TypeError(f"a document's text is a str, not {type(text).__name__}: {locator}")
        if not text or text.isspace():
            self.reject(locator=locator, rule="empty")
            return
        if metadata:
            fields["metadata"] = metadata_json(metadata)
        try:
            content = text.encode("utf-8")
            for value in fields.values():
                if value is not None and not value.isascii():
                    value.encode("utf-8")
        except AttributeError:
            wrong = [f"{name} {value!r:.40}" for name, value in fields.items() if not isinstance(value, str | None)]
            raise TypeError(f"columns of documents hold text: {', '.join(wrong)} of {locator} is no str") from None
        except UnicodeEncodeError as error:
            self.reject(locator=locator, rule="invalid_unicode", value=str(error)[:EXCERPT_CHARACTERS])
            return
        if not fields.keys() <= self._columns.keys():
            raise TypeError(
                f"documents have no column {', '.join(sorted(fields.keys() - self._columns))}: put it into `metadata`, or "
                f"call it as they do: {', '.join(name for name in self._columns if name not in {'locator', 'metadata'})}"
            )
        fields["locator"] = locator
        for name, value in fields.items():
            column = self._columns[name]
            if len(column) < len(self._texts):  # the documents before had none
                column.extend([None] * (len(self._texts) - len(column)))
            column.append(value)
        self._ids.append(document_id(self.source, locator, content))
        self._texts.append(content)
        self.documents += 1
        self.characters += len(text)
        self._pending += len(content)
        if self._pending >= FLUSH_BYTES:
            self.flush()

    def below_root(self, locator: str) -> str:
        """The locator as documents bear it: what is decided by a hash of it is the same wherever the inputs lie.

        Of a file name that isn't UTF-8 the bytes that aren't stand as `\\xNN`.
        """
        locator = locator.removeprefix(self.root)
        return locator if locator.isascii() else locator.encode("utf-8", "backslashreplace").decode()

    def reject(self, *, locator: str, rule: str, value: object = None, threshold: object = None) -> None:
        """Counts one record that became no document: why, what was found and what was allowed."""
        self.rejections.append(
            {
                "id": None,
                "locator": self.below_root(locator),
                "source": self.source,
                "stage": "ingest",
                "rule": f"{self.kind}.{rule}",
                "value": None if value is None else str(value)[:EXCERPT_CHARACTERS],
                "threshold": None if threshold is None else str(threshold),
            }
        )

    def rejecting(self, path: str) -> Callable[[str, str, object], None]:
        """`reject(place, rule, value)` for the records of one file, whose locators are `path#place`."""

        def reject(place: str, rule: str, value: object) -> None:
            self.reject(locator=f"{path}#{place}", rule=rule, value=value)

        return reject

    def flush(self) -> None:
        if rows := len(self._texts):
            same = {"source": [self.source] * rows, "kind": [self.kind] * rows}
            given = {name: column + [None] * (rows - len(column)) for name, column in self._columns.items()}
            columns = {**given, **same, "id": self._ids, "text": _text_array(self._texts)}
            self._clear()
            self.emit(pa.table({name: columns[name] for name in DOCUMENT.names}, schema=DOCUMENT))

    def rejection_table(self) -> pa.Table:
        """The rejections; a value that quotes the record has placeholders for personal data and secrets."""
        table = pa.Table.from_pylist(self.rejections, schema=REJECTION)
        if not self.rejections:
            return table
        from winnow.filters.confidential import redact  # brings numba, which a plan doesn't need

        place = REJECTION.get_field_index("value")
        return table.set_column(place, REJECTION.field(place), redact(table["value"]))


def _text_array(texts: list[bytes]) -> pa.LargeStringArray:
    """Texts as Arrow has them, without the check of their UTF-8 that `pa.array` makes: they come from strings."""
    bounds = array("q", accumulate(map(len, texts), initial=0))
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(bounds), pa.py_buffer(b"".join(texts)))


def kind_module(kind: str) -> ModuleType:
    """The module of a kind of source: one of this folder by its name, or the user's own by its dotted path.

    Raises `LookupError`, naming the kinds there are, when no such module exists.
    """
    if "." in kind:
        return brought(kind, f"kind {kind!r}")
    name = f"winnow.stages.ingest.{kind}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # of something that the module imports
            raise
        near = get_close_matches(kind, kinds(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(kinds())}"
        raise LookupError(f"no kind of source is called {kind!r}; {hint}") from None


def kind_version(kind: str) -> int:
    """The kind's `VERSION`, which is bumped when it makes other documents of the same input; 0 where it has none."""
    return int(getattr(kind_module(kind), "VERSION", 0))


def optional_packages(kind: str) -> tuple[str, ...]:
    """Of the kind's `OPTIONAL` packages, without which it rejects what it could read, those that are installed."""
    return tuple(name for name in getattr(kind_module(kind), "OPTIONAL", ()) if find_spec(name) is not None)


def kinds() -> list[str]:
    """The kinds that this folder holds: the modules with a `read` function."""
    import pkgutil

    package = importlib.import_module("winnow.stages.ingest")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(
        name for name in names if hasattr(importlib.import_module(f"winnow.stages.ingest.{name}"), "Settings")
    )
