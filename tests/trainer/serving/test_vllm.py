"""vLLM serves the export by the OpenAI API with the tokens of transformers, its prediction layer drafting or not."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.test_guides import DOCS, blocks
from tests.trainer.serving.conftest import PROMPTS, QUESTION, TOKENS, Address, Answers, Start, free_port, needed

pytestmark = pytest.mark.slow  # make serve-test
PYTHON = ".venv-vllm/bin/python"


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "drafting"])
def served(request: pytest.FixtureRequest, source: Path, start: Start) -> Address:
    """By the page's own command, and by the option that it names for drafts."""
    page = (DOCS / "serving.md").read_text("utf-8")
    (line,) = [line for block in blocks("serving.md", "sh") for line in block.splitlines() if line.startswith(PYTHON)]
    (drafting,) = re.findall(r"`(--speculative-config [^`]*)`", page)
    port = free_port()
    said = line.replace("runs/mid/model/huggingface", str(source)).replace("8000", str(port))
    command = shlex.split(f"{said} {drafting}" if request.param else said)
    start([needed(PYTHON, "make serve-test"), *command[1:]], port, "/health")
    return Address(port)


def test_ids_and_greedy_tokens_are_those_of_transformers(served: Address, answers: Answers) -> None:
    for prompt, ids, expected in zip(PROMPTS, answers.prompts, answers.tokens, strict=True):
        asked = {"model": "winnow", "prompt": ids, "max_tokens": TOKENS, "temperature": 0, "ignore_eos": True}
        told = served.ask("/v1/completions", {**asked, "return_token_ids": True})
        assert told["choices"][0]["token_ids"] == expected, prompt


def test_a_conversation_is_rendered_as_by_transformers(served: Address, answers: Answers) -> None:
    asked = {"model": "winnow", "messages": QUESTION, "max_tokens": 4, "temperature": 0, "return_token_ids": True}
    assert served.ask("/v1/chat/completions", asked)["prompt_token_ids"] == answers.question


def test_the_figures_that_the_page_asks_prometheus_for_exist(served: Address) -> None:
    names = re.findall(r"sum\((vllm:\w+)\)", (DOCS / "serving.md").read_text("utf-8"))
    told = served.ask("/metrics")
    assert len(names) == 2 and all(f"\n{name}{{" in told for name in names)
