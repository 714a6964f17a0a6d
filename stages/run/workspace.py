"""Where a run keeps its files: one root, local or on an object store, written atomically.

Paths are relative to the root, with forward slashes. A write goes to a temporary name, is flushed to the disk and
renamed (on an object store: one PUT), so a reader sees a whole file or none. Every file written is noted with its size
and digest; the receipt of the unit that wrote it carries them.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.formats.listing import entries, sized
from winnow.stages.run.digests import Digesting, stream_digest
from winnow.stages.run.paths import Sizes

COMPRESSION = "zstd"
THREADED = 1 << 18  # bytes of a table that one thread decodes in less than a millisecond
PATTERN = frozenset("*?[")
NOT_OF_FOLDERS = frozenset({errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.EOPNOTSUPP})
"""What a file system says that flushes files, but no folders."""


@dataclass(frozen=True)
class Written:
    """A finished file: bytes on disk and the BLAKE2b-128 digest of them, in hexadecimal."""

    path: str
    bytes: int
    digest: str


@dataclass
class Workspace:
    """The files of one run. Cheap to make and to send to a worker: it holds no open file."""

    root: str
    written: list[Written] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._opened: Any = None
        if "://" not in self.root and "::" not in self.root:  # the common case costs no import of fsspec
            self._local, self._base = True, os.path.abspath(os.path.expanduser(self.root))
            return
        import fsspec

        self._opened, self._base = fsspec.core.url_to_fs(self.root)
        self._local = "file" in _protocols(self._opened)
        if self._local:
            self._base = os.path.abspath(self._base)

    @property
    def _filesystem(self) -> Any:
        if self._opened is None:
            import fsspec

            self._opened = fsspec.filesystem("file")
        return self._opened

    def __reduce__(self) -> tuple[Any, ...]:
        return (Workspace, (self.place,))

    @property
    def place(self) -> str:
        """The root as a process with another working folder finds it, too."""
        return self._base if "://" not in self.root and "::" not in self.root else self.root

    def path(self, name: str) -> str:
        """The name on the underlying file system, for libraries that open files themselves."""
        return f"{self._base}/{name}"

    @property
    def is_local(self) -> bool:
        return self._local

    def exists(self, name: str) -> bool:
        if self._local:
            return os.path.exists(self.path(name))
        return bool(self._filesystem.exists(self.path(name)))

    def list(self, folder: str, suffix: str = "") -> list[str]:
        """Every file below `folder`, as sorted workspace paths. A folder that isn't there is empty.

        Hidden files are none of a run's: what macOS (`._x.parquet`), NFS (`.nfs…`) and others leave beside its own.
        """
        found = (path for path in self._names(folder) if path.endswith(suffix) and not _is_temporary(path))
        return sorted(path for path in found if not path.rpartition("/")[2].startswith("."))

    def listed(self) -> tuple[Sizes, Sequence[str]]:
        """Every file of the run with its size, and the temporary files of units that were killed, by one listing.

        No other listing shows those. An object store has none: a PUT that was cut off left nothing.
        """
        sizes, left = Sizes(), []
        start = len(self._base) + 1
        if self._local:
            for folder, names, found in sized(self._base):
                inside = folder[start:] + "/" if len(folder) >= start else ""
                if some := [name for name in names if _is_temporary(name)]:
                    left += [inside + name for name in some]
                    finished = [
                        (name, size) for name, size in zip(names, found, strict=True) if not _is_temporary(name)
                    ]
                    names, found = [name for name, _ in finished], [size for _, size in finished]
                sizes.put(inside, names, found)
        else:
            for path, told in self._filesystem.find(self._base, detail=True).items():
                if not _is_temporary(path):
                    sizes[path[start:]] = int(told["size"])
        return sizes, sorted(left)

    def leftovers(self) -> Sequence[str]:
        """The temporary files of units that were killed while they wrote, sorted."""
        return sorted(path for path in self._names("") if _is_temporary(path)) if self._local else []

    def _names(self, folder: str) -> Iterator[str]:
        start = len(self._base) + 1
        place = self.path(folder) if folder else self._base
        if not self._local:
            yield from (path[start:] for path in self._filesystem.find(place))
        elif os.path.isfile(place):
            yield folder
        else:
            yield from (entry.path[start:] for entry in entries(place))

    def remove_leftovers(self) -> int:
        """Removes the temporary files of units that were killed while they wrote, and returns their number.

        Only for who works alone in the run's folder.
        """
        left = self.leftovers()
        self.remove_all(left)
        return len(left)

    def remove(self, name: str) -> None:
        """Removes a file, or a folder with all below it; what isn't there is passed over."""
        if not self._local:
            self.remove_all(list(self._names(name)))
        elif self.exists(name):
            self._filesystem.rm(self.path(name), recursive=True)

    def remove_all(self, names: Sequence[str]) -> None:
        """Removes files, of which some may be gone already: from S3 a thousand by one request."""
        for name in names if self._local else ():
            with suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(self.path(name))
        if self._local or not names:
            return
        paths = [self.path(name) for name in names]
        plain = [path for path in paths if PATTERN.isdisjoint(path)]  # fsspec takes others for patterns
        alone = [path for path in paths if not PATTERN.isdisjoint(path)]
        try:
            if plain:
                self._filesystem.rm(plain)
        except FileNotFoundError:  # of a store that doesn't pass over it
            alone = paths
        for path in alone:
            with suppress(FileNotFoundError):
                self._filesystem.rm_file(path)

    def read_bytes(self, name: str) -> bytes:
        if self._local:
            with open(self.path(name), "rb") as stream:
                return stream.read()
        return bytes(self._filesystem.cat_file(self.path(name)))

    def size(self, name: str) -> int:
        """Bytes of a file."""
        if self._local:
            return os.path.getsize(self.path(name))
        return int(self._filesystem.size(self.path(name)))

    def open_input(self, name: str, *, reads_ahead: bool = True) -> pa.NativeFile:
        """A seekable Arrow file; memory-mapped where the disk is local.

        `reads_ahead` is for reading from front to back: s3fs then fetches 50 MB beyond what is asked for.
        """
        if self._local:
            return pa.memory_map(self.path(name))
        cache = {} if reads_ahead else {"cache_type": "none"}
        return pa.PythonFile(self._filesystem.open(self.path(name), "rb", **cache), mode="r")

    def parquet(self, name: str) -> pq.ParquetFile:
        """A Parquet file of which only what is asked for is read: one bucket of an exchange, some columns.

        With reading ahead, a row group of 2 MB in a file of 128 MB cost 55 MB from S3; like this it costs 2.5 MB, in
        one request beside the footer's: Arrow joins ranges that lie side by side. Where pages carry checksums, they
        are compared: a flipped bit is an `OSError`.
        """
        file = self.open_input(name, reads_ahead=False)
        return pq.ParquetFile(file, pre_buffer=not self._local, page_checksum_verification=True)

    def read_table(
        self, name: str, columns: Sequence[str] | None = None, row_groups: Sequence[int] | None = None
    ) -> pa.Table:
        with self.parquet(name) as file:
            threads = _is_worth_threads(file.metadata)
            if row_groups is not None:
                return file.read_row_groups(row_groups, columns=columns, use_threads=threads)
            return file.read(columns=columns, use_threads=threads)

    @contextmanager
    def create(self, name: str, *, digest: str | None = None) -> Iterator[IO[bytes]]:
        """Opens a file for writing; it appears under its name, whole, when the block ends without an error.

        `digest`, where it is known: raises `DigestError` where what was written has another, and no file appears.
        """
        target = self.path(name)
        if not self._local:
            with self._filesystem.open(target, "wb") as stream:
                tee = Digesting(stream)
                try:
                    yield tee  # type: ignore[misc]
                    tee.check(digest)
                except BaseException:
                    stream.discard() if hasattr(stream, "discard") else None
                    raise
            self._note(name, tee)
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        temporary = f"{target}.{uuid.uuid4().hex[:8]}.tmp"
        try:
            with open(temporary, "wb") as stream:
                tee = Digesting(stream)
                yield tee  # type: ignore[misc]
                tee.check(digest)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
            flush_folder(os.path.dirname(target))
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)
        self._note(name, tee)

    def write_bytes(self, name: str, content: bytes) -> None:
        with self.create(name) as stream:
            stream.write(content)

    def write_new(self, name: str, content: bytes) -> bool:
        """Writes a file unless it is there; tells whether it did. Of two who try at once one does.

        Raises `NotImplementedError` where an object store has no conditional writes.
        """
        if self._local:
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            with suppress(FileExistsError), open(self.path(name), "xb") as stream:
                stream.write(content)
                return True
            return False
        try:
            self._filesystem.pipe_file(self.path(name), content, mode="create")
        except FileExistsError:
            return False
        except OSError as error:  # s3fs knows a refusal by its message, and Ceph's gateway sends none
            told = f"{error!r} {error.__cause__!r}"
            if "PreconditionFailed" in told or "ConditionalRequestConflict" in told:
                return False
            if "NotImplemented" in told:
                raise NotImplementedError(f"{self.root} knows no conditional writes") from error
            raise
        return True

    @contextmanager
    def create_parquet(self, name: str, schema: pa.Schema, **options: Any) -> Iterator[pq.ParquetWriter]:
        """A Parquet writer into a file that appears whole. zstd unless `options` say otherwise."""
        options = {"compression": COMPRESSION, **options}
        with self.create(name) as stream, pq.ParquetWriter(stream, schema, **options) as writer:
            yield writer

    def write_table(self, name: str, table: pa.Table, *, row_group_size: int | None = None, **options: Any) -> None:
        with self.create_parquet(name, table.schema, **options) as writer:
            writer.write_table(table, row_group_size=row_group_size)

    def _note(self, name: str, tee: Digesting) -> None:
        self.written.append(Written(path=name, bytes=tee.size, digest=tee.digest()))


def digest_file(workspace: Workspace, name: str) -> str:
    """The digest that `Workspace` would have noted when it wrote this file."""
    with open(workspace.path(name), "rb", buffering=0) if workspace.is_local else workspace.open_input(name) as stream:
        return stream_digest(stream)


def _is_worth_threads(footer: pq.FileMetaData) -> bool:
    """Whether decoding is long enough to be shared: to hand a small table to threads costs as much as to decode it."""
    groups = int(footer.num_row_groups)
    return groups > 1 or (groups == 1 and int(footer.row_group(0).total_byte_size) > THREADED)


def flush_folder(folder: str) -> None:
    """Brings a rename to the disk: without it, a power failure may lose the name of a file that was flushed.

    Some network and user-space file systems don't do this for folders, and say so; then nobody can.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NOT_OF_FOLDERS:
            raise
    finally:
        os.close(handle)


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _is_temporary(path: str) -> bool:
    return path.endswith(".tmp")
