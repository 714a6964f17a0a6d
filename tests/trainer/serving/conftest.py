"""An export that speaks two languages badly, what transformers makes of it, and servers on free ports of loopback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.tokenizer.conftest import CHINESE
from winnow.tokenizer.export import export as export_tokenizer
from winnow.tokenizer.load import load
from winnow.tokenizer.train import train
from winnow.trainer.config import ModelConfig
from winnow.trainer.export import end_turns, export

ROOT = Path(__file__).parents[3]
PROMPTS = (
    "今天天气很好,我们去",
    "def f(x):\n        return 数据管道 1",
    "The quick  brown 🦊 fox\t\t",
    "\ufeff\u3000全角 space <|user|> </s> <0x41>",
)
QUESTION = [{"role": "user", "content": "数据管道是什么?"}]
TOKENS = 24
PATIENCE = 600  # seconds that a server may take to start on a busy machine


@dataclass(frozen=True)
class Answers:
    """Of each prompt its ids and the likeliest tokens after it; the ids of the question as a conversation."""

    prompts: list[list[int]]
    tokens: list[list[int]]
    question: list[int]


@pytest.fixture(scope="session")
def source(tiny: ModelConfig, make_model: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of the matrices are whole blocks of 32, so that four bits fit."""
    folder = tmp_path_factory.mktemp("export")
    code = "".join(path.read_text("utf-8") for path in sorted((ROOT / "trainer").glob("*.py")))
    train([code, *("\n\n".join(CHINESE[at:] + CHINESE[:at]) * 20 for at in range(4))], 2000, 7, str(folder))
    encoder = load(str(folder))
    sizes = {"vocab_size": encoder.vocabulary_size, "hidden_size": 64, "moe_intermediate_size": 32, "head_dim": 32}
    export(make_model(replace(tiny, **sizes)), folder, max_position_embeddings=256)  # type: ignore[arg-type]
    for name, content in export_tokenizer(encoder).items():
        (folder / name).write_bytes(content)
    end_turns(folder, encoder.conventions.roles)
    return folder


@pytest.fixture(scope="session")
def answers(source: Path) -> Answers:
    """By transformers, in fp32."""
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    encoder = load(str(source))
    prompts = [encoder.encode(pa.array([prompt], pa.large_string())).ids.tolist() for prompt in PROMPTS]
    made = [
        model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=TOKENS, eos_token_id=[], use_cache=True)
        for ids in prompts
    ]
    asked = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, return_dict=True).input_ids
    return Answers(prompts, [row[0, -TOKENS:].tolist() for row in made], asked)


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    port: int

    def ask(self, path: str, body: object = None, **headers: str) -> Any:
        """JSON, or text where it is none. Raises `HTTPError`."""
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, given)
        with urllib.request.urlopen(request, timeout=60) as response:
            told = response.read().decode()
        try:
            return json.loads(told)
        except ValueError:
            return told

    def status(self, path: str, body: object = None, **headers: str) -> int:
        try:
            self.ask(path, body, **headers)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def answers(self, path: str) -> bool:
        try:
            return self.status(path) == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def program(name: str) -> str:
    """A file that runs in an environment of its own."""
    return str(ROOT / "trainer" / "serving" / f"{name}.py")


def needed(path: str, target: str) -> str:
    """A program of an environment or of the machine; where it is missing, the target that makes it."""
    found = str(ROOT / path) if "/" in path else shutil.which(path) or shutil.which(path, path="/usr/sbin:/usr/bin")
    assert found and Path(found).exists(), f"{path} is missing: {target}"
    return found


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts a command and waits until `path` answers at `port`; ends all of them at last."""
    running = []

    def begin(command: list[str], port: int, path: str, folder: Path | None = None) -> subprocess.Popen[bytes]:
        log = tmp_path_factory.mktemp("log") / "log"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=folder, env=environment)
        running.append(process)
        deadline = time.monotonic() + PATIENCE
        while not Address(port).answers(path):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
            time.sleep(0.1)
        return process

    yield begin
    for process in running:
        process.terminate()
    for process in running:
        process.wait(60)
