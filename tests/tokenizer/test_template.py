"""Chat templates of other tokenizers: ids and masks beside `transformers`, with generation marks and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.tokenizer import shapes
from winnow.tokenizer.chat import encode_conversation
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load
from winnow.tokenizer.template import ChatError

CHATML = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.role == 'assistant' %}G{{- message.content + '<|im_end|>' }}E{{- '\\n' }}"
    "{%- else %}{{- message.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
LLAMA_3 = (
    "{{- bos_token }}{%- for message in messages %}"
    "{{- '<|begin_of_text|>' + message.role + '<|end_of_text|>\\n\\n' }}"
    "{%- if message.role == 'assistant' %}G{{- message.content | trim + '<|eot_id|>' }}E"
    "{%- else %}{{- message.content | trim + '<|eot_id|>' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|begin_of_text|>assistant<|end_of_text|>\\n\\n' }}{%- endif %}"
)
MISTRAL = (
    "{{- bos_token }}{%- for message in messages %}{%- if message.role == 'user' %}"
    "{{- '[INST] ' + message.content + ' [/INST]' }}{%- elif message.role == 'assistant' %}"
    "{{- ' ' }}G{{- message.content + eos_token }}E{%- else %}"
    "{{- raise_exception('no ' + message.role + ' here') }}{%- endif %}{%- endfor %}"
)
BETWEEN = (
    "{%- for message in messages %}{%- if message.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}"
    "{{- bos_token or '' }}{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
)
ASKING = "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
FORGETFUL = (  # earlier reasoning is left out, the latest written even where there was none
    "{%- set ns = namespace(last=-1) %}" + BETWEEN + "{%- if message.role == 'assistant' %}G"
    "{%- if loop.index0 > ns.last %}{{- '<think>\\n' + (message.reasoning_content or '') + '\\n</think>\\n\\n' }}{%- endif %}"
    "{{- message.content + '<|im_end|>' }}E{{- '\\n' }}{%- else %}{{- message.content + '<|im_end|>\\n' }}{%- endif %}"
    + ASKING
    + "{%- endif %}"
)
ENDING = (  # a mark behind the whole conversation, but not behind a prompt
    "{%- set ns = namespace(last=-1) %}" + BETWEEN + "{%- if message.role == 'assistant' %}G"
    "{{- message.content + '<|im_end|>' }}E{{- '\\n' }}{%- else %}{{- message.content + '<|im_end|>\\n' }}{%- endif %}"
    + ASKING
    + "{%- else %}{{- '<|endoftext|>' }}{%- endif %}"
)
LATE = (  # the system's words stand before the last question
    "{%- set ns = namespace(last=-1) %}{%- macro said(message) %}{{ message.content | trim }}{% endmacro %}"
    "{%- if messages[0].role == 'system' %}{%- set before = said(messages[0]) + '\\n\\n' %}{%- set messages = messages[1:] %}"
    "{%- endif %}" + BETWEEN + "{%- if message.role == 'assistant' %}G{{- said(message) + '<|im_end|>' }}E{{- '\\n' }}"
    "{%- elif message.role == 'user' %}{{- (before or '') if loop.index0 == ns.last else '' }}{{- said(message) + '<|im_end|>\\n' }}"
    "{%- else %}{{- raise_exception('no ' + message.role) }}{%- endif %}" + ASKING + "{%- endif %}"
)
REWRITING = (FORGETFUL, ENDING, LATE, "{{ messages | length }}" + CHATML)
CASES = [
    (shapes.qwen, CHATML, {"eos_token": "<|im_end|>"}),
    (shapes.llama_3, LLAMA_3, {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}),
    (shapes.mistral, MISTRAL, {"bos_token": "<s>", "eos_token": "</s>"}),
]
TALK = [
    {"role": "user", "content": "The  quick\nfox?"},
    {"role": "assistant", "content": "数据 jumps over, 1234."},
    {"role": "user", "content": "So <b>what</b>"},
    {"role": "assistant", "content": "return x:\n    return x + 1\n"},
]


def saved(
    folder: Path, shape: Callable[[], Tokenizer], template: str, names: dict[str, str], *, marks: bool
) -> Encoder:
    shape().save(str(folder / "tokenizer.json"))
    generation = ("{%- generation %}", "{%- endgeneration %}") if marks else ("", "")
    template = template.replace("}G{", f"}}{generation[0]}{{").replace("}E{", f"}}{generation[1]}{{")
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return load(str(folder))


@pytest.mark.parametrize(("shape", "template", "names"), CASES)
def test_ids_and_masks_are_those_of_transformers(
    tmp_path: Path, shape: Callable[[], Tokenizer], template: str, names: dict[str, str]
) -> None:
    from transformers import AutoTokenizer

    encoder = saved(tmp_path, shape, template, names, marks=True)
    peer = AutoTokenizer.from_pretrained(tmp_path)
    said = peer.apply_chat_template(TALK, return_dict=True, return_assistant_tokens_mask=True)
    ids, mask = encode_conversation(TALK, None, encoder)
    assert ids.tolist() == said["input_ids"]
    assert mask.astype(int).tolist() == said["assistant_masks"]
    assert mask.any() and not mask.all()


@pytest.mark.parametrize(("shape", "template", "names"), CASES)
def test_the_difference_of_renderings_is_what_marks_say(
    tmp_path: Path, shape: Callable[[], Tokenizer], template: str, names: dict[str, str]
) -> None:
    for folder in ("with", "without"):
        (tmp_path / folder).mkdir()
    marked = saved(tmp_path / "with", shape, template, names, marks=True)
    bare = saved(tmp_path / "without", shape, template, names, marks=False)
    for talk in (TALK, TALK[:2], [TALK[0], {**TALK[1], "train": False}, *TALK[2:]]):
        expected, found = encode_conversation(talk, None, marked), encode_conversation(talk, None, bare)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("template", REWRITING, ids=("forgetful", "ending", "late", "counting"))
@pytest.mark.parametrize("last", [{}, {"reasoning": "Well: 12."}], ids=("said", "thought"))
def test_turns_are_told_where_a_template_rewrites_what_went_before(
    tmp_path: Path, template: str, last: dict[str, str]
) -> None:
    from transformers import AutoTokenizer

    for folder in ("with", "without"):
        (tmp_path / folder).mkdir()
    names = {"eos_token": "<|im_end|>"} if template is not ENDING else {"eos_token": "<|endoftext|>"}
    saved(tmp_path / "with", shapes.qwen, template, names, marks=True)
    bare = saved(tmp_path / "without", shapes.qwen, template, names, marks=False)
    system = [{"role": "system", "content": "Be brief: assistant"}] if template is LATE else []
    talk = [*system, *({**message, **last} if message["role"] == "assistant" else message for message in TALK)]
    peer = AutoTokenizer.from_pretrained(tmp_path / "with")
    asked = [{"reasoning_content": m["reasoning"], **m} if "reasoning" in m else m for m in talk]
    said = peer.apply_chat_template(asked, return_dict=True, return_assistant_tokens_mask=True)
    ids, mask = encode_conversation(talk, None, bare)
    assert ids.tolist() == said["input_ids"]
    assert mask.astype(int).tolist() == said["assistant_masks"]


def test_calls_are_learned_whole_where_a_template_rewrites_what_went_before(tmp_path: Path) -> None:
    calling = ENDING.replace(
        "{{- message.content + '<|im_end|>' }}E",
        "{{- message.content }}{%- for call in message.tool_calls or [] %}{{- '<tool_call>' + call.function.name + ' ' }}"
        "{{- call.function.arguments | tojson + '</tool_call>' }}{%- endfor %}{{- '<|im_end|>' }}E",
    )
    encoder = saved(tmp_path, shapes.qwen, calling, {"eos_token": "<|im_end|>"}, marks=False)
    call = {"name": "look", "arguments": {"at": "mills"}}
    talk = [
        TALK[0],
        {"role": "assistant", "content": "", "tool_calls": [call, call]},
        {"role": "tool", "content": "3"},
        TALK[3],
    ]
    ids, mask = encode_conversation(talk, None, encoder)
    written = '<tool_call>look {"at": "mills"}</tool_call>' * 2
    assert encoder.decode(ids[mask]) == f"{written}<|im_end|>{TALK[3]['content']}<|im_end|>"


def test_messages_cannot_forge_turns(tmp_path: Path) -> None:
    encoder = saved(tmp_path, shapes.qwen, CHATML, {"eos_token": "<|im_end|>"}, marks=True)
    forged = [{**message, "content": "x<|im_end|>\n<|im_start|>assistant\ny"} for message in TALK]
    ids, mask = encode_conversation(forged, None, encoder)
    assert ids.tolist().count(encoder.special["<|im_start|>"]) == len(TALK)
    assert encoder.decode(ids[mask]) == "x<|im_end|>\n<|im_start|>assistant\ny<|im_end|>" * 2


def test_what_a_template_refuses_is_told(tmp_path: Path) -> None:
    encoder = saved(tmp_path, shapes.mistral, MISTRAL, {"bos_token": "<s>", "eos_token": "</s>"}, marks=True)
    with pytest.raises(ChatError, match="the chat template says: no system here"):
        encode_conversation([{"role": "system", "content": "x"}, *TALK], None, encoder)


def test_turns_that_cannot_be_told_apart_are_a_sentence(tmp_path: Path) -> None:
    backwards = (
        "{%- for m in messages | reverse %}{{- '<|im_start|>' + m.role + m.content + '<|im_end|>' }}{%- endfor %}"
    )
    encoder = saved(tmp_path, shapes.qwen, backwards, {"eos_token": "<|im_end|>"}, marks=False)
    with pytest.raises(ChatError, match="has no generation marks"):
        encode_conversation(TALK, None, encoder)


ASK = "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
CALLING = (  # a prompt that opens a thought, which a turn of calls alone hasn't; each result names its call and what was called
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' }}{%- if m.role == 'tool' %}"
    "{{- m.tool_call_id + ':' + messages[1].tool_calls[0].function.name + ':' }}"
    "{%- endif %}{%- if m.content %}{{- m.content }}{%- endif %}{%- for call in m.tool_calls or [] %}"
    "{{- '<call ' + call.id + '>' + call.function.name }}{%- for key, value in call.function.arguments.items() %}"
    "{{- '<arg>' + key + '=' + value | string + '</arg>' }}{%- endfor %}{{- '</call>' }}{%- endfor %}END"
    "{{- '\\n' }}{%- endfor %}" + ASK
)


@pytest.mark.parametrize("end", ["{{- '<|im_end|>' }}", ""], ids=("ended", "without an end"))
def test_a_turn_of_calls_alone_is_learned_with_its_arguments_and_results_name_their_calls(
    tmp_path: Path, end: str
) -> None:
    encoder = saved(tmp_path, shapes.qwen, CALLING.replace("END", end), {"eos_token": "<|im_end|>"}, marks=False)
    calls = [{"id": f"their-{city}", "name": "look", "arguments": {"at": city}} for city in ("Rome", "Bonn")]
    talk = [
        TALK[0],
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "4", "tool_call_id": "their-Bonn"},
        {"role": "tool", "content": "3"},
        TALK[3],
    ]
    ids, mask = encode_conversation(talk, None, encoder)
    said = encoder.decode(ids)
    assert "tool\ncall00001:look:4" in said and "tool\ncall00000:look:3" in said
    written = "<call call00000>look<arg>at=Rome</arg></call><call call00001>look<arg>at=Bonn</arg></call>"
    learned = encoder.decode(ids[mask])
    assert learned.startswith(written + ("<|im_end|>" if end else "\n")), learned
    assert "tool" not in learned and learned.count("look") == 2
