"""The chat template and its loss mask, beside `transformers` and by hand."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from winnow.tokenizer.bpe import BytePairEncoder
from winnow.tokenizer.chat import encode_conversation, render
from winnow.tokenizer.conventions import conventions_of
from winnow.tokenizer.export import export
from winnow.tokenizer.special import SpecialTokenError

TOOL = {
    "name": "weather",
    "description": "今天的天气 <&>",
    "parameters": {"type": "object", "properties": {"city": {}}},
}
CALL = {"name": "weather", "arguments": {"city": "北京", "days": 3, "units": ["C", None], "exact": True}}
CONVERSATIONS: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = [
    ([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}], []),
    (
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "2 + 2?"},
            {"role": "assistant", "content": " 4 \n", "reasoning": " a sum\n"},
            {"role": "user", "content": "再来一次"},
            {"role": "assistant", "content": "四", "reasoning": "和上次一样"},
        ],
        [],
    ),
    (
        [
            {"role": "user", "content": "天气?"},
            {"role": "assistant", "content": "", "reasoning": "ask the tool", "tool_calls": [CALL, CALL]},
            {"role": "tool", "content": '{"t": 21}'},
            {"role": "tool", "content": "晴"},
            {"role": "assistant", "content": "21 度,晴。"},
            {"role": "user", "content": "天气?"},
        ],
        [TOOL],
    ),
]


@pytest.fixture(scope="module")
def peer(encoder: BytePairEncoder, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Our export as `transformers` loads it."""
    from transformers import AutoTokenizer

    folder: Path = tmp_path_factory.mktemp("export")
    for name, content in export(encoder).items():
        (folder / name).write_bytes(content)
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(("messages", "tools"), CONVERSATIONS)
@pytest.mark.parametrize(
    "options", [{}, {"add_generation_prompt": True}, {"enable_thinking": False}, {"clear_thinking": False}]
)
def test_rendering_is_that_of_transformers(
    peer: Any, messages: list[dict[str, Any]], tools: list[dict[str, Any]], options: dict[str, bool]
) -> None:
    expected = peer.apply_chat_template(messages, tools=tools or None, tokenize=False, **options)
    assert render(messages, tools, **options) == expected


@pytest.mark.parametrize(("messages", "tools"), CONVERSATIONS)
def test_ids_are_those_of_transformers(
    peer: Any, encoder: BytePairEncoder, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
) -> None:
    ids, mask = encode_conversation(messages, tools, encoder)
    assert ids.tolist() == peer.apply_chat_template(messages, tools=tools or None, return_dict=False)
    assert ids.dtype == encoder.dtype and mask.dtype == bool and len(mask) == len(ids)


@pytest.mark.parametrize(("messages", "tools"), CONVERSATIONS)
def test_what_is_learned_is_what_transformers_marks(
    peer: Any, encoder: BytePairEncoder, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
) -> None:
    said = peer.apply_chat_template(messages, tools=tools or None, return_dict=True, return_assistant_tokens_mask=True)
    ids, mask = encode_conversation(messages, tools, encoder)
    theirs = np.array(said["assistant_masks"], bool)
    assert mask[theirs].all() and theirs.any()
    # Of a last character that is spelled in bytes, it marks the first byte alone.
    assert all(
        len(encoder.spellings[token]) == 1 and encoder.spellings[token][0] > 127 for token in ids[mask & ~theirs]
    )


def spoken(
    encoder: BytePairEncoder, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None, **options: bool
) -> str:
    """What the mask tells the model to say, runs apart by a bar."""
    ids, mask = encode_conversation(messages, tools, encoder, **options)
    runs = np.split(np.arange(len(ids)), np.flatnonzero(np.diff(mask.astype(int))) + 1)
    return "¦".join(encoder.decode(ids[run]) for run in runs if mask[run[0]])


def test_the_tag_that_ends_a_turn_is_learned(encoder: BytePairEncoder) -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Bye"},
        {"role": "assistant", "content": "See you."},
    ]
    assert spoken(encoder, messages) == "\n<think></think>\nHello!<|user|>¦\n<think></think>\nSee you."


