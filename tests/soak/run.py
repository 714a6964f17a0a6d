"""Manifest and profile of the rounds: every pass that a run of this size can have, eight kinds of source."""

from __future__ import annotations

import json
from pathlib import Path

from tests.soak.texts import PACKAGES

MANIFEST = """\
stage: mid
seed: 15
edits:
  - recipe: personal_data
  - recipe: secrets
filters:
  - {recipe: language, content: [web, prose, books, mathematics], options: {model: "resource:lid.176"}}
  - {recipe: gopher_repetition, content: [web], languages: [en]}
  - {recipe: gopher_quality, content: [web], languages: [en]}
  - {recipe: fineweb, content: [web], languages: [en]}
  - {recipe: winnow_longform, content: [prose, books], languages: [en]}
  - {recipe: winnow_zh, content: [prose], languages: [zh]}
  - {recipe: conversations, content: [conversations]}
  - {recipe: starcoder2, content: [code]}
deduplicate:
  repositories: {threshold: 0.7}
  url: {}
  exact: {}
  lines: {documents: 1000}
  minhash: {bands: 14, rows: 8, shingle: 5, threshold: 0.7, remember: true, repeats: [code]}
decontaminate: {words: 5, overlap: {question: 0.45}}
tokenizer: {vocabulary_size: 8192, sample_bytes: 4000000}
mixture:
  sources: {english: 30, chinese: 22, web: 18, code: 20, talks: 10}
repositories: {order: dependency, length: 32768, unknown_license: keep}
packing: best_fit
curriculum:
  - {length: 4096, share: 60}
  - {length: 32768, share: 40, rotary_base: 1000000}
"""

PROFILE = """\
root: INPUTS
buckets: BUCKETS
scale: {epochs: 4}
resources: {lid.176: DATA/models/lid.176.ftz}
benchmarks: [{path: items.jsonl}]
sources:
  english:
    - {kind: tables, content: prose, paths: ["english/*.zst"], columns: {text: text, url: url}}
    - {kind: longform, paths: [PACKAGES]}
  chinese: [{kind: tables, content: prose, paths: ["chinese/*.zst"], columns: {text: text, url: url}}]
  web:
    - {kind: web, paths: ["web/*.warc.gz"]}
    - {kind: mathematics, paths: [PACKAGES]}
  code: [{kind: repositories, paths: ["code/*.tar.gz", PACKAGES]}]
  talks:
    - {kind: conversations, paths: ["talks/*.zst"]}
    - {kind: documentation, paths: [PACKAGES], forms: [sections, sessions, code]}
"""
BUCKET_BYTES = 400_000_000  # of text


def configure(folder: Path, data: Path, size: int) -> list[str]:
    """Writes manifest and profile of a round of so many bytes; the options of `winnow` that name them and the run."""
    item = {"id": "1", "question": "How many golden pears does the third orchard of the monastery carry in a dry year?"}
    (folder / "inputs" / "items.jsonl").write_text(json.dumps(item) + "\n")
    packages = ", ".join(f"{data}/sdists/{name}.tar.gz" for name in PACKAGES)
    profile = PROFILE.replace("INPUTS", str(folder / "inputs")).replace("DATA", str(data)).replace("PACKAGES", packages)
    (folder / "profile.yaml").write_text(profile.replace("BUCKETS", str(max(2, size // BUCKET_BYTES))))
    (folder / "manifest.yaml").write_text(MANIFEST)
    places = {"--stage": "manifest.yaml", "--profile": "profile.yaml", "--out": "run"}
    return [word for option, name in places.items() for word in (option, str(folder / name))]
