"""How a checkpoint lies on disk: safetensors of each rank, JSON for where they belong, digests of all of it.

`torch.distributed.checkpoint` plans who writes and reads which piece; this is its storage. Its own keeps pickles, which run
whatever they name when they are read, and checks no byte. Here nothing but numbers and names is read, and only after
its digest was found right.

    tensors-00000.safetensors …   the pieces that each rank wrote
    layout.json                   shape and dtype of each tensor, and which piece lies where
    state.json                    where the run stands (`checkpoint`)
    digests                       BLAKE2b-128 of each file, as `b2sum -l 128` prints it, and of these lines themselves
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.distributed.checkpoint import StorageReader, StorageWriter
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.planner import LoadPlan, LoadPlanner, ReadItem, SavePlan, SavePlanner
from torch.distributed.checkpoint.storage import WriteResult
from torch.futures import Future

from winnow.trainer.config import TrainingError

LAYOUT = "layout.json"
DIGESTS = "digests"
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.bool)
}
_FILE = re.compile(r"tensors-\d{5}\.safetensors")
_LINE = re.compile(r"([0-9a-f]{32})  ([\w.-]+)")


@dataclass(frozen=True)
class Piece:
    """Where one piece of a tensor lies, and the digest of that file."""

    file: str
    key: str
    digest: str = ""


class Writer(StorageWriter):
    """Writes each rank's pieces as one safetensors file; `digests` are known to the leading rank at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}

    def reset(self, checkpoint_id: str | os.PathLike[str] | None = None) -> None:
        self.digests = {}

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | os.PathLike[str]) -> bool:
        return Path(checkpoint_id).is_dir()

    def set_up_storage_writer(self, is_coordinator: bool, *args: Any, **kwargs: Any) -> None:
        pass

    def prepare_local_plan(self, plan: SavePlan) -> SavePlan:
        return plan

    def prepare_global_plan(self, plans: list[SavePlan]) -> list[SavePlan]:
        return [replace(plan, storage_data=f"tensors-{rank:05d}.safetensors") for rank, plan in enumerate(plans)]

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Future[list[WriteResult]]:
        file, tensors, indices = str(plan.storage_data), {}, {}
        for item in plan.items:
            tensor = planner.resolve_data(item)
            if not isinstance(tensor, torch.Tensor):
                raise TrainingError(f"{item.index.fqn} is no tensor; a checkpoint holds nothing else")
            key = f"{item.index.fqn}@{','.join(map(str, item.index.offset or ()))}"
            tensors[key] = tensor.detach().to("cpu", copy=True).contiguous()
            indices[key] = item.index
        digest = ""
        if tensors:
            save_file(tensors, self.folder / file)
            digest = digest_of(self.folder / file)
        done: Future[list[WriteResult]] = Future()
        done.set_result(
            [
                WriteResult(index=index, size_in_bytes=tensors[key].nbytes, storage_data=Piece(file, key, digest))
                for key, index in indices.items()
            ]
        )
        return done

    def finish(self, metadata: Metadata, results: list[list[WriteResult]]) -> None:
        pieces: dict[str, list[dict[str, Any]]] = defaultdict(list)
        entries = {
            name: entry
            for name, entry in metadata.state_dict_metadata.items()
            if isinstance(entry, TensorStorageMetadata)
        }
        for result in sorted(
            (result for rank in results for result in rank), key=lambda result: result.storage_data.key
        ):
            place: Piece = result.storage_data
            self.digests[place.file] = place.digest
            offset = list(result.index.offset or ())
            shape = next(
                list(chunk.sizes) for chunk in entries[result.index.fqn].chunks if list(chunk.offsets) == offset
            )
            pieces[result.index.fqn].append({"offset": offset, "shape": shape, "file": place.file, "key": place.key})
        tensors = {
            name: {
                "dtype": str(entry.properties.dtype).removeprefix("torch."),
                "shape": list(entry.size),
                "pieces": pieces[name],
            }
            for name, entry in sorted(entries.items())
        }
        (self.folder / LAYOUT).write_text(json.dumps({"tensors": tensors}, indent=1, ensure_ascii=False) + "\n")


