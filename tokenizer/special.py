"""The special tokens of the GLM family: what they are called, which of them a use needs, how to ask for them.

Special tokens are put in by the pipeline alone. Text that happens to spell one (`<|user|>` in a web page) is encoded as
the plain characters it consists of, so no document can forge the borders of a document or the turns of a conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

END_OF_TEXT = "<|endoftext|>"
MASK, GENERATE_MASK, SENTENCE_MASK = "[MASK]", "[gMASK]", "[sMASK]"
START_OF_PIECE, END_OF_PIECE = "<sop>", "<eop>"
SYSTEM, USER, ASSISTANT, OBSERVATION = "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"
CODE_PREFIX, CODE_MIDDLE, CODE_SUFFIX = "<|code_prefix|>", "<|code_middle|>", "<|code_suffix|>"
THINK, END_OF_THINK = "<think>", "</think>"
TOOL_CALL, END_OF_TOOL_CALL = "<tool_call>", "</tool_call>"
TOOL_RESPONSE, END_OF_TOOL_RESPONSE = "<tool_response>", "</tool_response>"
ARGUMENT_KEY, END_OF_ARGUMENT_KEY = "<arg_key>", "</arg_key>"
ARGUMENT_VALUE, END_OF_ARGUMENT_VALUE = "<arg_value>", "</arg_value>"
REPOSITORY_NAME, FILE_SEPARATOR = "<|repo_name|>", "<|file_sep|>"

ROLES = (SYSTEM, USER, ASSISTANT, OBSERVATION)
CONVERSATION = (
    *(GENERATE_MASK, START_OF_PIECE),
    *ROLES,
    *(THINK, END_OF_THINK),
    *(TOOL_CALL, END_OF_TOOL_CALL, TOOL_RESPONSE, END_OF_TOOL_RESPONSE),
    *(ARGUMENT_KEY, END_OF_ARGUMENT_KEY, ARGUMENT_VALUE, END_OF_ARGUMENT_VALUE),
)
"""What the chat template writes; a tokenizer without all of them can't encode conversations."""

INFILL = (CODE_PREFIX, CODE_SUFFIX, CODE_MIDDLE)
REPOSITORY = (REPOSITORY_NAME, FILE_SEPARATOR)

SPECIAL_TOKENS = (
    *(END_OF_TEXT, MASK, GENERATE_MASK, SENTENCE_MASK, START_OF_PIECE, END_OF_PIECE),
    *ROLES,
    *(CODE_PREFIX, CODE_MIDDLE, CODE_SUFFIX),
    *CONVERSATION[len(ROLES) + 2 :],
    *REPOSITORY,
)
"""Every special token of a tokenizer that is trained here, in the order of its ids: that of GLM-4.5, then ours."""


BEGINNING_OF_TEXT, PADDING = "beginning_of_text", "padding"
WORDS = {
    "end_of_text": END_OF_TEXT,
    BEGINNING_OF_TEXT: BEGINNING_OF_TEXT,
    PADDING: PADDING,
    **{"system": SYSTEM, "user": USER, "assistant": ASSISTANT, "observation": OBSERVATION},
    **{"code_prefix": CODE_PREFIX, "code_middle": CODE_MIDDLE, "code_suffix": CODE_SUFFIX},
    **{"generate_mask": GENERATE_MASK, "start_of_piece": START_OF_PIECE},
    **{"think": THINK, "end_of_think": END_OF_THINK},
    **{"tool_call": TOOL_CALL, "end_of_tool_call": END_OF_TOOL_CALL},
    **{"tool_response": TOOL_RESPONSE, "end_of_tool_response": END_OF_TOOL_RESPONSE},
    **{"argument_key": ARGUMENT_KEY, "end_of_argument_key": END_OF_ARGUMENT_KEY},
    **{"argument_value": ARGUMENT_VALUE, "end_of_argument_value": END_OF_ARGUMENT_VALUE},
    **{"repository_name": REPOSITORY_NAME, "file_separator": FILE_SEPARATOR},
}
"""The words by which a manifest says which token of another tokenizer serves as one of ours (`tokenizer.tokens`)."""


class SpecialTokenError(LookupError):
    """A tokenizer lacks special tokens that the work needs."""


def require(known: Mapping[str, int], names: Iterable[str], purpose: str) -> tuple[int, ...]:
    """The ids of tokens by our names. Raises `SpecialTokenError` that lists all that are missing."""
    wanted = tuple(names)
    missing = [name for name in wanted if name not in known]
    if missing:
        words = {name: word for word, name in WORDS.items()}
        asked = ", ".join(f"{words[name]}: …" for name in missing if name in words)
        raise SpecialTokenError(
            f"the tokenizer lacks {', '.join(missing)}, needed for {purpose}; "
            f"name the tokens that serve instead, in the manifest: tokenizer: {{tokens: {{{asked}}}}}, "
            "or add them to its added_tokens as special tokens"
        )
    return tuple(known[name] for name in wanted)
