"""Harm that gets past the first door: values of JSON exchanged, members of archives harmed inside their compression.

Bytes flipped at random end at a check sum or a quote. What is drawn depends on the seed alone.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

Mutate = Callable[[bytes, int], bytes]
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 70, 1.5, float("nan"), float("inf"), "", " ", "\ud800", "\0", "水", "\u202e", [], {}, [[]],
    [None], {"": None}, {"role": "user"}, "<think>", "</think>", "$x$", "\\begin{", "%s", "1" * 5000, "a\r\nb", "\x1b[2J",
)  # fmt: skip


def harm(name: str, content: bytes, most: int, seed: int, mutate: Mutate) -> bytes:
    """The content of a file of this name, harmed in one place. `mutate` is what a fuzzer does to plain bytes."""
    dice = random.Random(seed)
    inner = _INNER.get(_form(name))
    if inner is not None and dice.random() < 0.7:
        try:
            found = inner(content, dice, mutate)
        except Exception:  # what was harmed from outside before has no inside
            found = None
        if found is not None and len(found) <= most:
            return found
    return mutate(content, most)


def _form(name: str) -> str:
    for form, endings in _ENDINGS.items():
        if name.endswith(endings):
            return form
    return ""


def _gzip(content: bytes, dice: random.Random, mutate: Mutate) -> bytes:
    plain = gzip.decompress(content)
    return gzip.compress(mutate(plain, len(plain) + 1024), 1, mtime=0)


def _json_gzip(content: bytes, dice: random.Random, mutate: Mutate) -> bytes:
    return gzip.compress(_json(gzip.decompress(content), dice, mutate), 1, mtime=0)


def _tar(content: bytes, dice: random.Random, mutate: Mutate) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        held = [(info.name, archive.extractfile(info).read()) for info in archive if info.isfile()]  # type: ignore[union-attr]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as packed:
        for name, inside in _one_of(held, dice, mutate):
            info = tarfile.TarInfo(name)
            info.size = len(inside)
            packed.addfile(info, io.BytesIO(inside))
    return buffer.getvalue()


def _zip(content: bytes, dice: random.Random, mutate: Mutate) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = [(info.filename, archive.read(info)) for info in archive.infolist()]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, inside in _one_of(held, dice, mutate):
            packed.writestr(zipfile.ZipInfo(name), inside, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _one_of(held: list[tuple[str, bytes]], dice: random.Random, mutate: Mutate) -> list[tuple[str, bytes]]:
    """One member harmed in its content, or twice there, gone, or under another name."""
    place = dice.randrange(len(held))
    name, inside = held[place]
    what = dice.random()
    if what < 0.8:
        inner = _INNER.get(_form(name)) if dice.random() < 0.5 else None
        changed = inner(inside, dice, mutate) if inner is not None else None
        held[place] = (name, changed if changed is not None else mutate(inside, len(inside) + 1024))
    elif what < 0.87:
        held.append((name, inside))
    elif what < 0.93:
        del held[place]
    else:
        held[place] = (mutate(name.encode(), 80).decode("latin-1").replace("\0", "_"), inside)
    return held


def _json(content: bytes, dice: random.Random, mutate: Mutate) -> bytes:
    """One value put for another, of another type if need be."""
    several = content.count(b"\n") > 1 and not content.startswith((b"[\n", b"{\n"))
    texts = content.splitlines() if several else [content]
    place = dice.randrange(len(texts))
    texts[place] = _dumped(_exchanged(json.loads(texts[place]), dice, mutate))
    return b"\n".join(texts)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _exchanged(root: Any, dice: random.Random, mutate: Mutate) -> Any:
    places: list[tuple[Any, Any]] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in inside:
            places.append((node, key))
            waiting.append(value)
    if not places:
        return dice.choice(ODD)
    node, key = dice.choice(places)
    what = dice.random()
    if what < 0.35:
        node[key] = dice.choice(ODD)
    elif what < 0.55:
        other, there = dice.choice(places)
        node[key] = json.loads(json.dumps(other[there]))
    elif what < 0.7:
        del node[key]
    elif what < 0.8 and isinstance(node, dict):
        other, there = dice.choice(places)
        node[str(there)] = node.pop(key)
    elif what < 0.9 and isinstance(node[key], str):
        node[key] = mutate(node[key].encode("utf-8", "surrogatepass"), 4096).decode("utf-8", "replace")
    elif isinstance(node, list):
        node.insert(key, json.loads(json.dumps(node[key])))
    else:
        node[key] = [node[key]]
    return root


_ENDINGS = {
    "tar": (".tar.gz",),
    "zip": (".zip", ".epub"),
    "json gzip": (".json.gz", ".jsonl.gz"),
    "gzip": (".gz",),
    "json": (".json", ".jsonl", ".ipynb"),
}
_INNER: dict[str, Callable[[bytes, random.Random, Mutate], bytes]] = {
    "tar": _tar,
    "zip": _zip,
    "json gzip": _json_gzip,
    "gzip": _gzip,
    "json": _json,
}