class Reader(StorageReader):
    """Reads pieces from the files of a checkpoint, into whatever shards the model has now.

    Raises `TrainingError` where its layout isn't one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._layout = _layout(folder)
        self._pieces: Mapping[MetadataIndex, Piece] = {}

    def reset(self, checkpoint_id: str | os.PathLike[str] | None = None) -> None:
        self._pieces = {}

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | os.PathLike[str]) -> bool:
        return Path(checkpoint_id).is_dir()

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        return self._layout

    def set_up_storage_reader(self, metadata: Metadata, is_coordinator: bool, *args: Any, **kwargs: Any) -> None:
        self._pieces = metadata.storage_data

    def prepare_local_plan(self, plan: LoadPlan) -> LoadPlan:
        return plan

    def prepare_global_plan(self, plans: list[LoadPlan]) -> list[LoadPlan]:
        return plans

    def read_data(self, plan: LoadPlan, planner: LoadPlanner) -> Future[None]:
        files: dict[str, list[tuple[ReadItem, Piece]]] = defaultdict(list)
        for item in plan.items:
            piece = self._pieces[item.storage_index]
            files[piece.file].append((item, piece))
        for name, items in files.items():
            try:
                with safe_open(self.folder / name, framework="pt") as file:
                    for item, piece in items:
                        self._read(file, item, piece, planner)
            except SafetensorError as error:
                raise TrainingError(f"{self.folder / name} can't be read: {error}") from error
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def _read(self, file: Any, item: ReadItem, piece: Piece, planner: LoadPlanner) -> None:
        target = planner.resolve_tensor(item).detach()
        if len(item.lengths):
            ranges = zip(item.storage_offsets, item.lengths, strict=True)
            part = file.get_slice(piece.key)[tuple(slice(first, first + length) for first, length in ranges)]
        else:
            part = file.get_tensor(piece.key)
        target.copy_(part)
        planner.commit_tensor(item, target)


def _layout(folder: Path) -> Metadata:
    tensors: dict[str, TensorStorageMetadata | BytesStorageMetadata] = {}
    pieces: dict[MetadataIndex, Piece] = {}
    try:
        for name, told in json.loads((folder / LAYOUT).read_text())["tensors"].items():
            chunks = []
            for number, piece in enumerate(told["pieces"]):
                if not _FILE.fullmatch(piece["file"]):
                    raise ValueError(f"{piece['file']!r} is no file of a checkpoint")
                offset, shape = torch.Size(piece["offset"]), torch.Size(piece["shape"])
                chunks.append(ChunkStorageMetadata(offsets=offset, sizes=shape))
                pieces[MetadataIndex(name, offset, number)] = Piece(piece["file"], piece["key"])
            properties = TensorProperties(dtype=DTYPES[told["dtype"]])
            tensors[name] = TensorStorageMetadata(properties, torch.Size(told["shape"]), chunks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrainingError(f"{folder / LAYOUT} can't be read: {error}") from error
    return Metadata(state_dict_metadata=tensors, storage_data=pieces)


def digest_of(path: Path) -> str:
    """BLAKE2b-128 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def write_digests(folder: Path, digests: Mapping[str, str]) -> None:
    """Writes the digests of a checkpoint's files, given by name, with their own as the last line."""
    (folder / DIGESTS).write_text(_rendered(digests))


def read_digests(folder: Path) -> dict[str, str]:
    """The digest of each file of a checkpoint. Raises `TrainingError` where they are missing or damaged."""
    path = folder / DIGESTS
    try:
        text = path.read_bytes().decode("ascii", "replace")
    except FileNotFoundError:
        raise TrainingError(
            f"{path} is missing: the checkpoint is damaged, or of a version whose checkpoints can't be checked; "
            f"remove {folder} to go on from the one before, or train into another folder"
        ) from None
    except OSError as error:
        raise TrainingError(f"{path} can't be read: {error}") from error
    lines = [found for line in text.splitlines() if (found := _LINE.fullmatch(line))]
    digests = {line[2]: line[1] for line in lines if line[2] != DIGESTS}
    if text != _rendered(digests):
        raise TrainingError(_damaged(path))
    return digests


def check(folder: Path, digests: Mapping[str, str], names: Iterable[str]) -> str | None:
    """What is wrong with the first of a checkpoint's files that isn't as it was written; None where all are."""
    for name in names:
        path = folder / name
        try:
            if digest_of(path) != digests.get(name):
                return _damaged(path)
        except FileNotFoundError:
            return f"{path} is missing; restore it, or remove {folder} to go on from the checkpoint before"
        except OSError as error:
            return f"{path} can't be read: {error}"
    return None


def _damaged(path: Path) -> str:
    return (
        f"{path} is damaged: its bytes are not those that were written; restore it, or remove {path.parent} "
        "to go on from the checkpoint before"
    )


def _rendered(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return lines + f"{hashlib.blake2b(lines.encode(), digest_size=16).hexdigest()}  {DIGESTS}\n"
