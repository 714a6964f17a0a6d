"""Conversations longer than the longest sequence: dropped, cut behind an answer, or continued behind their opening."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from winnow.stages.tokens.conversations import Tokenized, exchanges, tokenize
from winnow.stages.tokens.settings import Thinking, TooLong
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load
from winnow.tokenizer.special import ASSISTANT, GENERATE_MASK, USER
from winnow.tokenizer.train import train


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    text = "Question 1? Answer number 2, and again the answer. Be brief."
    return load(train([text] * 50, 400, 1, str(tmp_path_factory.mktemp("tokenizer"))))


def talk(turns: int, answer: str = "Answer number") -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}]
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn}?"})
        messages.append({"role": "assistant", "content": f"{answer} {turn}."})
    return {"messages": messages, "tools": []}


def made(encoder: Encoder, asked: dict[str, Any], longest: int | None, too_long: TooLong) -> list[Tokenized]:
    return tokenize(asked, encoder, loss_mask=True, longest=longest, too_long=too_long).rows


def said(encoder: Encoder, row: Tokenized) -> str:
    return encoder.decode(row.ids)


def learned(encoder: Encoder, row: Tokenized) -> str:
    assert row.loss is not None
    return encoder.decode(row.ids[row.loss])


@pytest.mark.parametrize("too_long", list(TooLong))
def test_what_fits_stays_whole(encoder: Encoder, too_long: TooLong) -> None:
    (whole,) = made(encoder, talk(5), None, too_long)
    (same,) = made(encoder, talk(5), len(whole.ids) + 1, too_long)
    np.testing.assert_array_equal(same.ids, whole.ids)
    rows = made(encoder, talk(5), len(whole.ids), too_long)
    assert [len(row.ids) for row in rows] != [len(whole.ids)]


def test_all_thinking_is_learned_where_the_manifest_says_so(encoder: Encoder) -> None:
    asked = talk(2)
    asked["messages"][2]["reasoning"] = "Be brief again"
    rows = {
        thinking: tokenize(asked, encoder, loss_mask=True, longest=None, too_long=TooLong.DROP, thinking=thinking).rows
        for thinking in Thinking
    }
    assert "<think>Be brief again</think>" in learned(encoder, rows[Thinking.ALL][0])
    assert "Be brief again" not in said(encoder, rows[Thinking.LATEST][0])


def test_the_default_is_to_drop_and_to_tell_the_length(encoder: Encoder) -> None:
    (whole,) = made(encoder, talk(5), None, TooLong.DROP)
    found = tokenize(talk(5), encoder, loss_mask=True, longest=50, too_long=TooLong.DROP)
    assert (found.rows, found.size) == ([], len(whole.ids) + 1)


@pytest.mark.parametrize("longest", [60, 90, 150, 300])
def test_a_cut_conversation_is_the_longest_beginning_that_fits(encoder: Encoder, longest: int) -> None:
    whole = [made(encoder, talk(turns), None, TooLong.CUT)[0] for turns in range(1, 21)]
    fitting = [row for row in whole if len(row.ids) + 1 <= longest]
    found = made(encoder, talk(20), longest, TooLong.CUT)
    assert [row.ids.tolist() for row in found] == [row.ids.tolist() for row in fitting[-1:]]
    assert all(row.loss is not None and row.loss[-1] for row in found)


@pytest.mark.parametrize("longest", [120, 200, 300])
def test_a_continued_conversation_teaches_every_answer_once_each_behind_its_question(
    encoder: Encoder, longest: int
) -> None:
    rows = made(encoder, talk(20), longest, TooLong.CONTINUE)
    assert len(rows) > 1 and all(len(row.ids) + 1 <= longest for row in rows)
    taught = "".join(learned(encoder, row) for row in rows)
    for turn in range(20):
        assert taught.count(f"Answer number {turn}.") == 1
    for row in rows:
        text = said(encoder, row)
        assert text.startswith(f"{GENERATE_MASK}<sop><|system|>\nBe brief.")
        assert text.index(USER) < text.index(ASSISTANT)
        assert row.loss is not None and row.loss[-1]
        for answer in learned(encoder, row).split("Answer number ")[1:]:
            assert f"Question {answer.partition('.')[0]}?" in text
    for row in rows[1:]:
        assert "Question 0?" in said(encoder, row) and "number 0." not in learned(encoder, row)


def test_an_exchange_that_is_too_long_by_itself_is_left_out(encoder: Encoder) -> None:
    asked = talk(8)
    asked["messages"][8]["content"] = "again " * 400
    rows = made(encoder, asked, 120, TooLong.CONTINUE)
    taught = "".join(learned(encoder, row) for row in rows)
    assert "again again" not in taught
    assert [turn for turn in range(8) if f"Answer number {turn}." in taught] == [0, 1, 2, 4, 5, 6, 7]
    assert made(encoder, talk(3, answer="again " * 400), 120, TooLong.CONTINUE) == []
    assert made(encoder, talk(3, answer="again " * 400), 120, TooLong.CUT) == []


def test_a_conversation_ends_behind_no_call(tmp_path: Path) -> None:
    call = {"name": "f", "arguments": {}}
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "1"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": "d"},
        {"role": "user", "content": "e"},
    ]
    assert exchanges(messages) == [4, 6]
