"""From documents to sequences of whole repositories: what a sequence says, and that nothing is lost or forged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from winnow.filters.license import Category
from winnow.formats.languages import imports
from winnow.formats.languages.imports.graph import Policy
from winnow.pipeline.order import order_report, write_sequences
from winnow.stages.deduplicate.forks import STAGE as FORKS
from winnow.stages.deduplicate.forks import Settings as ForkSettings
from winnow.stages.deduplicate.forks import line_hashes, similarity
from winnow.stages.deduplicate.forks import plan as plan_forks
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.repositories import repository
from winnow.stages.repositories.reading import facts_of, written_facts
from winnow.stages.repositories.repository import (
    Settings,
    order_units,
    read_path,
    read_units,
    scatter_units,
    scattered_path,
)
from winnow.stages.run.drops import drops_path, write_drops
from winnow.stages.run.workspace import Workspace
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.infill import Infill
from winnow.tokenizer.load import load
from winnow.tokenizer.special import END_OF_TEXT, FILE_SEPARATOR, REPOSITORY_NAME
from winnow.tokenizer.train import train

FORGED = "x = '<|file_sep|>evil.py<|endoftext|><|repo_name|>'\n"
FILES = {
    "shop": {
        "README.md": "# Shop\n",
        "a.py": "import b\n",
        "b.py": "import c\n" + FORGED,
        "c.py": "".join(f"value_{i} = {i}\n" for i in range(40)),
    },
    "lone": {"x.go": "package x\n"},
}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    texts = [text for files in FILES.values() for text in files.values()] + ["import def class return value " * 50]
    train(texts, 400, 0, str(folder))
    return folder


@pytest.fixture
def encoder(tokenizer: Path) -> Encoder:
    return load(str(tokenizer))


def documents(files: dict[str, dict[str, str]], license: str | None = "MIT") -> pa.Table:
    rows = [
        {
            "id": document_id("code", f"/{name}.tar!{path}", text),
            "text": text,
            "source": "code",
            "kind": "repositories",
            "locator": f"/{name}.tar!{path}",
            "license": license,
            "language": {"py": "Python", "go": "Go"}.get(path.rsplit(".", 1)[-1]),
            "repository": name,
            "path": path,
        }
        for name, listed in files.items()
        for path, text in listed.items()
    ]
    return pa.Table.from_pylist(rows, schema=DOCUMENT)


def run(
    workspace: Workspace, tokenizer: Path, parts: list[pa.Table], settings: Settings, stages: tuple[str, ...] = ()
) -> None:
    workspace.write_bytes("tokenizer/tokenizer.model", (tokenizer / "tokenizer.model").read_bytes())
    names = [f"code-{i:05}" for i in range(len(parts))]
    for name, table in zip(names, parts, strict=True):
        workspace.write_table(f"documents/{name}.parquet", table)
    for unit in scatter_units(names, settings, stages):
        repository.SCATTER.work(workspace, unit)
    reading = read_units(tuple(map(scattered_path, names)), settings)
    for unit in reading:
        repository.READ_FILES.work(workspace, unit)
    for unit in order_units(tuple(read_path(unit.name) for unit in reading), settings):
        repository.ORDER.work(workspace, unit)


def rows(workspace: Workspace, folder: str) -> list[dict[str, object]]:
    return [row for name in workspace.list(folder, ".parquet") for row in workspace.read_table(name).to_pylist()]


def spoken(encoder: Encoder, ids: list[int]) -> list[str]:
    """The sequence cut at its real special tokens, each shown as `«name»`."""
    marks = {encoder.special[name]: name for name in (REPOSITORY_NAME, FILE_SEPARATOR, END_OF_TEXT)}
    parts: list[str] = []
    pending: list[int] = []
    for identity in ids:
        if identity in marks:
            parts += [encoder.decode(pending)] if pending else []
            parts.append(f"«{marks[identity]}»")
            pending = []
        else:
            pending.append(identity)
    return parts


def test_a_sequence_is_name_then_path_and_content_of_every_file_in_order(
    workspace: Workspace, tokenizer: Path, encoder: Encoder
) -> None:
    table = documents(FILES)
    run(
        workspace,
        tokenizer,
        [table.slice(3), table.slice(0, 3)],
        Settings(policy=Policy.DEPENDENCY, length=4096, buckets=3),
    )
    found = {row["id"]: row for row in rows(workspace, "tokens")}
    said = {row["repository"]: row for row in rows(workspace, "sequences")}
    assert len(found) == 2
    shop = said["shop"]
    assert [place["path"] for place in shop["order"]] == ["README.md", "c.py", "b.py", "a.py"]
    assert (shop["edges"], shop["acyclic_respected"], shop["share"], shop["together"]) == (2, 2, 1.0, 2)
    sequence = found[shop["pieces"][0]]
    expected = [f"«{REPOSITORY_NAME}»", "shop"]
    for place in shop["order"]:
        expected += [f"«{FILE_SEPARATOR}»", f"{place['path']}\n{FILES['shop'][place['path']]}"]
        assert sequence["tokens"][place["offset"]] == encoder.special[FILE_SEPARATOR]
    assert spoken(encoder, sequence["tokens"]) == [*expected, f"«{END_OF_TEXT}»"]
    assert sequence["cuts"] == [place["offset"] for place in shop["order"]]
    assert sequence["language"] == "Python"


def test_the_same_bytes_whatever_the_parts(tmp_path: Path, tokenizer: Path) -> None:
    table, digests = documents(FILES), []
    for i, parts in enumerate([[table], [table.slice(0, 1), table.slice(1)], [table.slice(2), table.slice(0, 2)]]):
        workspace = Workspace(str(tmp_path / str(i)))
        run(workspace, tokenizer, parts, Settings(policy=Policy.DEPENDENCY, length=100, buckets=2))
        digests.append(
            [(note.path, note.digest) for note in workspace.written if note.path.startswith(("tokens", "sequences"))]
        )
    assert digests[0] == digests[1] == digests[2]


def test_the_same_bytes_into_however_many_buckets_files_are_read(tmp_path: Path, tokenizer: Path) -> None:
    again = {"shop": {**FILES["shop"], "c.py": "late = 1\n"}}  # of one path twice, the first counts
    parts, digests = [documents(FILES), documents(again)], []
    infill = Infill(rate=0.5, spm=0.5, syntax=0.5)
    for buckets in (1, 3, 50):
        workspace = Workspace(str(tmp_path / str(buckets)))
        asked = Settings(policy=Policy.DEPENDENCY, length=100, buckets=2, file_buckets=buckets, infill=infill)
        run(workspace, tokenizer, parts, asked)
        written = [note for note in workspace.written if note.path.startswith(("tokens/", "sequences/"))]
        digests.append([(note.path, note.digest) for note in written])
        assert "late" not in "".join(str(row) for row in rows(workspace, "sequences"))
    assert digests[0] == digests[1] == digests[2] and len(digests[0]) == 4


STRANGE = (
    ("go.mod", None, "module example.com/shop\n"),
    ("package.json", "JSON", '{"name": "\\ud800", "exports": {".": ["./a.js", {"node": null}]}}'),
    ("package.json", "JSON", '{"name": "deep", "exports": ' + '{"a": ' * 900 + "1" + "}" * 901),
    (
        "Cargo.toml",
        "TOML",
        '[package]\nname = "x"\nedition = 2021-01-01\n[lib]\npath = "l.rs"\n[[bin]]\npath = "m.rs"\n',
    ),
    ("a/b.py", "Python", "from ..c import d\nimport e.f as g\nclass H(Base): pass\n"),
    ("Main.java", "Java", "package a.b;\nimport c.D;\nclass Main extends Other { List<Thing> x; }\n"),
    ("notes.txt", None, ""),
)


@pytest.mark.parametrize(("path", "language", "text"), STRANGE)
def test_the_facts_of_a_file_are_read_back_as_they_were_written(path: str, language: str | None, text: str) -> None:
    facts = imports.read(text.encode(), path, language)
    written = written_facts(facts)
    pa.array([written], pa.string())
    if "2021-01-01" in text:  # a date is no edition, and a string is none either
        facts.settings["edition"] = "2021-01-01"
    assert facts_of(written) == facts


@pytest.mark.parametrize("length", [64, 128, 300])
def test_a_long_repository_is_shared_out_and_a_long_file_cut_at_lines(
    workspace: Workspace, tokenizer: Path, encoder: Encoder, length: int
) -> None:
    run(workspace, tokenizer, [documents(FILES)], Settings(policy=Policy.DEPENDENCY, length=length, buckets=1))
    texts: dict[str, str] = {}
    for row in rows(workspace, "tokens"):
        assert len(row["tokens"]) <= length
        parts = spoken(encoder, row["tokens"])
        assert parts[0] == f"«{REPOSITORY_NAME}»" and parts[-1] == f"«{END_OF_TEXT}»"
    for said in rows(workspace, "sequences"):
        pieces = {row["id"]: spoken(encoder, row["tokens"]) for row in rows(workspace, "tokens")}
        whole = "".join(
            part for identity in said["pieces"] for part in pieces[identity][2:-1] if part != f"«{FILE_SEPARATOR}»"
        )
        texts[said["repository"]] = whole
        assert said["tokens"] == sum(
            len(row["tokens"]) for row in rows(workspace, "tokens") if row["id"] in said["pieces"]
        )
    for name, files in FILES.items():
        assert len(texts[name]) == sum(len(f"{path}\n{text}") for path, text in files.items())
        for path, text in files.items():
            assert path in texts[name]
            assert all(line in texts[name] for line in text.splitlines())


def test_licences_that_are_not_allowed_are_dropped_with_their_reason(workspace: Workspace, tokenizer: Path) -> None:
    table = pa.concat_tables([
        documents({"free": {"a.py": "a = 1\n"}}),
        documents({"left": {"b.py": "b = 1\n"}}, "GPL-3.0-only"),
        documents({"lost": {"c.py": "c = 1\n"}}, None),
    ])  # fmt: skip
    run(workspace, tokenizer, [table], Settings(policy=Policy.PATH, length=512, buckets=1))
    assert [row["repository"] for row in rows(workspace, "sequences")] == ["free"]
    dropped = rows(workspace, drops_path("license", "").rsplit("/", 1)[0])
    assert [(row["row"], row["rule"], row["value"]) for row in dropped] == [
        (1, "license.category", "GPL-3.0-only"),
        (2, "license.category", "unknown"),
    ]
    kept = Settings(policy=Policy.PATH, length=512, buckets=1, licenses=(Category.COPYLEFT,), unknown="keep")
    run(workspace, tokenizer, [table], kept)
    assert sorted(str(row["repository"]) for row in rows(workspace, "sequences")) == ["left", "lost"]


def test_what_earlier_stages_dropped_is_out_but_a_manifest_still_informs(workspace: Workspace, tokenizer: Path) -> None:
    files = {
        "m": {
            "go.mod": "module x.io/m\n",
            "a.go": 'package a\n\nimport "x.io/m/b"\n',
            "b/b.go": "package b\n",
            "c.go": "package a\n",
        }
    }
    drop = {"id": None, "locator": "l", "source": "code", "stage": "s", "rule": "r", "value": None, "threshold": None}
    dropped = pa.Table.from_pylist([{**drop, "row": 0}, {**drop, "row": 3}])
    from winnow.stages.run.drops import DROP

    write_drops(workspace, "s", "code-00000", pa.Table.from_pylist(dropped.to_pylist(), schema=DROP))
    run(workspace, tokenizer, [documents(files)], Settings(policy=Policy.DEPENDENCY, length=512, buckets=1), ("s",))
    said = rows(workspace, "sequences")[0]
    assert [place["path"] for place in said["order"]] == ["b/b.go", "a.go"]
    assert said["edges"] == 1


def test_repositories_of_one_name_from_two_inputs_stay_two(workspace: Workspace, tokenizer: Path) -> None:
    one, other = documents({"utils": {"a.py": "a = 1\n"}}), documents({"utils": {"a.py": "b = 2\n"}})
    moved = other.set_column(DOCUMENT.get_field_index("locator"), "locator", pa.array(["/elsewhere.zip!a.py"]))
    run(
        workspace,
        tokenizer,
        [pa.concat_tables([one, moved.cast(DOCUMENT)])],
        Settings(policy=Policy.PATH, length=512, buckets=1),
    )
    assert [row["origin"] for row in rows(workspace, "sequences")] == ["/elsewhere.zip", "/utils.tar"]


def test_one_repository_alone_is_reported_drawn_and_written(tmp_path: Path, tokenizer: Path) -> None:
    root = tmp_path / "shop"
    for path, text in FILES["shop"].items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    report = order_report(str(root))
    assert str(report).splitlines()[:4] == ["1  README.md", "2  c.py", "3  b.py  ← 2", "4  a.py  ← 3"]
    assert "2 edges, 0 cycles" in str(report)
    assert report.html().startswith("<!doctype html>")
    counts = write_sequences(str(root), 4096, str(tmp_path / "out"), tokenizer=str(tokenizer))
    assert (counts["files"], counts["pieces"], counts["edges"]) == (4, 1, 2)
    assert len(rows(Workspace(str(tmp_path / "out")), "tokens")) == 1


def code(seed: int, lines: int) -> str:
    draw = np.random.default_rng(seed).integers(0, 1 << 40, lines)
    return "".join(f"variable_{value} = compute({value})\n" for value in draw.tolist())


def test_forks_are_dropped_whole_for_the_repository_with_more_stars(workspace: Workspace) -> None:
    shared = {f"f{i}.py": code(i, 30) for i in range(10)}
    files = {"fork": shared | {"extra.py": code(99, 20)}, "original": shared, "other": {"x.py": code(1000, 300)}}
    table = documents(files)
    stars = [f'{{"stars":{9 if name == "original" else 1}}}' for name in table["repository"].to_pylist()]
    table = table.set_column(DOCUMENT.get_field_index("metadata"), "metadata", pa.array(stars))
    workspace.write_table("documents/p.parquet", table)
    for step, units in plan_forks(["p"], ForkSettings()):
        for unit in units:
            step.work(workspace, unit)
    dropped = workspace.read_table(drops_path(FORKS, "p")).to_pylist()
    assert {table["repository"][row["row"]].as_py() for row in dropped} == {"fork"}
    assert len(dropped) == 11
    survivor, found = str(dropped[0]["value"]).rsplit(" ", 1)
    assert survivor == "/original.tar!original"
    assert abs(float(found) - 300 / 320) < 0.08


def test_the_sketch_estimates_the_jaccard_similarity_of_lines() -> None:
    one, other = code(1, 4000), code(1, 4000)[: len(code(1, 4000)) // 2] + code(2, 1000)
    a, b = set(one.splitlines()), set(other.splitlines())
    true = len(a & b) / len(a | b)
    sketches = [line_hashes(text.encode())[:256] for text in (one, other)]
    assert abs(similarity(*sketches, 256) - true) < 3 * 0.5 / 16
