"""The files of a tokenizer: its own, and what a Hugging Face model keeps beside it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

import fsspec

MODEL = "tokenizer.model"
JSON = "tokenizer.json"
CONFIGURATION = "tokenizer_config.json"
SPECIAL_MAP = "special_tokens_map.json"
GENERATION = "generation_config.json"
TEMPLATE = "chat_template.jinja"
TEMPLATE_JSON = "chat_template.json"
ROLES_FILE = "roles.json"
"""Which tokens serve as ours, by name: written into a run's tokenizer, the manifest's word included."""

BESIDE = (CONFIGURATION, SPECIAL_MAP, GENERATION, TEMPLATE, TEMPLATE_JSON, ROLES_FILE)


class Files(NamedTuple):
    """The path and content of a tokenizer's own file, and what lies beside it: pairs of name and content."""

    path: str
    content: bytes
    beside: tuple[tuple[str, bytes], ...] = ()

    @property
    def all(self) -> bytes:
        """Every file's name and content, for a digest."""
        return b"\0".join(
            part for name, content in (("", self.content), *self.beside) for part in (name.encode(), content)
        )

    def named(self, name: str) -> bytes | None:
        return dict(self.beside).get(name)


def read(path: str) -> Files:
    """The files of the tokenizer at `path`: a tokenizer.json, a sentencepiece model or a folder, on any file system.

    Of a folder with both the tokenizer.json counts, as it does for `transformers`: it may hold added tokens that the model
    doesn't know. Only where both give the same ids the model is taken, which is encoded faster. Raises `FileNotFoundError`.
    """
    filesystem, name = fsspec.core.url_to_fs(path)
    folder = name.rstrip("/") if filesystem.isdir(name) else name.rpartition("/")[0]
    candidates = [f"{folder}/{file}" for file in (JSON, MODEL)] if filesystem.isdir(name) else [name]
    found = {candidate: filesystem.cat_file(candidate) for candidate in candidates if filesystem.isfile(candidate)}
    if not found:
        raise FileNotFoundError(
            f"there is no tokenizer at {path}: expected {MODEL}, {JSON} or a folder with one of them"
        )
    chosen = candidates[1] if len(found) == 2 and _same_ids(*found.values()) else next(iter(found))
    places = {file: f"{folder}/{file}" for file in BESIDE}
    beside = ((file, filesystem.cat_file(place)) for file, place in places.items() if filesystem.isfile(place))
    return Files(chosen, found[chosen], tuple(beside))


@lru_cache(maxsize=4)
def _same_ids(fields: bytes, model: bytes) -> bool:
    """Whether a tokenizer.json has the pieces of a lossless model, and no token of its own."""
    from winnow.tokenizer.vocabulary import Kind, VocabularyError, read_vocabulary

    try:
        asked = json.loads(fields)
        vocabulary = read_vocabulary(model)
        pieces = {piece: number for number, piece in enumerate(vocabulary.plain)}
        added = {token["content"]: token["id"] for token in asked["added_tokens"]}
        controls = {vocabulary.pieces[number]: number for number in vocabulary.ids_of(Kind.CONTROL)}
        return vocabulary.is_lossless and asked["model"]["vocab"] == pieces and added == controls
    except (VocabularyError, ValueError, LookupError, TypeError):
        return False
