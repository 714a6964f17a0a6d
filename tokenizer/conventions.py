"""Conventions: what a tokenizer's files say of its use. Which tokens end, begin and pad a text, and how it talks.

In this order: what the manifest says, a token of our own name, `tokenizer_config.json`, `special_tokens_map.json`,
`generation_config.json`, and the names that families of models use.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from winnow.tokenizer.files import CONFIGURATION, GENERATION, ROLES_FILE, SPECIAL_MAP, TEMPLATE, TEMPLATE_JSON, Files
from winnow.tokenizer.special import (
    BEGINNING_OF_TEXT,
    CODE_MIDDLE,
    CODE_PREFIX,
    CODE_SUFFIX,
    END_OF_TEXT,
    FILE_SEPARATOR,
    PADDING,
    REPOSITORY_NAME,
    WORDS,
)

# What families of models call the tokens of ours. That which ends a text comes before the configured one: the
# configuration of a model that talks names the end of a turn.
ENDS_OF_TEXT = ("<|end_of_text|>",)
FAMILIES: Mapping[str, tuple[str, ...]] = {
    END_OF_TEXT: ("</s>", "<eos>", "<｜end▁of▁sentence｜>", "[EOS]", "<|endofdocument|>"),
    CODE_PREFIX: ("<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "<｜fim▁begin｜>", "▁<PRE>", "[PREFIX]"),
    CODE_MIDDLE: ("<|fim_middle|>", "<fim_middle>", "<fim-middle>", "<｜fim▁end｜>", "▁<MID>", "[MIDDLE]"),
    CODE_SUFFIX: ("<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "<｜fim▁hole｜>", "▁<SUF>", "[SUFFIX]"),
    REPOSITORY_NAME: ("<reponame>", "<repo_name>"),
    FILE_SEPARATOR: ("<|file_separator|>", "<file_sep>", "<filename>"),
}


class ConventionsError(ValueError):
    """A file beside a tokenizer that can't be read, or names a token that the tokenizer hasn't."""


@dataclass(frozen=True)
class Conventions:
    """`roles`: ids by our names of tokens; `beginning`: ids put before every document; `ends`: ids at which a model that
    talks stops; `template`: the source of its chat template, or nothing; `names`: tokens by what a template calls them."""

    roles: Mapping[str, int]
    beginning: tuple[int, ...]
    ends: frozenset[int]
    template: str | None
    names: Mapping[str, str]


def conventions_of(files: Files, tokens: Mapping[str, int], beginning: tuple[int, ...] = ()) -> Conventions:
    """What the files say. `tokens`: ids of all special and added tokens; `beginning`: what the post-processor puts first.

    Raises `ConventionsError`.
    """
    configuration, mapped = _json(files, CONFIGURATION), _json(files, SPECIAL_MAP)
    generation, given = _json(files, GENERATION), _json(files, ROLES_FILE)
    stops = generation.get("eos_token_id")
    by_id: dict[Any, str] = {number: name for name, number in tokens.items()}
    stopping = [by_id[number] for number in (stops if isinstance(stops, list) else [stops]) if number in by_id]

    def configured(key: str) -> list[str]:
        said = [_content(where.get(key)) for where in (configuration, mapped)]
        return [name for name in said if name]

    candidates = {name: [name, *FAMILIES.get(name, ())] for name in WORDS.values()}
    eos = [*configured("eos_token"), *stopping]
    candidates[END_OF_TEXT] = [END_OF_TEXT, *ENDS_OF_TEXT, *eos, *FAMILIES[END_OF_TEXT]]
    candidates[BEGINNING_OF_TEXT] = configured("bos_token")
    candidates[PADDING] = configured("pad_token")
    roles = {our: tokens[name] for our, names in candidates.items() if (name := _first(names, tokens)) is not None}
    roles |= _given(given, tokens)
    if PADDING not in roles and END_OF_TEXT in roles:
        roles[PADDING] = roles[END_OF_TEXT]
    begins, said = roles.get(BEGINNING_OF_TEXT), configuration.get("add_bos_token")
    if begins is not None and said is True and begins not in beginning:
        beginning = (begins, *beginning)
    elif said is False and beginning == (begins,):
        beginning = ()
    ends = {tokens[name] for name in eos if name in tokens} | ({roles[END_OF_TEXT]} if END_OF_TEXT in roles else set())
    names = {
        key: value[0] for key in ("bos_token", "eos_token", "pad_token", "unk_token") if (value := configured(key))
    }
    return Conventions(roles, beginning, frozenset(ends), _template(files, configuration), names)


def _first(names: Iterable[str], tokens: Mapping[str, int]) -> str | None:
    return next((name for name in names if name in tokens), None)


def _given(given: Mapping[str, Any], tokens: Mapping[str, int]) -> dict[str, int]:
    """What the manifest says: ids by our names, of tokens by the words of `WORDS`."""
    for word, name in given.items():
        if word not in WORDS:
            raise ConventionsError(f"tokenizer.tokens: {word!r} is no role of a token{_nearest(word, WORDS)}")
        if name not in tokens:
            raise ConventionsError(
                f"tokenizer.tokens.{word}: the tokenizer has no special or added token {name!r}{_nearest(name, tokens)}"
            )
    return {WORDS[word]: tokens[name] for word, name in given.items()}


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(list(known)[:30])}"


def _template(files: Files, configuration: Mapping[str, Any]) -> str | None:
    """The chat template: a file of its own, or in the configuration, where there may be several by name."""
    own = files.named(TEMPLATE)
    if own is not None:
        return own.decode()
    found = configuration.get("chat_template") or _json(files, TEMPLATE_JSON).get("chat_template")
    if isinstance(found, list):
        by_name = {each["name"]: each["template"] for each in found}
        found = by_name.get("default") or next(iter(by_name.values()), None)
    return found or None


def _content(token: Any) -> str | None:
    """A token as it is written in a configuration: its content, or an object that has it."""
    content = token.get("content") if isinstance(token, Mapping) else token
    return content if isinstance(content, str) else None


def _json(files: Files, name: str) -> dict[str, Any]:
    content = files.named(name)
    if content is None:
        return {}
    try:
        value = json.loads(content)
    except ValueError as error:
        raise ConventionsError(f"{name} beside {files.path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConventionsError(f"{name} beside {files.path} holds {type(value).__name__}, not an object")
    return value


def with_tokens(files: Files, tokens: Mapping[str, str]) -> Files:
    """The same files where the manifest says which tokens serve as ours: names of tokens by the words of `WORDS`."""
    if not tokens:
        return files
    content = json.dumps(dict(tokens), ensure_ascii=False, sort_keys=True).encode()
    return files._replace(beside=(*(pair for pair in files.beside if pair[0] != ROLES_FILE), (ROLES_FILE, content)))


def prefix_of(post_processor: Mapping[str, Any] | None) -> tuple[int, ...]:
    """The ids that the post-processor of a `tokenizer.json` puts before a text."""
    if post_processor is None:
        return ()
    kind = post_processor["type"]
    if kind == "Sequence":
        return tuple(number for step in post_processor["processors"] for number in prefix_of(step))
    if kind in ("BertProcessing", "RobertaProcessing"):
        return (int(post_processor["cls"][1]),)
    found: list[int] = []
    if kind == "TemplateProcessing":
        for step in post_processor["single"]:
            if "Sequence" in step:
                break
            found += post_processor["special_tokens"][step["SpecialToken"]["id"]]["ids"]
    return tuple(found)
