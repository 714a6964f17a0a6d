"""Every mistake is one message: file, line, key, what was found, the nearest right name, what to do. No traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

MANIFEST = """\
stage: pretrain
seed: 1
filters:
  - {recipe: gopher_quality, content: [web]}
mixture: {sources: {web: 100}}
packing: concatenate
curriculum: [{length: 128, share: 100}]
"""
PROFILE = """\
sources:
  web:
    - {kind: tables, content: web, paths: [rows.jsonl]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows.jsonl").write_text('{"text": "some words"}\n')
    (tmp_path / "own.yaml").write_text(MANIFEST)
    (tmp_path / "where.yaml").write_text(PROFILE)
    return tmp_path


IN_MANIFEST = {
    "a key": ("seed: 1", "seed: 1\nsedd: 1", "own.yaml:3: sedd: there is no such key; did you mean 'seed'?"),
    "a missing key": ("seed: 1\n", "", "own.yaml:1: seed: is missing"),
    "a stage's packing": ("packing: concatenate", "packing: best-fit", "own.yaml:6: packing: there is no 'best-fit'; did you mean 'best_fit'?"),
    "what a text is": ("[web]", "[wbe]", "own.yaml:4: filters.0.content.0: there is no 'wbe'; did you mean 'web'?"),
    "a recipe": ("gopher_quality", "gopher_qualty", "own.yaml:4: filters.0.recipe: no recipe is called 'gopher_qualty'; did you mean 'gopher_quality'?"),
    "a rule": ("content: [web]", "thresholds: {wrods: null}", "own.yaml:4: filters.0.thresholds: no rule of gopher_quality is called 'wrods'; did you mean 'words'?"),
    "a recipe of one's own": ("gopher_quality", '"nowhere.mine:OWN"', "own.yaml:4: filters.0.recipe: there is no module 'nowhere' for recipe nowhere.mine:OWN: PYTHONPATH says where Python looks for it"),
    "a resource": ("content: [web]", 'options: {model: "resource:lid"}', "own.yaml:4: filters.0.options: the profile has no resource 'resource:lid'; it has none: say where the file lies under `resources`"),
    "an edit": ("filters:", "edits:", "own.yaml:4: edits.0.recipe: gopher_quality edits no text; list it under filters"),
    "shares": ("web: 100", "web: 90", "own.yaml:5: mixture: the shares of sources add up to 90 per cent, not to 100"),
    "a value": ("length: 128", "length: long", "own.yaml:7: curriculum.0.length: input should be a valid integer, unable to parse string as an integer (found 'long')"),
    "a source": ("{web: 100}", "{web: 50, boks: 50}", "where.yaml:1: sources: has no inputs for boks, of which the mixture asks shares; it has web"),
    "a base": ("seed: 1", "extends: pretrian", "own.yaml:2: extends: there is no FOLDER/pretrian.yaml; did you mean 'pretrain'?"),
    "itself as a base": ("seed: 1", "extends: own.yaml", "own.yaml: extends itself by way of FOLDER/own.yaml"),
    "a key twice": ("seed: 1", "seed: 1\nseed: 2", "own.yaml:3: seed: stands here a second time"),
    "a bracket": ("{web: 100}}", "{web: 100}", "own.yaml:6: is not valid YAML: expected ',' or '}', but got '"),
    "a tag": ("seed: 1", "seed: !one 1", "own.yaml:2: could not determine a constructor for the tag '!one'"),
    "a list as a key": ("seed: 1", "? [a]\n: 1", "own.yaml:2: a key is a name, not a list or mapping"),
    "a date": ("seed: 1", "seed: 2024-13-45", "own.yaml: is not valid YAML: month must be in 1..12"),
    "a list for a mapping": ("{sources: {web: 100}}", "[web]", "own.yaml:5: mixture: expected keys, bucket_epochs, consumed, epochs, languages, natural, quality, source_epochs, sources, temperature, tokens, not ['web']"),
    "a phase alone": ("length: 128", "length: 8", "own.yaml:7: curriculum.0.length: input should be greater than or equal to 32 (found 8) "),
    "a share": ("web: 100", "web: most", "own.yaml:5: mixture.sources.web: input should be a valid number, unable to parse string as a number (found 'most') "),
    "no source": ("{web: 100}", "{}", "own.yaml:5: mixture.sources: is empty; leave the key out, or give it a value"),
    "a key without a value": ("packing: concatenate", "packing:", "own.yaml:6: packing: is empty; leave the key out, or give it a value"),
    "a level without a value": ("packing:", "deduplicate: {exact: }\npacking:", "own.yaml:6: deduplicate.exact: is empty: write {} for what it is by default, or leave the level out"),
    "an option of a recipe": ("content: [web]", "options: {colums: [x]}", "own.yaml:4: filters.0.options: gopher_quality has no option 'colums'; did you mean 'columns'?"),
    "a language's name": ("{web: 100}", "{web: 100}, languages: {English: 100}", "own.yaml:5: mixture.languages: languages have their ISO 639 code for a name; did you mean 'en'?"),
    "a language in capitals": ("content: [web]", "languages: [DE]", "own.yaml:4: filters.0.languages: languages have their ISO 639 code for a name; did you mean 'de'?"),
    "a colon": ("seed: 1", "seed 1", "own.yaml:3: is not valid YAML: could not find expected ':', while scanning a simple key that begins in line 2"),
    "a quote": ("seed: 1", 'seed: "1', "own.yaml:8: is not valid YAML: found unexpected end of stream, while scanning a quoted scalar that begins in line 2"),
    "nothing": (MANIFEST, "", "own.yaml:1: expected a mapping of keys to values"),
}  # fmt: skip
IN_PROFILE = {
    "an option": ("paths:", "colums: {text: body}, paths:", "where.yaml:3: sources.web.0.colums: kind tables has no such option; did you mean 'columns'?"),
    "a column": ("paths:", "columns: {body: text}, paths:", "where.yaml:3: sources.web.0.columns: documents have no column ['body']; there are text, url,"),
    "a kind": ("tables", "tabels", "where.yaml:3: sources.web.0.kind: no kind of source is called 'tabels'; did you mean 'tables'?"),
    "a kind of one's own": ("tables", "mine.chats", "where.yaml:3: sources.web.0.kind: there is no module 'mine' for kind 'mine.chats': PYTHONPATH says where Python looks for it"),
    "a module that is no kind": ("tables", "os.path", "where.yaml:3: sources.web.0.kind: os.path is no kind of source: it has no Settings, splits, read"),
    "no paths": (", paths: [rows.jsonl]", "", "where.yaml:3: sources.web.0.paths: is missing"),
    "a path for a list of them": ("[rows.jsonl]", "rows.jsonl", "where.yaml:3: sources.web.0.paths: expected a list: [one, other], not 'rows.jsonl'"),
    "a pattern without quotes": ("rows.jsonl", "*.jsonl", "where.yaml:3: is not valid YAML: expected alphabetic or numeric character, but found '.'; a value that begins with * or & stands in quotes: \"*.jsonl\""),
    "what it holds": ("content: web, ", "", "where.yaml:3: sources.web.0.content: is missing: kind tables doesn't know what its texts are"),
}  # fmt: skip
AT_INPUTS = {
    "an input": ("rows.jsonl", "row.jsonl", "where.yaml:3: sources.web.0.paths.0: there is nothing at FOLDER/row.jsonl; did you mean 'rows.jsonl'?"),
    "a form": ("rows.jsonl", "own.yaml", "where.yaml:3: sources.web.0.paths.0: FOLDER/own.yaml: the name tells no table format; there are"),
}  # fmt: skip


def held(winnow, folder: Path, file: str, old: str, new: str, expected: str, *options: str) -> None:
    target = folder / file
    assert old in target.read_text()
    target.write_text(target.read_text().replace(old, new, 1))
    answer = winnow("plan", *options, "--stage", folder / "own.yaml", "--profile", folder / "where.yaml")
    assert answer.status == 2
    assert f"winnow: {folder}/{expected.replace('FOLDER', str(folder))}" in answer.said


@pytest.mark.parametrize(("old", "new", "expected"), IN_MANIFEST.values(), ids=IN_MANIFEST)
def test_in_a_manifest(winnow, folder: Path, old: str, new: str, expected: str) -> None:
    held(winnow, folder, "own.yaml", old, new, expected, "--offline")


@pytest.mark.parametrize(("old", "new", "expected"), IN_PROFILE.values(), ids=IN_PROFILE)
def test_in_a_profile(winnow, folder: Path, old: str, new: str, expected: str) -> None:
    held(winnow, folder, "where.yaml", old, new, expected, "--offline")


@pytest.mark.parametrize(("old", "new", "expected"), AT_INPUTS.values(), ids=AT_INPUTS)
def test_at_the_inputs(winnow, folder: Path, old: str, new: str, expected: str) -> None:
    held(winnow, folder, "where.yaml", old, new, expected)


def test_all_that_is_missing_is_told_at_once(winnow, folder: Path) -> None:
    (folder / "where.yaml").write_text(
        "resources: {lid: models/lid.ftz}\nbenchmarks: [{path: gsm8k.jsonl}]\n"
        + PROFILE.replace("[rows.jsonl]", "[first/*.jsonl, rows.jsonl, second.jsonl]")
    )
    answer = winnow("plan", "--stage", folder / "own.yaml", "--profile", folder / "where.yaml")
    assert answer.status == 2
    places = ("1: resources.lid", "2: benchmarks.0.path", "5: sources.web.0.paths.0", "5: sources.web.0.paths.2")
    for line, place in zip(answer.lines[-4:], places, strict=True):
        assert line.removeprefix("winnow: ").startswith(f"{folder}/where.yaml:{place}: there is nothing at {folder}/")


def test_names_of_files_and_commands(winnow, folder: Path) -> None:
    assert "midd.yaml: there is no such file; did you mean 'mid'?" in winnow("plan", "--stage", "midd").said
    assert "sampel.yaml: there is no such file; did you mean 'sample'?" in winnow("plan", "--profile", "sampel").said
    (folder / "folder.yaml").mkdir()
    assert "folder.yaml: is a folder, not a YAML file" in winnow("plan", "--stage", folder / "folder.yaml").said
    assert "there is no command 'insepct'. Did you mean 'inspect'?" in winnow("insepct").said
    asked = ("--stage", folder / "own.yaml", "--profile", folder / "where.yaml", "--out", folder / "run")
    taken = winnow("run", *asked[:-1], folder / "own.yaml").said
    assert taken.endswith("own.yaml is a file, and a run works in a folder: name another by --out ")
    taken = winnow("run", *asked[:-1], folder / "own.yaml" / "run").said
    assert taken.endswith("own.yaml is a file, and a run works in a folder: name another by --out ")
    (folder / "link").symlink_to(folder / "nowhere")
    for place in (folder / "link", folder / "link" / "run"):
        said = winnow("run", *asked[:-1], place).said
        assert "/link is a link to " in said and "which isn't there: make it, or name another by --out" in said
    answer = winnow("run", *asked, "--until", "decde")
    assert (answer.status, answer.said) == (2, "winnow: --until: there is no step 'decde'; did you mean 'decide'? ")


@pytest.mark.parametrize(
    "command",
    [
        ("status",), ("inspect",), ("verify",), ("explain", "0f"), ("diff", "RUN"), ("report",),
        ("export", "--format", "jsonl", "--phase", "a", "--out", "x"),
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_a_run_that_is_not_there(winnow, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "mid").mkdir()
    (tmp_path / "mid" / "plan.json").write_text('{"steps": []}')
    name, *rest = command
    answer = winnow(name, tmp_path / "midd", *(str(tmp_path / "mid") if word == "RUN" else word for word in rest))
    assert answer.status == 2
    assert answer.said == f"winnow: there is no run in {tmp_path}/midd; did you mean '{tmp_path}/mid'? "


def test_settings_of_commands(winnow, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "some words"}\n')
    given = ("--in", tmp_path / "rows.jsonl", "--out", tmp_path / "out")
    said = winnow("dedup", "minhash", *given, "--set", "treshold=0.7").said
    assert "winnow: --set treshold: there is no such setting; did you mean 'threshold'?" in said
    assert "--set threshold: Input should be" in winnow("dedup", "minhash", *given, "--set", "threshold=much").said
    assert "did you mean 'gopher_quality'?" in winnow("filter", "--recipe", "gopher_qualty", *given).said


def test_paths_are_relative_to_the_file_that_holds_them(winnow, folder: Path, tmp_path_factory, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    asked = ("--stage", folder / "own.yaml", "--profile", folder / "where.yaml")
    assert winnow("plan", *asked).status == 0
    (folder / "rows").mkdir()
    (folder / "rows.jsonl").rename(folder / "rows" / "rows.jsonl")
    (folder / "where.yaml").write_text("root: rows\n" + PROFILE)
    assert winnow("plan", *asked).status == 0
    inner = folder / "inner"
    inner.mkdir()
    (inner / "where.yaml").write_text("extends: ../where.yaml\nbuckets: 1\n")
    assert winnow("plan", "--stage", folder / "own.yaml", "--profile", inner / "where.yaml").status == 0
    (folder / "own.yaml").write_text(MANIFEST + "tokenizer: {path: tokenizer.json}\n")
    said = winnow("plan", *asked).said
    assert f"{folder}/own.yaml:8: tokenizer.path: there is no tokenizer at {folder}/tokenizer.json" in said
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    said = winnow("plan", *asked).said
    assert "tokenizer.json is not a tokenizer.json: it has no `model`, which the library's `save` writes" in said


@pytest.mark.parametrize(
    ("path", "expected"),
    [(".", "is a folder; name a file of it"), ("rows.jsonl", "is no fastText model of version 11 or 12")],
)
def test_a_language_model_that_is_none(winnow, folder: Path, path: str, expected: str) -> None:
    entry = '  - {recipe: language, options: {model: "resource:lid"}}\n'
    (folder / "own.yaml").write_text(MANIFEST.replace("filters:\n", f"filters:\n{entry}"))
    (folder / "where.yaml").write_text(f"resources: {{lid: {path}}}\n{PROFILE}")
    asked = ("--stage", folder / "own.yaml", "--profile", folder / "where.yaml")
    for answer in (winnow("plan", *asked), winnow("run", *asked, "--out", folder / "run")):
        assert answer.status == 2
        assert (
            f"winnow: {folder}/where.yaml:1: resources.lid: {folder}/{path}" in answer.said and expected in answer.said
        )


def test_what_is_written_here_takes_no_address(winnow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"text": "some words"}\n')
    for command in (
        ("init", "rows.jsonl"),
        ("card", "run"),
        ("filter", "--recipe", "c4", "--in", "rows.jsonl"),
        ("extract", "rows.jsonl"),
        ("export", "run", "--format", "jsonl", "--phase", "a"),
        ("tokenizer", "train", "--in", "rows.jsonl"),
        ("tokenizer", "export", "run"),
        ("classifier", "train", "--in", "rows.jsonl", "--label", "good"),
    ):
        answer = winnow(*command, "--out", "s3://mill/out")
        assert answer.status == 2, command
        assert "--out: s3://mill/out is an address, and this is written on this machine" in answer.said, command
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("address", "said"),
    [("hf://dataset/mill", "datasets/"), ("s4://mill/rows.jsonl", "Protocol not known: s4")],
)
def test_an_address_that_nothing_can_open_is_a_message(winnow, tmp_path: Path, address: str, said: str) -> None:
    answer = winnow("init", "--from", address, "--out", tmp_path)
    assert answer.status == 2 and f"winnow: {address}: " in answer.said and said in answer.said
