"""The commands on files of the user's own: tokenizers made, shown, exported and compared, mistakes answered in words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from winnow.pipeline.cli import cli
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens.schema import tokens_schema
from winnow.tokenizer.load import load

TEXTS = [
    "The quick brown fox jumps over the lazy dog.\r\n" * 40,
    "数据管道把原始语料变成可以直接训练的序列。\n" * 40,
    "def f(x: int) -> int:\n    return x + 12\n" * 40,
]


def winnow(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(cli, list(arguments), input=given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts and a tokenizer that `winnow tokenizer train` made of them."""
    made = tmp_path_factory.mktemp("commands")
    lines = [json.dumps({"text": text}) + "\n" for text in TEXTS]
    (made / "texts.jsonl").write_text("".join(lines))
    result = winnow(
        *("tokenizer", "train", "--in", str(made / "texts.jsonl"), "--out", str(made / "own")),
        *("--vocabulary-size", "420"),
    )
    assert result.exit_code == 0, result.output
    return made


def test_what_encode_prints_is_the_text(folder: Path) -> None:
    text = "fox\r\n狐 <|user|>\0 ▁"
    printed = winnow("tokenizer", "encode", str(folder / "own"), given=text.encode()).output
    encoder = load(str(folder / "own"))
    ids = [int(number) for number in printed.split()]
    assert encoder.decode(ids) == text
    assert not set(ids) & set(encoder.special.values())


def test_pieces_show_parts_of_characters_as_bytes(folder: Path) -> None:
    printed = winnow("tokenizer", "encode", str(folder / "own"), "1𝕏", "--pieces").output
    assert [piece.partition(":")[2] for piece in printed.split()] == [
        "'1'",
        r"b'\xf0'",
        r"b'\x9d'",
        r"b'\x95'",
        r"b'\x8f'",
    ]


def test_an_export_encodes_alike_and_both_stand_in_the_evaluation(folder: Path) -> None:
    own, exported = str(folder / "own"), str(folder / "exported")
    assert winnow("tokenizer", "export", own, "--out", exported).exit_code == 0
    first, second = (winnow("tokenizer", "encode", path, TEXTS[1]).output for path in (own, exported))
    assert first == second
    table = winnow("tokenizer", "evaluate", own, exported, "--in", f"mixed={folder / 'texts.jsonl'}").output
    _, group, *rows = table.splitlines()
    ours, peer = (row.split() for row in rows)
    assert group == "mixed" and ours[:-1] == peer[:-1] and (ours[-1], peer[-1]) == (own, exported)
    assert ours[3:5] == ["0", "3"]  # no text of three doesn't come back


def test_a_run_is_evaluated_by_source_and_by_language(folder: Path, tmp_path: Path) -> None:
    encoder = load(str(folder / "own"))
    workspace = Workspace(str(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    shutil.copytree(folder / "own", tmp_path / "run" / "tokenizer")
    ids = [[encoder.special["<|user|>"], *encoder.encode(pa.array([text])).ids.tolist()] for text in TEXTS]
    rows = [
        {
            "id": str(place),
            "source": source,
            "language": language,
            "kind": "web",
            "bucket": -1,
            "tokens": tokens,
            "cuts": [],
        }
        for place, (source, language, tokens) in enumerate(
            zip(("web", "web", "code"), ("en", "zh", None), ids, strict=True)
        )
    ]
    workspace.write_table("tokens/part.parquet", pa.Table.from_pylist(rows, schema=tokens_schema(encoder.dtype)))
    lines = winnow("tokenizer", "evaluate", str(folder / "own"), "--run", str(tmp_path / "run")).output.splitlines()[1:]
    counts = {group: row.split()[3:5] for group, row in zip(lines[::2], lines[1::2], strict=True)}
    one, both = ["0", "1"], ["0", "2"]
    assert counts == {"web": both, "en": one, "zh": one, "code": one, "unknown": one}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("encode", "FOLDER/nowhere", "x"), "there is no tokenizer at"),
        (("evaluate", "FOLDER/own"), "give --in FILE or --run RUN"),
        (("evaluate", "FOLDER/own", "--run", "FOLDER"), "holds no tokens"),
        (("train", "--in", "FOLDER/none.jsonl", "--out", "FOLDER/t"), "none.jsonl"),
    ],
)
def test_mistakes_are_answered_without_a_traceback(folder: Path, arguments: tuple[str, ...], expected: str) -> None:
    result = winnow("tokenizer", *(argument.replace("FOLDER", str(folder)) for argument in arguments))
    assert result.exit_code != 0
    assert expected in str(result.exception)


def test_input_that_is_not_utf8_is_refused(folder: Path) -> None:
    result = winnow("tokenizer", "encode", str(folder / "own"), given=b"\xff")
    assert "standard input is not UTF-8" in str(result.exception)


def test_what_the_machine_refuses_is_a_sentence_with_advice(folder: Path, tmp_path: Path) -> None:
    """A process of its own, in which no file may grow: `init` can't write its manifest."""
    limited = (
        "import resource, sys; from winnow.pipeline.cli import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", limited, "init", str(folder), "--out", str(tmp_path / "mine")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "winnow: no file may grow so large here ([Errno 27]" in " ".join(ended.stderr.split())
    assert "see `ulimit -f`" in " ".join(ended.stderr.split()) and "Traceback" not in ended.stderr


def test_the_package_itself_is_the_command() -> None:
    command = [sys.executable, "-m", "winnow", "explain", "--help"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0 and "one document's way" in ended.stdout
