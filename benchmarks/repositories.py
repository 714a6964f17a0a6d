"""Reading orders of real repositories: speed beside a scan by regular expressions, edges beside each language's own
tools.

    python -m benchmarks.repositories speed PACKAGES     MB/s of parse and order, ours and the scan, interleaved
    python -m benchmarks.repositories edges PACKAGES     precision and recall of edges; edges that the order respects
    python -m benchmarks.repositories fill PACKAGES TOKENIZER     fill of 131,072-token sequences by whole files

PACKAGES is a folder of unpacked packages, one folder each, from any archives: Python source distributions, `npm pack`,
`apt-get source`. Figures: docs/repositories.md. For `edges` the tools are taken from where they are: `go`, `java`,
`cargo` and `node` on the path (or `--go FOLDER`), `--typescript FILE` for npm's typescript.js, `--syn PROGRAM` for the
built `benchmarks/oracles/rust`.
A language whose tool isn't there is left out and named. Bare specifiers of JavaScript need installed packages, which no
archive has; relative ones and aliases are compared, and a declaration file counts as the file it declares.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.oracles import python, scan, tools
from winnow.filters.linguist import language_of
from winnow.formats.languages import imports
from winnow.formats.languages.imports.graph import Policy, build

FILE_BYTES = 1 << 20
LENGTH = 131_072
ROUNDS = 3
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Python": (".py",),
    "JavaScript/TypeScript": (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts"),
    "Go": (".go",),
    "Rust": (".rs",),
    "Java": (".java",),
}
Edges = set[tuple[str, str]]


def sources(root: Path) -> dict[str, bytes]:
    """Every text file of at most 1 MiB, by path."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= FILE_BYTES:
            content = path.read_bytes()
            if b"\0" not in content[:8192]:
                found[str(path.relative_to(root))] = content
    return found


def ours(files: Mapping[str, bytes]) -> tuple[Edges, int, int]:
    """Our edges, how many of them lie outside cycles, and how many of those the order respects."""
    languages = {path: language_of(path, content[:4096].decode("utf-8", "replace")) for path, content in files.items()}
    graph = build([imports.read(content, path, languages[path]) for path, content in files.items()])
    said = graph.evidence(graph.order(Policy.DEPENDENCY))
    pairs = {(graph.paths[dependent], graph.paths[dependency]) for dependent, dependency in graph.edges.tolist()}
    return pairs, said.acyclic, said.acyclic_respected


def peer(files: Mapping[str, bytes]) -> Edges:
    decoded = {path: content.decode("utf-8", "replace") for path, content in files.items()}
    found = scan.edges(decoded)
    scan.order(decoded, found)
    return found


def speed(packages: list[Path]) -> None:
    print(f"{'package':40} {'files':>6} {'MB':>6} {'ours MB/s':>10} {'scan MB/s':>10} {'ratio':>6}")
    ratios = []
    for root in packages:
        files = sources(root)
        size = sum(map(len, files.values())) / 1e6
        spent: dict[str, list[float]] = {"ours": [], "scan": []}
        for _ in range(ROUNDS):
            for name, work in (("ours", ours), ("scan", peer)):
                start = time.process_time()
                work(files)
                spent[name].append(time.process_time() - start)
        mine, theirs = median(spent["ours"]), median(spent["scan"])
        ratios.append(theirs / mine)
        print(
            f"{root.name:40} {len(files):6} {size:6.1f} {size / mine:10.1f} {size / theirs:10.1f} {ratios[-1]:6.2f}",
            flush=True,
        )
    print(f"median ratio ours ÷ scan over {len(packages)} packages: {median(ratios):.2f}")


def edges(packages: list[Path], asked: argparse.Namespace) -> None:
    totals: dict[tuple[str, str], Counter[str]] = {}
    respected: Counter[str] = Counter()
    for root in packages:
        files = sources(root)
        mine, acyclic, kept = ours(files)
        scanned = peer(files)
        respected.update(acyclic=acyclic, kept=kept)
        for family, suffixes in FAMILIES.items():
            listed = [path for path in files if path.endswith(suffixes)]
            truth = _truth(family, root, listed, files, asked) if len(listed) >= 10 else None
            if truth is None:
                continue
            gold, shown = truth
            for name, found in (("ours", mine), ("scan", scanned)):
                seen = shown({(a, b) for a, b in found if a in set(listed)})
                count = totals.setdefault((family, name), Counter())
                count.update(found=len(seen), gold=len(gold), right=len(seen & gold), packages=1)
                if name == "ours":
                    right = len(seen & gold)
                    print(
                        f"{root.name:40} {family:22} {len(gold):6} edges  precision {right / max(len(seen), 1):.4f}  "
                        f"recall {right / max(len(gold), 1):.4f}",
                        flush=True,
                    )
    print(f"\n{'language':22} {'by':5} {'packages':>8} {'edges':>7} {'precision':>10} {'recall':>7}")
    for (family, name), count in sorted(totals.items()):
        precision, recall = count["right"] / max(count["found"], 1), count["right"] / max(count["gold"], 1)
        print(f"{family:22} {name:5} {count['packages']:8} {count['gold']:7} {precision:10.4f} {recall:7.4f}")
    print(f"edges outside cycles that the order respects: {respected['kept']} of {respected['acyclic']}")


