"""What an export answers to questions: greedily, by transformers, as text that goes on or as an assistant's turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from winnow.trainer.benchmarks.questions import Question

BATCH = 8


def answers(
    model: Path, questions: Sequence[Question], *, most_tokens: int, chat: bool
) -> Iterator[tuple[Question, str]]:
    """Each question with its answer, of `most_tokens` at the most; questions of like lengths are asked together.

    `chat` asks by the chat template. A question is never cut: one that leaves no room in the model's context is answered
    with nothing.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(model, padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    asked: Any = AutoModelForCausalLM.from_pretrained(model).eval()
    room = asked.config.max_position_embeddings
    encoded = [_encoded(tokenizer, question, chat) for question in questions]
    order = sorted(range(len(questions)), key=lambda place: len(encoded[place]))
    for place in order:
        if len(encoded[place]) >= room:
            yield questions[place], ""
    fitting = [place for place in order if len(encoded[place]) < room]
    for start in range(0, len(fitting), BATCH):
        batch = fitting[start : start + BATCH]
        given = tokenizer.pad({"input_ids": [encoded[place] for place in batch]}, return_tensors="pt")
        longest = given["input_ids"].shape[1]
        with torch.no_grad():
            said = asked.generate(**given, max_new_tokens=min(most_tokens, room - longest), do_sample=False)
        for place, text in zip(batch, tokenizer.batch_decode(said[:, longest:], skip_special_tokens=True), strict=True):
            yield questions[place], text


def _encoded(tokenizer: Any, question: Question, chat: bool) -> list[int]:
    if not chat:
        return list(tokenizer(question.asked)["input_ids"])
    turns = [{"role": "user", "content": question.told}]
    return list(
        tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=True)["input_ids"]
    )
