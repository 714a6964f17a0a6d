"""One file for llama.cpp: the same ids, the same tokens, the same conversation as transformers."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.tokenizer import shapes
from tests.trainer.serving.conftest import (
    PROMPTS,
    QUESTION,
    ROOT,
    TOKENS,
    Address,
    Answers,
    Start,
    free_port,
    needed,
    program,
)
from winnow.trainer.command import main
from winnow.trainer.config import TrainingError
from winnow.trainer.serving.gguf import convert

LLAMA = ".venv-llama/bin/python"
SOURCES = ROOT / ".venv-llama/llama.cpp"


def test_what_is_no_export_and_what_is_not_llama_cpp_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"holds no config\.json"):
        convert(tmp_path, tmp_path / "out.gguf", tmp_path)
    (tmp_path / "config.json").write_text("{}")
    told = CliRunner().invoke(
        main, ["gguf", "--model", str(tmp_path), "--out", str(tmp_path / "out.gguf"), "--llama-cpp", str(tmp_path)]
    )
    assert told.exit_code == 1 and "it isn't a folder of llama.cpp's sources" in told.output
    assert not (tmp_path / "out.gguf").exists()


@pytest.fixture(scope="module", params=[0, 1], ids=["plain", "drafting"])
def served(
    request: pytest.FixtureRequest, source: Path, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> Address:
    """The export in fp32, with and without drafts of the prediction layer."""
    python, file, port = needed(LLAMA, "make serve-test"), tmp_path_factory.mktemp("gguf") / "model.gguf", free_port()
    convert(source, file, SOURCES, "f32")
    drafts = ["--draft", "1"] if request.param else []
    start(
        [python, program("llama"), "serve", str(file), "--port", str(port), "--slots", "1", "--exact", *drafts],
        port,
        "/health",
    )
    return Address(port)


@pytest.mark.slow  # make serve-test
def test_ids_and_greedy_tokens_are_those_of_transformers(served: Address, answers: Answers) -> None:
    for prompt, ids, expected in zip(PROMPTS, answers.prompts, answers.tokens, strict=True):
        assert served.ask("/tokenize", {"content": prompt, "parse_special": False})["tokens"] == ids, prompt
        asked = {"prompt": ids, "n_predict": TOKENS, "temperature": 0, "ignore_eos": True, "return_tokens": True}
        assert served.ask("/completion", asked)["tokens"] == expected, prompt


@pytest.mark.slow
def test_a_conversation_is_rendered_as_by_transformers_and_answered(served: Address, answers: Answers) -> None:
    rendered = served.ask("/apply-template", {"messages": QUESTION})["prompt"]
    assert served.ask("/tokenize", {"content": rendered, "parse_special": True})["tokens"] == answers.question
    told = served.ask("/v1/chat/completions", {"messages": QUESTION, "max_tokens": 8, "temperature": 0})
    assert told["usage"]["prompt_tokens"] == len(answers.question)
    assert 0 < told["usage"]["completion_tokens"] <= 8


@pytest.mark.slow
def test_a_tokenizer_that_llama_cpp_does_not_know_is_named(source: Path, tmp_path: Path) -> None:
    needed(LLAMA, "make serve-test")
    foreign = shutil.copytree(source, tmp_path / "foreign")
    (foreign / "tokenizer.model").unlink()
    shapes.gpt_2().save(str(foreign / "tokenizer.json"))
    with pytest.raises(TrainingError, match=r"foreign: llama\.cpp's converter can't take this tokenizer"):
        convert(foreign, tmp_path / "out.gguf", SOURCES)
    with pytest.raises(TrainingError, match="is a folder"):
        convert(source, tmp_path, SOURCES)
    assert [path.name for path in tmp_path.iterdir()] == ["foreign"]


@pytest.mark.slow
def test_one_file_from_the_command_line_holds_tokenizer_ends_and_template(source: Path, tmp_path: Path) -> None:
    needed(LLAMA, "make serve-test")
    file = tmp_path / "model{1}.gguf"
    given = ["gguf", "--model", str(source), "--out", str(file), "--type", "q4_0", "--llama-cpp", str(SOURCES)]
    told = CliRunner().invoke(main, given)
    assert told.exit_code == 0, told.output
    sys.path.insert(0, str(SOURCES / "gguf-py"))
    from gguf import GGUFReader

    reader = GGUFReader(file)
    known = {name: field.contents() for name, field in reader.fields.items() if name.startswith("tokenizer.")}
    pieces = known["tokenizer.ggml.tokens"]
    ends = [pieces[known[f"tokenizer.ggml.{role}_token_id"]] for role in ("eos", "eot", "eom")]
    assert ends == ["<|endoftext|>", "<|user|>", "<|observation|>"]
    assert known["tokenizer.chat_template"] == (source / "chat_template.jinja").read_text()
    assert known["tokenizer.ggml.add_bos_token"] is False and known["tokenizer.ggml.add_space_prefix"] is False
    kinds = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
    assert kinds["blk.1.ffn_gate_exps.weight"] == kinds["blk.0.attn_q.weight"] == "Q4_0"
    assert kinds["token_embd.weight"] == "Q8_0" and kinds["blk.1.ffn_gate_inp.weight"] == "F32"
    assert kinds["blk.1.exp_probs_b.bias"] == "F32" and "blk.3.nextn.eh_proj.weight" in kinds
    assert json.loads((source / "config.json").read_text())["vocab_size"] == len(pieces)
