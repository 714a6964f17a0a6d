"""The other languages' own tools, run on an unpacked repository: tsc, go list, cargo metadata with syn, javac."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Edges = set[tuple[str, str]]


def typescript(root: Path, files: list[str], *, compiler: str) -> Edges:
    """`compiler` is the path of `typescript.js` of an unpacked npm package."""
    said = _run(["node", str(HERE / "edges.mjs"), compiler, str(root)], stdin="\n".join(files))
    return _pairs(said)


def java(root: Path, files: list[str]) -> Edges:
    """One javac task per source root; a class that it lacks is its nearest other root's, as in a project's modules.

    Nearness is the number of leading folders that two roots share, then the shallower and the shorter path: a class that
    several modules declare (Guava for Android and for Java) is each one's own.
    """
    roots: dict[str, list[str]] = {}
    for file in files:
        roots.setdefault(_source_root(root, file), []).append(file)
    lines: list[str] = []
    for own, members in roots.items():
        near = sorted(roots, key=lambda other: (-_shared(own, other), other.count("/"), len(other), other))
        lines.append("-sourcepath " + ":".join(str(root / other) for other in near if other != own))
        lines += [str(root / file) for file in members]
    said = _run(["java", str(HERE / "Edges.java")], stdin="\n".join(lines))
    return {(os.path.relpath(a, root), os.path.relpath(b, root)) for a, b in _pairs(said)}


def _source_root(root: Path, file: str) -> str:
    """The folder that the file's package is counted from; its own folder where it lies elsewhere."""
    declared = re.search(r"^\s*package\s+([\w.]+)\s*;", (root / file).read_text("utf-8", "replace"), re.MULTILINE)
    below = declared[1].replace(".", "/") if declared else ""
    folder = os.path.dirname(file)
    return folder.removesuffix(below).rstrip("/") if folder.endswith(below) else folder


def _shared(one: str, other: str) -> int:
    return len(os.path.commonpath([one, other]).split("/")) if one and other and os.path.commonpath([one, other]) else 0


def rust(root: Path, files: list[str], *, oracle: str) -> Edges:
    """`oracle` is the compiled program of `benchmarks/oracles/rust`."""
    crates: list[str] = []
    for manifest in sorted(root.rglob("Cargo.toml")):
        try:
            said = _run(["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"], cwd=manifest.parent)
        except subprocess.CalledProcessError:
            continue  # a template, or a workspace whose member isn't in the archive
        for package in json.loads(said)["packages"]:
            for target in package["targets"]:
                library = bool({"lib", "rlib", "proc-macro", "cdylib", "dylib"} & set(target["kind"]))
                crates.append(f"{target['name']}\t{target['src_path']}\t{int(library)}")
    said = _run([oracle], stdin="\n".join(dict.fromkeys(crates)))
    pairs = {(os.path.relpath(a, root), os.path.relpath(b, root)) for a, b in _pairs(said)}
    known = set(files)
    return {(a, b) for a, b in pairs if a in known and b in known}


def go(root: Path, *, go_root: str | None = None) -> tuple[Edges, dict[str, str]]:
    """Edges between packages, as pairs of folders, tests' imports too; and the folder of each Go file that was built.

    `go list` reads packages and build constraints; it runs without modules, whose dependencies aren't here, so which
    folder an import path means follows from the module paths that `go mod edit -json` reads.
    """
    environment, command = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off"}, "go"
    if go_root:
        environment["GOROOT"], command = go_root, f"{go_root}/bin/go"
    modules = {}
    for file in sorted(root.rglob("go.mod")):
        said = json.loads(_run([command, "mod", "edit", "-json", str(file)], environment=environment))
        modules[os.path.relpath(file.parent, root)] = said["Module"]["Path"]
    packages = list(_objects(_run([command, "list", "-e", "-json", "./..."], cwd=root, environment=environment)))
    folders = {os.path.relpath(str(package["Dir"]), root): package for package in packages}
    named = {_import_path(folder, modules): folder for folder in folders}
    found: Edges = set()
    files: dict[str, str] = {}
    for folder, package in folders.items():
        for kind in ("GoFiles", "CgoFiles", "TestGoFiles", "XTestGoFiles"):
            files |= {os.path.normpath(f"{folder}/{name}"): folder for name in package.get(kind) or ()}
        for kind in ("Imports", "TestImports", "XTestImports"):
            targets = {named[name] for name in package.get(kind) or () if name in named}
            found |= {(folder, target) for target in targets if target != folder}
    return found, files


def _import_path(folder: str, modules: dict[str, str]) -> str:
    inside = [home for home in modules if home == "." or folder == home or folder.startswith(home + "/")]
    if not inside:
        return folder
    home = max(inside, key=lambda name: (name != ".", len(name)))
    rest = folder if home == "." else os.path.relpath(folder, home)
    return modules[home] if rest == "." else f"{modules[home]}/{rest}"


def _objects(said: str) -> Iterator[dict[str, Any]]:
    decoder, place = json.JSONDecoder(), 0
    while place < len(said):
        value, place = decoder.raw_decode(said, place)
        yield value
        while place < len(said) and said[place].isspace():
            place += 1


def _pairs(said: str) -> Edges:
    pairs = (line.split("\t") for line in said.splitlines())
    return {(pair[0], pair[1]) for pair in pairs if len(pair) == 2}


def _run(
    command: Sequence[str], *, stdin: str = "", cwd: Path | None = None, environment: dict[str, str] | None = None
) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=cwd, env=environment, check=True)
    return done.stdout