def test_calls_are_learned_and_what_tools_answer_is_not(encoder: BytePairEncoder) -> None:
    messages = [
        {"role": "user", "content": "天气?"},
        {
            "role": "assistant",
            "content": "",
            "reasoning": "ask",
            "tool_calls": [{"name": "weather", "arguments": {"n": 1}}],
        },
        {"role": "tool", "content": "晴"},
        {"role": "assistant", "content": "晴。"},
    ]
    call = "<tool_call>weather\n<arg_key>n</arg_key>\n<arg_value>1</arg_value>\n</tool_call>"
    assert spoken(encoder, messages, [TOOL]) == (f"\n<think>ask</think>\n{call}<|observation|>¦\n<think></think>\n晴。")


def test_thinking_that_the_template_leaves_out_is_not_unlearned(encoder: BytePairEncoder) -> None:
    messages = [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "4", "reasoning": "a sum"},
        {"role": "user", "content": "sure?"},
        {"role": "assistant", "content": "yes", "reasoning": "checked"},
    ]
    assert spoken(encoder, messages) == "\n4<|user|>¦\n<think>checked</think>\nyes"


def test_all_thinking_is_kept_and_learned_where_that_is_asked_for(peer: Any, encoder: BytePairEncoder) -> None:
    messages = [
        {"role": "user", "content": "天气?"},
        {
            "role": "assistant",
            "content": "",
            "reasoning": "ask",
            "tool_calls": [{"name": "weather", "arguments": {"n": 1}}],
        },
        {"role": "tool", "content": "晴"},
        {"role": "assistant", "content": "晴。", "reasoning": "it is fine"},
        {"role": "user", "content": "sure?"},
        {"role": "assistant", "content": "yes"},
    ]
    call = "<tool_call>weather\n<arg_key>n</arg_key>\n<arg_value>1</arg_value>\n</tool_call>"
    assert spoken(encoder, messages, [TOOL], all_thinking=True) == (
        f"\n<think>ask</think>\n{call}<|observation|>¦\n<think>it is fine</think>\n晴。<|user|>¦\n<think></think>\nyes"
    )
    ids, _ = encode_conversation(messages, [TOOL], encoder, all_thinking=True)
    assert ids.tolist() == peer.apply_chat_template(messages, tools=[TOOL], return_dict=False, clear_thinking=False)


def test_a_turn_that_is_not_to_be_learned_is_read_alone(encoder: BytePairEncoder) -> None:
    messages = [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "5", "reasoning": "a guess", "train": False},
        {"role": "user", "content": "Again"},
        {"role": "assistant", "content": "4", "train": True},
    ]
    assert spoken(encoder, messages) == "\n<think></think>\n4"


@pytest.mark.parametrize(
    "forged", ["<|user|>", "<|assistant|>\n<think>", "</tool_call>", "\ufdd0<\ufdd2|user|>", "\ufdd0"]
)
def test_messages_cannot_forge_turns(encoder: BytePairEncoder, forged: str) -> None:
    messages = [{"role": "user", "content": forged}, {"role": "assistant", "content": f"a{forged}b"}]
    plain = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "axb"}]
    ids, _ = encode_conversation(messages, [], encoder)
    marks = np.isin(ids, list(encoder.special.values()))
    expected, _ = encode_conversation(plain, [], encoder)
    assert ids[marks].tolist() == expected[np.isin(expected, list(encoder.special.values()))].tolist()
    assert encoder.decode(ids) == render(messages)


def test_a_tokenizer_without_the_tokens_is_refused(encoder: BytePairEncoder) -> None:
    poor = copy.copy(encoder)
    poor.conventions = conventions_of(encoder.files, {"<|user|>": 1})
    with pytest.raises(SpecialTokenError, match=r"\[gMASK\], <sop>.* conversations"):
        encode_conversation([{"role": "user", "content": "Hi"}], [], poor)
