"""A finished run over any number of parts, made from one that was really worked over `SEEDS` parts.

Every unit that the plan asks for gets the files of the like unit of the small run, as hard links under its own names, and
a receipt with its own fingerprint, entered in tables where the step has as many as that takes: what `winnow run` finds there
it takes for done. The last step (the shard index), lock, seal and report are then made by `winnow run` itself, which would
work any unit that isn't right.
"""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from winnow.pipeline.configuration.settings import load_settings
from winnow.pipeline.planning.parts import find_parts
from winnow.pipeline.planning.plan import steps
from winnow.pipeline.record.funnel import PLAN
from winnow.pipeline.record.ledger import LEAST_UNITS, read_receipts
from winnow.pipeline.record.receipt import Fingerprints, Receipt, receipt_path
from winnow.pipeline.record.receipt_tables import ROWS, table_of, write_table
from winnow.stages.run.exchange import JoinFiles
from winnow.stages.run.paths import Digests
from winnow.stages.run.workspace import Workspace, Written

SEEDS = 160  # parts, more than the files that a bucket is gathered from: exchanges are joined in both runs
PART_BYTES = 60_000_000  # of an input of the large run, a hole in the disk: 100,000 are 6 TB
LOOKED_AT = b'{"text": "What `winnow plan` looks at."}\n' * 20  # before the hole, which no look reads then
DOCUMENTS = 12
SAMPLE_BYTES = 2_000  # of each part for the tokenizer: a document of its twelve
SITES = 10  # parts for each line that documents share: 120 of them hold it, more than `lines` lets stay
SEED_BYTES = 1 << 20  # of an input of the small run: smaller ones would be bundled
PARTS_OF_A_BUCKET = 64
LAST = "index"
PACK = "pack"
JOINING = "deduplicate.url.hash.join"
NUMBER = re.compile(r"\d{5,}")

MANIFEST = """\
stage: pretrain
seed: 5
edits:
  - recipe: personal_data
filters:
  - recipe: gopher_quality
deduplicate:
  url: {}
  exact: {}
  lines: {documents: 100}
  minhash: {threshold: 0.7, component_rounds: 8, remember: true}
decontaminate: {words: 5}
tokenizer: {vocabulary_size: 1000, sample_bytes: SAMPLE}
mixture:
  sources: {web: 100}
packing: concatenate
curriculum:
  - {length: 512, share: 100}
"""

PROFILE = """\
root: INPUTS
buckets: BUCKETS
benchmarks:
  - {path: items.jsonl}
sources:
  web: [{kind: tables, content: web, paths: ["web/*.jsonl"]}]
"""


def winnow(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "winnow.pipeline.cli", *arguments]


