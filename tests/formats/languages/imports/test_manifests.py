"""Manifests of strangers: whatever one says, and however deep, a graph is made of the files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.languages.imports import read
from winnow.formats.languages.imports.graph import build

SOURCES = {
    "a/index.ts": ("TypeScript", b"import {x} from '#x'; import y from 'p/y'; import z from '@/z'; export const a = 1"),
    "a/src/y.ts": ("TypeScript", b"export default 1"),
    "r/src/lib.rs": ("Rust", b"mod inner; use crate::inner::f; use r::g;"),
    "r/src/inner.rs": ("Rust", b"pub fn f() {}"),
    "g/main.go": ("Go", b'package main\nimport "ex.org/g/h"\n'),
}
KEYS = {
    "a/package.json": ("name", "main", "module", "types", "source", "browser", "exports", "imports"),
    "a/tsconfig.json": ("compilerOptions", "extends", "baseUrl", "paths"),
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([".", "./src/*.ts", "p", "#x", "../..", "@/*", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([".", "./*", "#x", "@/*", "default", ""]), inner),
    max_leaves=6,
)  # fmt: skip


def edges_of(manifests: dict[str, bytes]) -> int:
    files = [read(content, path, language) for path, (language, content) in SOURCES.items()]
    files += [read(content, path, "JSON") for path, content in manifests.items()]
    return len(build(files).edges)


@given(st.data())
def test_whatever_a_json_manifest_says(data: st.DataObject) -> None:
    said: dict[str, Any] = {
        path: data.draw(st.dictionaries(st.sampled_from(keys), VALUES)) for path, keys in KEYS.items()
    }
    options = said["a/tsconfig.json"]
    options["compilerOptions"] = data.draw(st.one_of(VALUES, st.just({**options})))
    edges_of({path: json.dumps(value).encode() for path, value in said.items()})


@pytest.mark.parametrize(
    "said",
    [
        *("bin = 5", "bin = [5]", "[[bin]]\npath = 5", "dependencies = []", "[dependencies]\na = {package = 7}"),
        *("lib = 3", "[lib]\npath = 4", "package = 'r'", "[package]\nname = ['r']\nedition = 1979-05-27"),
    ],
)
def test_whatever_a_crate_says(said: str) -> None:
    assert edges_of({"r/Cargo.toml": said.encode()})


@pytest.mark.parametrize("depth", [60, 900, 100_000])
@pytest.mark.parametrize("inner", ['{".":%s}', "[%s]"])
def test_a_manifest_may_be_as_deep_as_it_likes(depth: int, inner: str) -> None:
    opening, closing = inner.split("%s")
    deep = opening * depth + '"./a.js"' + closing * depth
    edges_of({"a/package.json": f'{{"name": "p", "exports": {deep}, "imports": {deep}}}'.encode()})
    edges_of({"r/Cargo.toml": f"bin = {'[' * depth}{']' * depth}".encode()})
