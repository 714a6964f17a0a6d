"""The members of an archive, a folder or a single file, one after the other, whoever made it.

Formats are known by their content: tar (plain, gzip, bzip2, xz, zstd), zip (so wheels and EPUB too), a folder, a lone
compressed file; anything else is its own only member. A member that is compressed by itself (`notes.md.gz` in a folder
of documentation) is unpacked, and goes by its inner name, where that is asked for and its own isn't. Nothing is ever
unpacked to a disk. What is hostile or broken costs only itself: a member with an absolute name, `..`, a name that isn't
UTF-8, a link, a device, a false checksum or too many bytes is reported to `reject` and skipped; a stream that ends early
or swells like a bomb ends the archive there, with what came before it kept.
"""

from __future__ import annotations

import io
import re
import stat
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from winnow.formats.addresses import filesystem_of
from winnow.formats.containers.inflate import Broken, Inflated, Limits
from winnow.formats.containers.member_names import fits, harm, printable, relative
from winnow.formats.containers.zips import ZIP_ERRORS, open_zip, zip_day, zip_name
from winnow.formats.splits import SPLIT_BYTES, Split

ZIP_MAGIC = b"PK\x03\x04"
ARCHIVE_NAME = re.compile(r"\.(tar(\.\w+)?|t[gbx]z|zip)$", re.IGNORECASE)
PACKED_SUFFIX = re.compile(r"\.(gz|bz2|xz|zst)$", re.IGNORECASE)
TAR_ERRORS = (tarfile.TarError, ValueError, OverflowError, RecursionError, LookupError)

Reject = Callable[[str, str, object], None]
"""`reject(name, rule, value)`: the member's name, why it was skipped (`link`, `size`, `bomb` …), and what was found."""

Include = Sequence[str] | Callable[[str], bool]
DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Member:
    """One file: its name inside the archive (relative, `/`), size in bytes, modification day (ISO 8601, where kept)."""

    name: str
    size: int
    date: str | None
    content: bytes = field(repr=False)

    def read(self) -> bytes:
        """The content; it was read and checked before, so this never fails."""
        return self.content


def ignore(name: str, rule: str, value: object) -> None:
    """The `reject` of a caller who needs no account of what was skipped."""


def members(
    path: str,
    *,
    include: Include = ("*",),
    limits: Limits = DEFAULT_LIMITS,
    reject: Reject = ignore,
    start: int = 0,
    stop: int = -1,
) -> Iterator[Member]:
    """Yields the files of `path` whose name matches one of the patterns (`*` crosses `/`), in the archive's own order.

    In place of patterns `include` may be a function that says of a name whether it is asked for.

    Files of a folder come sorted by name. `start` and `stop` bound the entries looked at, as `member_splits` cut them.
    Raises `OSError` when the path itself can't be read.
    """
    filesystem, root = filesystem_of(path)
    if filesystem.isdir(root):
        yield from _Walk(include, limits, reject, start, stop).folder(filesystem, root)
        return
    with filesystem.open(root, "rb") as stream:
        name = path.rsplit("/", 1)[-1]
        yield from unpack(stream, name, include=include, limits=limits, reject=reject, start=start, stop=stop)


def unpack(
    stream: IO[bytes],
    name: str,
    *,
    include: Include = ("*",),
    limits: Limits = DEFAULT_LIMITS,
    reject: Reject = ignore,
    start: int = 0,
    stop: int = -1,
) -> Iterator[Member]:
    """The members of an open, seekable archive called `name`: for example of a member that is an archive itself."""
    try:
        yield from _Walk(include, limits, reject, start, stop).file(stream, name)
    except Broken as broken:
        reject(name, broken.rule, broken.value)


def holds_members(path: str) -> bool:
    """Whether a path is a folder or an archive, or is called one: no lone file, compressed or not."""
    filesystem, root = filesystem_of(path)
    if filesystem.isdir(root) or ARCHIVE_NAME.search(path):
        return True
    with filesystem.open(root, "rb") as stream:
        return stream.read(4) == ZIP_MAGIC or _is_tar(Inflated(stream, DEFAULT_LIMITS).peek(tarfile.BLOCKSIZE))


def member_splits(path: str, split_bytes: int = SPLIT_BYTES) -> list[Split]:
    """Cuts a folder or a zip file into runs of entries of about `split_bytes` (unpacked); a stream is one piece."""
    filesystem, root = filesystem_of(path)
    if filesystem.isdir(root):
        sizes = [int(entry["size"] or 0) for _, entry in below(filesystem, root)]
    else:
        with filesystem.open(root, "rb") as stream:
            if stream.read(4) != ZIP_MAGIC:
                return [Split(path)]
            try:
                sizes = [entry.file_size for entry in open_zip(stream).infolist()]
            except Broken:
                return [Split(path)]
    bounds, pending = [0], 0
    for index, size in enumerate(sizes):
        if pending and pending + size > split_bytes:
            bounds.append(index)
            pending = 0
        pending += size
    return [Split(path, first, last) for first, last in zip(bounds, [*bounds[1:], -1], strict=True)]