def configured(folder: Path, parts: int) -> list[str]:
    """Writes manifest and profile for so many parts; the options that name them."""
    (folder / "inputs" / "web").mkdir(parents=True)
    item = {"id": "1", "question": "How many golden pears does the third orchard of the monastery carry in a dry year?"}
    (folder / "inputs" / "items.jsonl").write_text(json.dumps(item) + "\n")
    buckets = max(4, parts // PARTS_OF_A_BUCKET)
    (folder / "manifest.yaml").write_text(MANIFEST.replace("SAMPLE", str(SAMPLE_BYTES * parts)))
    (folder / "profile.yaml").write_text(
        PROFILE.replace("INPUTS", str(folder / "inputs")).replace("BUCKETS", str(buckets))
    )
    return options_of(folder)


def options_of(folder: Path) -> list[str]:
    """The options that name manifest, profile and run."""
    names = {"--stage": "manifest.yaml", "--profile": "profile.yaml", "--out": "run"}
    return [word for option, name in names.items() for word in (option, str(folder / name))]


def worked_run(folder: Path, parts: int) -> Path:
    """Works so many parts of made-up prose for real, unless that was done; the run's folder."""
    run = folder / "run"
    if (run / "lock.json").exists():
        return run
    options = prose(folder, parts)
    subprocess.run(winnow("run", *options), check=True, stdout=subprocess.DEVNULL)
    return run


def prose(folder: Path, parts: int) -> list[str]:
    """Writes so many inputs of made-up prose, each of which is a part, with manifest and profile; the options naming them."""
    options = configured(folder, parts)
    words = [
        f"{a}{b}" for a in ("ba", "ke", "lo", "mi", "nu", "pra", "sto") for b in ("", "ran", "tel", "vish", "mond")
    ]
    words += ["the", "be", "to", "of", "and", "that", "have", "with"]
    for part in range(parts):
        draw = random.Random(part)
        lines = []
        for number in range(DOCUMENTS):
            source = draw if number else random.Random(part // 2)  # the first is that of another part, too
            text = ". ".join(" ".join(source.choices(words, k=12)) for _ in range(10)) + "."
            text += f"\nThis page belongs to site {(part + number) % max(parts // SITES, 1)} of many such sites."
            lines.append(json.dumps({"text": text, "url": f"https://example.org/{part}/{number}"}))
        content = "\n".join(lines) + "\n"
        (folder / "inputs" / "web" / f"{part:06d}.jsonl").write_text(content.ljust(SEED_BYTES))
    return options


def large_run(folder: Path, parts: int, small: Path) -> list[str]:
    """Makes the run of so many parts in `folder/run`, all but its last step; the options of the command that ends it."""
    options = configured(folder, parts)
    for part in range(parts):
        with open(folder / "inputs" / "web" / f"{part:06d}.jsonl", "wb") as stream:
            stream.write(LOOKED_AT)
            stream.truncate(PART_BYTES)
    settings = load_settings(options[1], options[3])
    likes = _likes(small)
    workspace = Workspace(str(folder / "run"))
    digests = Digests()
    folders: set[str] = set()
    workspace.write_bytes(
        PLAN, b"{}"
    )  # a run that has begun isn't asked whether its disk could hold what comes of 6 TB
    for name in ("environments", "receipts"):
        os.makedirs(workspace.path(name), exist_ok=True)
    for table in (small / "environments").iterdir():
        os.link(table, workspace.path(f"environments/{table.name}"))
    for step, units in steps(find_parts(settings), settings):
        if step.name == LAST:
            break
        marks = Fingerprints(step, digests)
        os.makedirs(workspace.path(f"receipts/{step.name}"), exist_ok=True)
        waiting: list[Receipt] = []
        for number, unit in enumerate(units, 1):
            if isinstance(unit.asked, JoinFiles):  # also of exchanges that the small run has too few buckets for
                like = next(iter(likes[JOINING].values()))[0]
                outputs = {unit.asked.joined: (like.outputs[0].path, like.outputs[0])}
            else:
                like, outputs = _alike(likes[step.name], unit.name)
            for path, (source, written) in outputs.items():
                target = workspace.path(path)
                if (parent := os.path.dirname(target)) not in folders:
                    folders.add(parent)
                    os.makedirs(parent, exist_ok=True)
                _link(f"{small}/{source}", target)
                digests[path] = written.digest
            if step.name == PACK:
                _note_shard(workspace, outputs, digests)
            named = tuple(Written(path, found.bytes, found.digest) for path, (_, found) in sorted(outputs.items()))
            counts = like.counts if step.name != "inventory" else {**like.counts, "path": unit.asked.path}
            receipt = replace(
                like,
                step=step.name,
                unit=unit.name,
                fingerprint=marks.of(unit),
                outputs=named,
                counts=counts,
            )
            if len(units) < LEAST_UNITS:
                with open(workspace.path(receipt_path(step.name, unit.name)), "wb") as stream:
                    stream.write(receipt.to_json())
                continue
            waiting.append(receipt)
            if len(waiting) == ROWS or number == len(units):
                write_table(workspace, step.name, table_of(waiting))
                waiting.clear()
    return options


def _note_shard(workspace: Workspace, outputs: dict[str, tuple[str, Written]], digests: Digests) -> None:
    """Notes of a bucket the one shard that it has here: of few buckets, as in the small run, each makes several."""
    shard = next(path for path in outputs if path.startswith("shards/"))
    note = next(path for path in outputs if path.startswith("packed/"))
    told = json.loads(workspace.read_bytes(note))
    length = told["tokens"] // told["sequences"]
    sequences = workspace.parquet(shard).metadata.num_rows
    counted = {"sequences": sequences, "tokens": sequences * length}
    split = {name: {key: counted["tokens"] for key in told[name]} for name in ("sources", "languages")}
    os.unlink(workspace.path(note))
    workspace.write_bytes(note, json.dumps({**told, "digests": [digests[shard]], **counted, **split}).encode())
    written = workspace.written.pop()
    outputs[note], digests[note] = ("", written), written.digest


def _likes(small: Path) -> dict[str, dict[str, list[Receipt]]]:
    """The receipts of the small run by step and kind of unit (`web-`, `bucket-`), in order of their numbers."""
    found: dict[str, dict[str, list[Receipt]]] = {}
    for receipt in sorted(read_receipts(Workspace(str(small))), key=lambda receipt: receipt.unit):
        found.setdefault(receipt.step, {}).setdefault(_numbered(receipt.unit)[0], []).append(receipt)
    return found


def _numbered(name: str) -> tuple[str, str]:
    """What kind of unit a name tells and its number: `web-*` and `00007` of `web-00007`."""
    matched = NUMBER.search(name)
    return (NUMBER.sub("*", name), matched[0]) if matched else (name, "")


def _alike(kinds: Mapping[str, Sequence[Receipt]], name: str) -> tuple[Receipt, dict[str, tuple[str, Written]]]:
    """The like unit of the small run, and for each file to make: which of its files it is."""
    kind, number = _numbered(name)
    alike = kinds[kind]
    like = alike[int(number or 0) % len(alike)]
    own = _numbered(like.unit)[1]
    outputs = {}
    for written in like.outputs:
        path = written.path
        if number:
            head, _, tail = path.rpartition("/")
            if head.startswith("shards/"):
                tail = f"{own}.parquet"
            bare = f"{int(own)}.buckets", f"{int(number)}.buckets"
            tail = tail.replace(own, number, 1) if own in tail else bare[1] if tail == bare[0] else tail
            path = f"{head if own not in head else head.replace(own, number, 1)}/{tail}"
        outputs.setdefault(path, (written.path, written))  # of several shards of a bucket the first
    return like, outputs


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno != errno.EMLINK:  # a file has 65,000 names at the most
            raise
        shutil.copyfile(source, target)


def finished_run(folder: Path, parts: int) -> list[str]:
    """The options `--stage … --profile … --out RUN` of a finished run over so many parts, made unless it is there."""
    place = folder / f"parts-{parts}"
    if (place / "run" / "lock.json").exists():
        return options_of(place)
    shutil.rmtree(place, ignore_errors=True)
    options = large_run(place, parts, worked_run(folder / "small", SEEDS))
    subprocess.run(winnow("run", *options, "--workers", "1"), check=True, stdout=subprocess.DEVNULL)
    return options
