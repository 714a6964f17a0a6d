"""`lock.json`: everything needed to build the same bytes again, and the proof that they are the same.

The lock holds the manifest as it was resolved, the digests of the raw inputs, the version of each step and of each
package that shapes bytes, and one digest per step over all files that its units wrote. No time, no path of a machine,
no number of workers: two runs of the same manifest on the same inputs have equal locks, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from winnow.pipeline.manifest import Manifest
from winnow.pipeline.profile import Profile
from winnow.pipeline.receipt import Receipt
from winnow.stages.run.unit import Step
from winnow.stages.run.workspace import DIGEST_BYTES, Workspace

PATH = "lock.json"
SHAPING_PACKAGES = (
    "datatrove",
    "fasttext",
    "fastwarc",
    "lxml",
    "numba",
    "numpy",
    "pyarrow",
    "pypdfium2",  # an extra: without it PDF files are rejections
    "resiliparse",
    "sentencepiece",
    "trafilatura",
    "tree-sitter",
)
FINAL_FOLDERS = ("shards/", "tokenizer/", "rl/")


def build_lock(
    manifest: Manifest, profile: Profile, done: Sequence[tuple[Step[Any], Sequence[Receipt]]]
) -> dict[str, Any]:
    """The lock of a finished run. `done` holds each step with its receipts, in the order in which they ran."""
    written = {output.path: output.digest for _, receipts in done for receipt in receipts for output in receipt.outputs}
    return {
        "winnow": version("winnow-corpora"),
        "packages": {package: _version(package) for package in SHAPING_PACKAGES},
        "manifest": manifest.model_dump(mode="json"),
        "profile": profile.model_dump(mode="json", include={"sources", "scale", "buckets", "benchmarks", "resources"}),
        "inputs": [receipt.counts for step, receipts in done if step.name == "inventory" for receipt in receipts],
        "steps": [_step_entry(step, receipts) for step, receipts in done],
        "outputs": {path: digest for path, digest in sorted(written.items()) if path.startswith(FINAL_FOLDERS)},
    }


def write_lock(workspace: Workspace, lock: Mapping[str, Any]) -> tuple[str, bool]:
    """Writes the lock, unless it is there already; returns its digest and whether it was written."""
    content = (json.dumps(lock, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    changed = not workspace.exists(PATH) or workspace.read_bytes(PATH) != content
    if changed:
        workspace.write_bytes(PATH, content)
    return lock_digest(content), changed


def read_lock(workspace: Workspace) -> dict[str, Any]:
    """The lock of a finished run. Raises `FileNotFoundError` where the run never finished."""
    lock: dict[str, Any] = json.loads(workspace.read_bytes(PATH))
    return lock


def lock_digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def total_counts(receipts: Sequence[Receipt]) -> dict[str, int]:
    """Integer counts summed over the units of a step; `{"rejected": {"rule": 3}}` is summed key by key."""
    totals: dict[str, int] = {}
    for receipt in receipts:
        for name, value in flat_counts(receipt.counts):
            totals[name] = totals.get(name, 0) + value
    return dict(sorted(totals.items()))


def flat_counts(counts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, int]]:
    flat = []
    for name, value in counts.items():
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            flat.append((prefix + name, value))
        elif isinstance(value, Mapping):
            flat.extend(flat_counts(value, f"{prefix}{name}: "))
    return flat


def _version(package: str) -> str | None:
    """The installed version, or None for an extra that isn't there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _step_entry(step: Step[Any], receipts: Sequence[Receipt]) -> dict[str, Any]:
    summary = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for receipt in sorted(receipts, key=lambda receipt: receipt.unit):
        for output in receipt.outputs:
            summary.update(f"{output.path}\0{output.digest}\0".encode())
    return {
        "step": step.name,
        "version": step.version,
        "units": len(receipts),
        "counts": total_counts(receipts),
        "digest": summary.hexdigest(),
    }