@dataclass
class _Walk:
    """One journey through one archive: how far it has come, and what it has seen."""

    include: Include
    limits: Limits
    reject: Reject
    start: int
    stop: int
    index: int = -1
    unpacked: int = 0
    seen: set[str] = field(default_factory=set)

    def folder(self, filesystem: Any, root: str) -> Iterator[Member]:
        for path, entry in below(filesystem, root):
            if not self._in_range():
                continue
            name = path[len(root.rstrip("/")) + 1 :]
            if entry.get("islink"):
                self.reject(printable(name), "link", entry.get("destination"))
            elif entry["type"] != "file":
                self.reject(printable(name), "device", entry["type"])
            elif asked := self._wanted(name, int(entry["size"] or 0)):
                yield from self._member(asked, name, None, bytes(filesystem.cat_file(path)))

    def file(self, stream: IO[bytes], name: str) -> Iterator[Member]:
        magic = stream.read(4)
        if magic == ZIP_MAGIC:
            yield from self._zip(stream)
            return
        inflated = Inflated(stream, self.limits)
        if _is_tar(inflated.peek(tarfile.BLOCKSIZE)):
            yield from self._tar(inflated)
        elif self._in_range():
            inner = PACKED_SUFFIX.sub("", name) if inflated.compressed else name
            if ARCHIVE_NAME.search(name):
                self.reject(printable(inner), "corrupt", f"no archive: it begins with {magic.hex() or 'nothing'}")
            elif self._wanted(inner, 0):
                yield from self._unpacked(inner, None, inflated)

    def _tar(self, stream: Inflated) -> Iterator[Member]:
        try:
            archive = tarfile.TarFile(fileobj=stream, mode="r", encoding="utf-8")
            while (entry := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # tarfile would keep every header it has seen
                if not self._in_range() or entry.isdir():
                    continue
                if entry.issym() or entry.islnk():
                    self.reject(printable(entry.name), "link", printable(entry.linkname))
                elif not entry.isreg() or entry.issparse():
                    self.reject(printable(entry.name), "device", entry.type.decode("latin-1"))
                elif asked := self._wanted(entry.name, entry.size):
                    stream.seek(entry.offset_data)
                    content = stream.read(entry.size)
                    if len(content) < entry.size:
                        raise Broken("truncated", f"{len(content)} of {entry.size} bytes of {entry.name}")
                    yield from self._member(asked, relative(entry.name), _day(entry.mtime), content)
            if stream.last != bytes(tarfile.BLOCKSIZE):  # the end is a block of zeros; tarfile takes any damage for it
                raise Broken("truncated", "no end of archive")
        except TAR_ERRORS as error:
            raise Broken("corrupt", f"{type(error).__name__}: {error}") from error

    def _zip(self, stream: IO[bytes]) -> Iterator[Member]:
        packed = stream.seek(0, io.SEEK_END)
        allowed = min(self.limits.total_bytes, max(self.limits.slack, self.limits.ratio * packed))
        archive = open_zip(stream)
        for entry in archive.infolist():
            name = zip_name(entry)
            if not self._in_range() or name.endswith("/"):
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                self.reject(printable(name), "link", entry.file_size)
            elif entry.flag_bits & 1:
                self.reject(printable(name), "encrypted", entry.flag_bits)
            elif asked := self._wanted(name, entry.file_size):
                self.unpacked += entry.file_size
                if self.unpacked > allowed:
                    raise Broken("bomb", f"{self.unpacked} bytes from {packed}")
                try:
                    with archive.open(entry) as file:
                        content = file.read(entry.file_size + 1)
                except ZIP_ERRORS as error:
                    self.reject(relative(name), "corrupt", f"{type(error).__name__}: {error}")
                    continue
                yield from self._member(asked, relative(name), zip_day(entry), content)

    def _member(self, asked: str, name: str, date: str | None, content: bytes) -> Iterator[Member]:
        """The member under the name that was asked for: unpacked, where that is its inner one."""
        if asked == relative(name):
            yield Member(name, len(content), date, content)
            return
        try:
            yield from self._unpacked(asked, date, Inflated(io.BytesIO(content), self.limits))
        except Broken as broken:
            self.reject(asked, broken.rule, broken.value)

    def _unpacked(self, name: str, date: str | None, stream: Inflated) -> Iterator[Member]:
        """What a compressed stream holds. Raises `Broken`."""
        content = stream.read(self.limits.member_bytes + 1)
        if len(content) > self.limits.member_bytes:
            self.reject(name, "size", f"> {self.limits.member_bytes}")
        else:
            yield Member(name, len(content), date, content)

    def _in_range(self) -> bool:
        self.index += 1
        if self.index >= self.limits.members:
            raise Broken("members", f"> {self.limits.members}")
        return self.index >= self.start and (self.stop < 0 or self.index < self.stop)

    def _wanted(self, name: str, size: int) -> str | None:
        """The name under which this regular file is asked for, its own or its inner one, where it is and is harmless.

        A harmful one is reported, wanted or not.
        """
        rule = harm(name)
        name = relative(name) if rule is None else printable(name)
        if rule is None and not self._asked_for(name):
            name = PACKED_SUFFIX.sub("", name)
            if not self._asked_for(name):
                return None
        if rule is None and size > self.limits.member_bytes:
            rule = "size"
        if rule is None and name in self.seen:
            rule = "duplicate"
        if rule is not None:
            self.reject(name, rule, size)
            return None
        self.seen.add(name)
        return name

    def _asked_for(self, name: str) -> bool:
        if callable(self.include):
            return self.include(name)
        return fits(name, self.include)


def below(filesystem: Any, root: str) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a folder in the order in which `members` reads them."""
    return sorted(filesystem.find(root, detail=True).items())


def _is_tar(head: bytes) -> bool:
    """A first block whose checksum holds; a lone block of zeros is an empty archive's only sign, too weak to go by."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _day(seconds: float) -> str | None:
    """The UTC day of a time stamp; None for the zeros and nonsense of reproducible builds."""
    if not 315_532_800 < seconds < 4_102_444_800:  # 1980 … 2100
        return None
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
