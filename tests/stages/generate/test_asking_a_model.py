"""A part asks a real model of transformers over HTTP, small and untrained; its server goes away and comes back."""

from __future__ import annotations

import json
import threading

import pytest

from tests.stages.generate.served import Answer, Body, error, serving
from tests.stages.generate.test_asking import PART, ROWS, _short_pauses, part, work
from winnow.stages.run.unit import Away
from winnow.stages.run.workspace import Workspace

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
__all__ = ["_short_pauses", "part"]  # fixtures


class Speaker:
    """A Llama of random weights on bytes, sampling by a request's seed, temperature and limit."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        self._model = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=256, **sizes)).eval()
        self._one_at_a_time = threading.Lock()
        self.answered = 0

    def __call__(self, body: Body, tries: int) -> Answer:
        prompt = "\n".join(f"{message['role']}: {message['content']}" for message in body["messages"]).encode()
        with self._one_at_a_time, torch.no_grad():
            torch.manual_seed(body["seed"])
            given = torch.tensor([list(prompt)])
            options = {"do_sample": True, "temperature": body["temperature"], "max_new_tokens": body["max_tokens"]}
            options |= {"attention_mask": torch.ones_like(given), "pad_token_id": 0, "eos_token_id": 10}
            said = self._model.generate(given, **options)[0, given.shape[1] :].tolist()
            self.answered += 1
        ended = said[-1] == 10
        message = {"role": "assistant", "content": bytes(said[: len(said) - ended]).decode("utf-8", "replace")}
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(said)}
        choice = {"index": 0, "message": message, "finish_reason": "stop" if ended else "length"}
        return 200, {}, json.dumps({"model": "random", "choices": [choice], "usage": usage}).encode()


def test_what_a_model_says_is_the_same_over_a_server_that_goes_away(part: Workspace) -> None:
    speaker = Speaker()

    def some(body: Body, tries: int) -> Answer:
        return speaker(body, tries) if speaker.answered < 4 else error(502, "no upstream")

    with serving(some) as served, pytest.raises(Away, match="no upstream"):
        work(part, served.url, temperature=1.5)
    before = speaker.answered
    with serving(speaker) as served:
        counts, found = work(part, served.url, temperature=1.5)
        assert len(served.bodies) == 2 * ROWS - before
        broken = part.read_bytes(f"answers/{PART}.parquet")
        part.remove("asked")
        work(part, served.url, temperature=1.5)
    assert part.read_bytes(f"answers/{PART}.parquet") == broken
    assert counts["replies"] == {"answered": 2 * ROWS} and set(found["finish"].to_pylist()) <= {"stop", "length"}
    assert len(set(found["text"].to_pylist())) > ROWS and counts["completion_tokens"] <= 9 * 2 * ROWS
