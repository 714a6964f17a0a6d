"""Benchmark files in their authors' formats, written for these tests; a model that has some of their answers by heart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.run.drops import write_drops
from winnow.stages.run.workspace import Workspace
from winnow.tokenizer.export import export as export_tokenizer
from winnow.tokenizer.load import load
from winnow.tokenizer.train import train_model
from winnow.trainer.config import ModelConfig
from winnow.trainer.export import end_turns, export

ADD = 'def add_all(numbers):\n    """ Return the sum of a list of numbers.\n    >>> add_all([1, 2])\n    3\n    """\n'
LAST = 'def last_word(text):\n    """ Return the last word of a text, which may be empty.\n    """\n'
SUM_BODY = "    return sum(numbers)\n"
HONEY = (
    "A keeper fills 16 jars of honey from each of her 12 hives and sells 40 jars at the fair; how many jars are left?"
)
FERRY = "A ferry carries 9 lorries and twice as many cars on each of its 5 trips a day; how many vehicles are that in a day?"
TILES = "A floor of 6 by 8 metres is laid with square tiles whose sides are 50 centimetres long; how many tiles does it take?"

FILES: Mapping[str, list[dict[str, Any]]] = {
    "humaneval.jsonl": [
        {
            "task_id": "HumanEval/0",
            "prompt": ADD,
            "entry_point": "add_all",
            "canonical_solution": SUM_BODY,
            "test": "\n\ndef check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0\n",
        },
        {
            "task_id": "HumanEval/1",
            "prompt": LAST,
            "entry_point": "last_word",
            "canonical_solution": "    return (text.split() or [''])[-1]\n",
            "test": "\n\ndef check(candidate):\n    assert candidate('a b') == 'b'\n    assert candidate('') == ''\n",
        },
    ],
    "mbpp.jsonl": [
        {
            "text": "Write a function to find the longest of some words.",
            "code": "def longest(words):\r\n  return max(words, key=len)",
            "task_id": 11,
            "test_setup_code": "import math",
            "test_list": [
                "assert longest(['a', 'bcd', 'ef']) == 'bcd'",
                "assert math.pi > 3 and longest(['x']) == 'x'",
            ],
            "challenge_test_list": [],
        }
    ],
    "gsm8k.jsonl": [
        {
            "question": HONEY,
            "answer": "She fills 16*12=<<16*12=192>>192 jars.\n192-40=<<192-40=152>>152 are left.\n#### 152",
        },
        {"question": FERRY, "answer": "9+18=27 vehicles.\n27*5=135 in a day.\n#### 135"},
        {"question": TILES, "answer": "12 times 16 tiles.\n#### 192"},
    ],
    "math.jsonl": [
        {
            "problem": "What is the sum of the interior angles of a convex polygon with $7$ sides, as a multiple of $\\pi$?",
            "level": "Level 2",
            "type": "Geometry",
            "solution": "There are $7-2=5$ triangles, so that the sum is $\\boxed{5\\pi}$.",
        }
    ],
    "gpqa_main.jsonl": [
        {
            "Record ID": "rec0",
            "Question": "Which of these particles is exchanged between two electrons that repel each other in a vacuum?",
            "Correct Answer": "a photon",
            "Incorrect Answer 1": "a gluon",
            "Incorrect Answer 2": "a neutrino",
            "Incorrect Answer 3": "a pion",
        }
    ],
}
LEARNT = (
    ADD + SUM_BODY,
    f"Question: {HONEY}\nAnswer: #### 152",
    f"Question: {FERRY}\nAnswer: #### 5",
)
"""What the model has by heart: a right program, a right number, a wrong one."""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("benchmarks")
    for name, items in FILES.items():
        (folder / name).write_text("".join(json.dumps(item) + "\n" for item in items))
    return {name.partition(".")[0]: str(folder / name) for name in FILES}


@pytest.fixture(scope="session")
def learnt(tiny: ModelConfig, make_model: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export that goes on with `LEARNT`."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)  # made before what `_repeatable` sets; several wait for each other on a busy machine
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "tokenizer.model").write_bytes(train_model([text.replace("\n", " ") for text in LEARNT] * 20, 512))
    encoder = load(str(folder / "tokenizer.model"))
    sizes = {"vocab_size": encoder.vocabulary_size, "hidden_size": 64, "initializer_range": 0.05}
    export(make_model(replace(tiny, **sizes)), folder, max_position_embeddings=256)
    for name, content in export_tokenizer(encoder).items():
        (folder / name).write_bytes(content)
    end_turns(folder, encoder.conventions.roles)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    texts = [
        torch.tensor([[*tokenizer(text)["input_ids"], model.generation_config.eos_token_id[0]]]) for text in LEARNT
    ]
    for _ in range(100):
        optimizer.zero_grad()
        loss = sum(model(input_ids=text, labels=text).loss for text in texts)
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A finished run whose documents hold three questions: one kept, one dropped, one both."""
    workspace = Workspace(str(tmp_path_factory.mktemp("run")))
    padding = "The weather over the northern coast stayed mild, and trains ran on time through most of the afternoon. "
    texts = [padding + HONEY + padding, padding + FERRY, padding * 2, ADD + SUM_BODY, ADD]
    rows = [
        {"id": document_id("t", str(at), text), "text": text, "source": "t", "kind": "web", "locator": str(at)}
        for at, text in enumerate(texts)
    ]
    workspace.write_table("documents/p-00000.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
    dropped = [
        {**{key: rows[at][key] for key in ("id", "locator", "source")}, "stage": "decontaminate", "row": at,
         "rule": "gsm8k.question", "value": "1", "threshold": "< 0.45"}
        for at in (1, 4)
    ]  # fmt: skip
    write_drops(workspace, "decontaminate", "p-00000", pa.Table.from_pylist(dropped))
    workspace.write_bytes("lock.json", json.dumps({"manifest": {"decontaminate": {"words": 5}}}).encode())
    return workspace.root