Shown = Callable[[Edges], Edges]


def _truth(
    family: str, root: Path, listed: list[str], files: Mapping[str, bytes], asked: argparse.Namespace
) -> tuple[Edges, Shown] | None:
    """The language's own edges, and how found ones are brought to the same form; None without the tool."""
    known = set(listed)
    within: Shown = lambda found: {(a, b) for a, b in found if b in known}
    if family == "Python":
        return within(python.edges(root, listed)), within
    if family == "JavaScript/TypeScript" and asked.typescript and shutil.which("node"):
        return _typescript(root, listed, files, asked.typescript)
    if family == "Java" and shutil.which("java"):
        return within(tools.java(root, listed)), within
    if family == "Rust" and asked.syn and shutil.which("cargo"):
        return tools.rust(root, listed, oracle=asked.syn), within
    if family == "Go" and (asked.go or shutil.which("go")):
        gold, folders = tools.go(root, go_root=asked.go)
        between: Shown = lambda found: {
            (folders[a], folders[b]) for a, b in found if a in folders and b in folders and folders[a] != folders[b]
        }
        return gold, between
    return None


def _typescript(root: Path, listed: list[str], files: Mapping[str, bytes], compiler: str) -> tuple[Edges, Shown]:
    bare = {
        path: re.findall(rb"""['"](?![./#])(@?[\w-]+(?:/[\w.-]+)?)""", files[path]) for path in listed
    }  # what could be a package of the same repository
    names = {name.decode().split("/")[0] for found in bare.values() for name in found}
    own = {match[1].decode() for path in files if path.endswith("package.json")
           for match in [re.search(rb'"name"\s*:\s*"([^"]+)"', files[path])] if match}  # fmt: skip
    selfish = {path for path, found in bare.items() if own & ({name.decode() for name in found} | names)
               and any(name.decode() in own for name in found)}  # fmt: skip

    def canonical(path: str) -> str:
        for declared, built in ((".d.ts", ".js"), (".d.cts", ".cjs"), (".d.mts", ".mjs")):
            if path.endswith(declared) and path.removesuffix(declared) + built in files:
                return path.removesuffix(declared) + built
        return path

    def shown(found: Edges) -> Edges:
        return {(a, canonical(b)) for a, b in found if b in files and a not in selfish and a != canonical(b)}

    return shown(tools.typescript(root, listed, compiler=compiler)), shown


def fill(packages: list[Path], tokenizer: str) -> None:
    """Whole packages as sequences, packed best-fit: the share of places that is filled, the files that are cut."""
    from winnow.pipeline.order import write_sequences
    from winnow.stages.run.workspace import Workspace
    from winnow.stages.shards.pack import best_fit

    lengths: list[int] = []
    cut = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, root in enumerate(packages):
            out = Workspace(f"{folder}/{number}")
            write_sequences(str(root), LENGTH, out.root, tokenizer=tokenizer)
            lengths += [
                len(tokens) for tokens in out.read_table("tokens/repository.parquet", columns=["tokens"])["tokens"]
            ]
            cut += sum(out.read_table("sequences/repository.parquet", columns=["cut"])["cut"].to_pylist())
    _, bins = best_fit(np.array(lengths, dtype=np.int64), LENGTH)
    print(f"{len(packages)} packages, {len(lengths)} pieces, {sum(lengths)} tokens, {bins} sequences of {LENGTH}")
    whole, full = sum(lengths) / (bins * LENGTH), sum(lengths) / max(bins - 1, 1) / LENGTH
    print(f"fill {whole:.4f}, but for the last sequence {full:.4f}; files longer than a sequence: {cut}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "edges", "fill"))
    parser.add_argument("packages", type=Path)
    parser.add_argument("tokenizer", nargs="?")
    parser.add_argument("--only", help="a regular expression that package names must match")
    parser.add_argument("--typescript", help="typescript.js of npm's package")
    parser.add_argument("--syn", help="the program built from benchmarks/oracles/rust")
    parser.add_argument("--go", help="the folder of a Go installation")
    asked = parser.parse_args()
    packages = [
        path for path in sorted(asked.packages.iterdir()) if path.is_dir() and re.search(asked.only or "", path.name)
    ]
    if asked.what == "speed":
        speed(packages)
    elif asked.what == "edges":
        edges(packages, asked)
    else:
        fill(packages, asked.tokenizer)


if __name__ == "__main__":
    main()
